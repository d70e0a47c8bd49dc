//! The command line: arguments in, exit code out. What the commands do stands in the library.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use host_test::bake::Bake;
use host_test::config_file::CheckConfig;
use host_test::demo::Demo;
use host_test::explain::Explain;
use host_test::inspect::Inspect;
use host_test::run::Run;
use host_test::serve::Serve;

#[derive(Parser)]
#[command(
    name = "signin-triage",
    version,
    about = "Labels, flags and scores Microsoft Entra ID sign-in records in flight",
    after_help = "Exit codes: 0 done, 1 input or output failed, 2 wrong usage or configuration.",
    arg_required_else_help = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Reads records and writes them enriched
    #[command(after_help = format!("\
Examples:
  signin-triage run signins.ndjson > enriched.ndjson
  signin-triage run 'logs/2025-03-*.ndjson' --out march.ndjson
  kafkacat -C -t signins | signin-triage run --config triage.toml --state triage.state --quiet | shipper
  signin-triage run monday.ndjson --mode filter --hold 600 --out kept.ndjson --suppressed noise.ndjson
  signin-triage run --lockstep lines --state triage.state --log triage.log

Every line leaves exactly once, in order but for those that wait (--hold). What is not a sign-in record leaves as it
came.

{}", host_test::run::about_jobs()))]
    Run(Run),
    /// Takes records by HTTP, sends them on enriched, and answers what the downstream answered
    #[command(after_help = "\
Examples:
  signin-triage serve --forward http://127.0.0.1:8088 --state triage.state
  signin-triage serve --forward https://siem.example/ingest --forward-token-file siem.token --mode filter --suppressed noise.ndjson
  signin-triage serve --listen 0.0.0.0:8087 --token-file senders.token --forward http://127.0.0.1:8088

Bodies: newline-delimited JSON, a JSON array, or one record; gzip and deflate. POST to any path but /health (is it
alive) and /metrics (Prometheus). A request is answered with the downstream's status once the downstream has it.")]
    Serve(Serve),
    /// Reads out the decision about one record
    #[command(after_help = "\
Examples:
  signin-triage explain signins.ndjson --line 17
  signin-triage explain signins.ndjson --line 17 --long
  pbpaste | signin-triage explain

The lines before the one asked for are taken into account. Of an envelope every record is read out. A JSON text over
several lines is taken as a whole.")]
    Explain(Explain),
    /// Checks a configuration file and names every problem
    #[command(after_help = "\
Examples:
  signin-triage check-config triage.toml
  signin-triage check-config triage.json --show > schema.json")]
    CheckConfig(CheckConfig),
    /// Writes a module for Fluent Bit, with a configuration inside
    #[command(after_help = "\
Examples:
  signin-triage bake
  signin-triage bake --config triage.toml --out /etc/fluent-bit/signin_triage_fluent_bit.wasm

The function that Fluent Bit is told to call decides about noise, whatever the configuration's mode:
signin_triage_annotate removes nothing, signin_triage_filter does.")]
    Bake(Bake),
    /// Shows a component's version, imports, exports, options and signals; of a Fluent Bit module its configuration
    #[command(after_help = "\
Examples:
  signin-triage inspect --long
  signin-triage inspect signin_triage.wasm
  signin-triage inspect signin_triage_fluent_bit.wasm")]
    Inspect(Inspect),
    /// Writes the sign-in traffic of an invented tenant, attacks among it, and the truth about every record
    #[command(after_help = "\
Examples:
  signin-triage demo --list
  signin-triage demo --users 500 --days 3 --out demo.ndjson --truth truth.ndjson
  signin-triage demo --attacks mfa_fatigue,aitm --runs 20 | signin-triage run > enriched.ndjson
  signin-triage demo --attacks none --users 1000000 --days 1 | signin-triage run > enriched.ndjson

The same options give the same bytes. Addresses, names and networks belong to nobody.")]
    Demo(Demo),
}

fn main() -> ExitCode {
    let ended = match Arguments::parse().command {
        Command::Run(run) => run.run(),
        Command::Serve(serve) => serve.run(),
        Command::Explain(explain) => explain.run(),
        Command::CheckConfig(check) => check.run(),
        Command::Bake(bake) => bake.run(),
        Command::Inspect(inspect) => inspect.run(),
        Command::Demo(demo) => demo.run(),
    };
    match ended {
        Ok(ending) => ending.into(),
        Err(error) => {
            host_test::say(&format!("{error:#}"));
            ExitCode::from(1)
        }
    }
}
