//! Components that fail: the real one with a will of its own, and one that lies below the level of any language.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::folder;

/// The crate beside this one, as a component; see there for what its lines can ask for.
pub fn misbehaving() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("misbehaving");
        let built = Command::new(env!("CARGO"))
            .current_dir(folder("misbehaving"))
            .args(["rustc", "--profile", "release", "--locked"])
            .args(["--target", "wasm32-unknown-unknown"])
            .env("CARGO_TARGET_DIR", &target)
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("RUSTFLAGS")
            .output()
            .unwrap();
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        let module = target.join("wasm32-unknown-unknown/release/misbehaving.wasm");
        let component = encode(&std::fs::read(module).unwrap());
        // Several tests may do so at once, each for itself.
        let file = target.join(format!("misbehaving-{}.component", std::process::id()));
        std::fs::write(&file, component).unwrap();
        file
    })
}

fn encode(module: &[u8]) -> Vec<u8> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .unwrap()
        .encode()
        .unwrap()
}

/// A component whose `process` always answers with a text of `kept_len` bytes that begins at `kept`. Its memory has
/// one page, and at 1024 stands `\xff\xfe`, which is no UTF-8.
pub fn liar(kept: u32, kept_len: u32) -> Vec<u8> {
    let interface = "signin-triage:transform/transform@0.1.0";
    let text = format!(
        r#"(module
  (import "[export]{interface}" "[resource-new]session" (func $new (param i32) (result i32)))
  (memory (export "memory") 1)
  (global $free (mut i32) (i32.const 2048))
  (data (i32.const 1024) "\ff\fe")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    global.get $free
    global.get $free local.get 3 i32.add i32.const 7 i32.add i32.const -8 i32.and global.set $free)
  (func (export "{interface}#validate") (param i32 i32) (result i32) i32.const 0)
  (func (export "{interface}#config-schema") (result i32) unreachable)
  (func (export "{interface}#[static]session.open") (param i32 i32 i32 i32 i32) (result i32)
    (i32.store8 (i32.const 16) (i32.const 0))
    (i32.store (i32.const 20) (call $new (i32.const 1)))
    i32.const 16)
  (func (export "{interface}#[method]session.process") (param i32 i32 i32) (result i32)
    (i32.store (i32.const 64) (i32.const {kept}))
    (i32.store (i32.const 68) (i32.const {kept_len}))
    (i32.store (i32.const 72) (i32.const 0))
    (i32.store (i32.const 76) (i32.const 0))
    (i32.store (i32.const 80) (i32.const 0))
    (i32.store (i32.const 84) (i32.const 0))
    i32.const 64)
  (func (export "{interface}#[method]session.advance") (param i32 i64) (result i32) unreachable)
  (func (export "{interface}#[method]session.drain") (param i32) (result i32) unreachable)
  (func (export "{interface}#[method]session.snapshot") (param i32) (result i32) unreachable)
  (func (export "{interface}#[method]session.stats") (param i32) (result i32)
    (i64.store (i32.const 96) (i64.const 0))
    i32.const 96)
  (func (export "signin-triage:transform/keyed@0.1.0#key-of") (param i32 i32 i32) (result i32) unreachable)
  (func (export "signin-triage:transform/keyed@0.1.0#step")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i64) (result i32) unreachable)
)"#
    );
    let mut module = wat::parse_str(text).unwrap();
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(folder("../wit")).unwrap();
    let world = resolve
        .select_world(&[package], Some("signin-triage"))
        .unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    encode(&module)
}
