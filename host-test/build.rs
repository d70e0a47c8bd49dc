//! Builds the component that the command line carries and every test runs.
//!
//! Done here so that no step comes before `cargo run` or `cargo test`, and no test meets a stale component.
#![allow(
    clippy::disallowed_methods,
    reason = "a build script is told everything through the environment"
)]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use wasm_encoder::{ComponentSection, CustomSection};
use wit_component::ComponentEncoder;

const TARGET: &str = "wasm32-unknown-unknown";

fn main() -> ExitCode {
    match missing_target() {
        Ok(None) => {}
        Ok(Some(problem)) => {
            // This line fails the build, and of a script that ends well cargo shows nothing else.
            println!("cargo::error={problem}");
            return ExitCode::SUCCESS;
        }
        Err(error) => return failed(&error),
    }
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

/// Without the backtrace that returning the error would bring: what helps is in the words.
fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("{error:#}");
    ExitCode::FAILURE
}

fn build() -> Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("..");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for path in ["src", "wit", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(path).display());
    }
    println!("cargo::rerun-if-changed=build.rs");

    let module = build_module(&root, &out.join("component"))?;
    let component = encode(&module)?;
    fs::write(out.join("signin_triage.wasm"), component)?;
    Ok(())
}

/// Without the target the build below would fail too, with an error for each crate and the cure nowhere near the last.
fn missing_target() -> Result<Option<String>> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let asked = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .context("rustc does not start")?;
    let folder = String::from_utf8_lossy(&asked.stdout);
    let installed = asked.status.success() && Path::new(folder.trim()).is_dir();
    Ok((!installed).then(|| {
        format!("the Rust target {TARGET} is missing; add it with: rustup target add {TARGET}")
    }))
}

/// Compiles the crate to a core module.
fn build_module(root: &Path, target_dir: &Path) -> Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .current_dir(root)
        .args(["build", "--lib", "--package", "signin-triage"])
        .args(["--features", "component", "--profile", "component"])
        .args(["--target", TARGET, "--locked"])
        // The outer build holds the lock of the usual folder: waiting for it here would never end.
        .env("CARGO_TARGET_DIR", target_dir)
        // Flags meant for the host, such as a linker or a CPU, would break the module or change it.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        // Set by `cargo clippy`: the module is compiled here, not checked.
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("CLIPPY_ARGS")
        .output()
        .context("cargo does not start")?;
    if !built.status.success() {
        bail!(
            "the component does not build\n{}",
            String::from_utf8_lossy(&built.stderr)
        );
    }
    Ok(target_dir
        .join(TARGET)
        .join("component")
        .join("signin_triage.wasm"))
}

/// Makes a component of the module and writes into it what `inspect` shows.
fn encode(module: &Path) -> Result<Vec<u8>> {
    let module = fs::read(module).with_context(|| module.display().to_string())?;
    let mut component = ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .context("the module holds no component type")?
        .encode()
        .context("the module does not become a component")?;
    // The sections of the tool conventions for the version and the licence, which also registries read.
    for (name, value) in [
        ("version", env::var("CARGO_PKG_VERSION")?),
        ("licenses", env::var("CARGO_PKG_LICENSE")?),
    ] {
        let section = CustomSection {
            name: name.into(),
            data: value.as_bytes().into(),
        };
        section.append_to_component(&mut component);
    }
    Ok(component)
}
