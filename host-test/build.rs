//! Builds the component and the module for Fluent Bit, which the command line carries and every test runs.
//!
//! Done here so that no step comes before `cargo run` or `cargo test`, and no test meets a stale one.
#![allow(
    clippy::disallowed_methods,
    reason = "a build script is told everything through the environment"
)]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use wasm_encoder::{ComponentSection, CustomSection, Section};
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

    println!("cargo::rustc-env=COMPONENT_COMPILER={}", compiler()?);

    let target_dir = out.join("component");
    // Wasmtime and the browsers' engines have vectors, the interpreter of Fluent Bit has none.
    let module = build_module(&root, &target_dir, "component", "-Ctarget-feature=+simd128")?;
    fs::write(out.join("signin_triage.wasm"), encode(&module)?)?;

    let mut module = build_module(&root, &target_dir, "fluent-bit", "")?;
    for section in about()? {
        section.append_to(&mut module);
    }
    fs::write(out.join("signin_triage_fluent_bit.wasm"), module)?;
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

/// What `rustc -V` says: how many instructions the component runs depends on it.
fn compiler() -> Result<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let asked = Command::new(rustc)
        .arg("-V")
        .output()
        .context("rustc does not start")?;
    Ok(String::from_utf8(asked.stdout)?.trim().to_owned())
}

/// Compiles the crate to a core module.
fn build_module(root: &Path, target_dir: &Path, feature: &str, flags: &str) -> Result<Vec<u8>> {
    // Folders of their own, so that neither build makes the other stale.
    let target_dir = target_dir.join(feature);
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .current_dir(root)
        .args(["build", "--lib", "--package", "signin-triage"])
        .args(["--features", feature, "--profile", "component"])
        .args(["--target", TARGET, "--locked"])
        // The outer build holds the lock of the usual folder: waiting for it here would never end.
        .env("CARGO_TARGET_DIR", &target_dir)
        // Flags meant for the host, such as a linker or a CPU, would break the module or change it.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", flags)
        .env_remove("CARGO_BUILD_TARGET")
        // Set by `cargo clippy`: the module is compiled here, not checked.
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("CLIPPY_ARGS")
        .output()
        .context("cargo does not start")?;
    if !built.status.success() {
        bail!(
            "the crate does not build with feature {feature}\n{}",
            String::from_utf8_lossy(&built.stderr)
        );
    }
    // The next build with another feature puts its file in the same place.
    let file = target_dir
        .join(TARGET)
        .join("component")
        .join("signin_triage.wasm");
    fs::read(&file).with_context(|| file.display().to_string())
}

/// Makes a component of the module and writes into it what `inspect` shows.
fn encode(module: &[u8]) -> Result<Vec<u8>> {
    let mut component = ComponentEncoder::default()
        .validate(true)
        .module(module)
        .context("the module holds no component type")?
        .encode()
        .context("the module does not become a component")?;
    for section in about()? {
        section.append_to_component(&mut component);
    }
    Ok(component)
}

/// The sections of the tool conventions for the version and the licence, which also registries read.
fn about() -> Result<[CustomSection<'static>; 2]> {
    let section = |name: &'static str, value: String| CustomSection {
        name: name.into(),
        data: value.into_bytes().into(),
    };
    Ok([
        section("version", env::var("CARGO_PKG_VERSION")?),
        section("licenses", env::var("CARGO_PKG_LICENSE")?),
    ])
}
