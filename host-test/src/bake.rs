//! `bake`: a module for Fluent Bit with a configuration inside, because Fluent Bit has no option for one.
//!
//! The memory that the module begins with is made larger, the text put there, and its place and length where the
//! module looks for them. All by data that is copied at the start, so no code changes.

use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;
use signin_triage::config::HOLD_SECS;
use wasm_encoder::{
    ConstExpr, DataCountSection, DataSection, MemorySection, MemoryType, RawSection, Section as _,
};
use wasmparser::{ExternalKind, Operator, Parser, Payload};

use crate::Ending;
use crate::fluent_bit;
use crate::inputs::same;
use crate::opened::Configuration;
use crate::output::Output;
use crate::plugin::Plugin;
use crate::terminal::say;

/// Bytes of a page of memory.
const PAGE: u64 = 1 << 16;

/// The exported global that holds the address of place and length of the configuration.
const BAKED: &str = "SIGNIN_TRIAGE_BAKED";

/// Writes a module for Fluent Bit, with a configuration inside.
#[derive(Debug, Args)]
pub struct Bake {
    /// The configuration, JSON or TOML; without one everything is at its default
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Write the module there
    #[arg(
        long,
        value_name = "FILE",
        default_value = "signin_triage_fluent_bit.wasm"
    )]
    pub out: PathBuf,
}

impl Bake {
    /// Does it.
    pub fn run(&self) -> Result<Ending> {
        if self
            .config
            .as_ref()
            .is_some_and(|path| same(path, &self.out))
        {
            say("--out: must not be the configuration");
            return Ok(Ending::WrongUsage);
        }
        let plugin = Plugin::built_in()?;
        let Some(config) = Configuration::load(&plugin, self.config.as_deref(), &[])? else {
            return Ok(Ending::WrongUsage);
        };
        if config.hold_secs > 0 {
            // In the words of the other problems.
            say(&format!(
                "{}: found {}, allowed 0 {}, as Fluent Bit wants each record back at once",
                HOLD_SECS.key, config.hold_secs, HOLD_SECS.unit
            ));
            return Ok(Ending::WrongUsage);
        }
        let module = bake(fluent_bit::BUILT_IN, &config.json)?;
        fluent_bit::validate(&module).context("the module that was made is broken")?;
        Ok(self.write(&module, config.json.len()))
    }

    fn write(&self, module: &[u8], config_bytes: usize) -> Ending {
        let mut output = if self.out == Path::new("-") {
            Output::stdout()
        } else {
            match Output::create(&self.out) {
                Ok(output) => output,
                Err(ending) => return ending,
            }
        };
        match output.write(module) {
            Ok(()) => {
                let inside = match config_bytes {
                    0 => "everything at its default".to_owned(),
                    bytes => format!("{bytes} bytes of configuration inside"),
                };
                let (name, size) = (self.out.display(), module.len());
                say(&format!("{name}: {size} bytes, {inside}"));
                Ending::Done
            }
            Err(stop) => stop.say(),
        }
    }
}

/// The module with `config` inside.
///
/// # Errors
/// The module is not one of ours.
pub fn bake(module: &[u8], config: &str) -> Result<Vec<u8>> {
    if config.trim().is_empty() {
        return Ok(module.to_vec());
    }
    let Place { pages, baked } = Place::find(module)?;
    let start = u32::try_from(pages * PAGE)?;
    let length = u32::try_from(config.len())?;
    let grown = pages + u64::from(length).div_ceil(PAGE);
    let within = |range: Range<u64>| -> Result<&[u8]> {
        let range = usize::try_from(range.start)?..usize::try_from(range.end)?;
        module.get(range).context("a section ends behind the file")
    };

    let mut out = wasm_encoder::Module::HEADER.to_vec();
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::MemorySection(_) => {
                let mut section = MemorySection::new();
                section.memory(MemoryType {
                    minimum: grown,
                    maximum: None,
                    memory64: false,
                    shared: false,
                    page_size_log2: None,
                });
                section.append_to(&mut out);
            }
            Payload::DataCountSection { count, .. } => {
                DataCountSection { count: count + 2 }.append_to(&mut out);
            }
            Payload::DataSection(segments) => {
                let mut section = DataSection::new();
                for segment in segments {
                    section.raw(within(segment?.range)?);
                }
                let at = |address: u32| ConstExpr::i32_const(address.cast_signed());
                let numbers = [start.to_le_bytes(), length.to_le_bytes()].concat();
                section.active(0, &at(start), config.bytes());
                section.active(0, &at(baked), numbers);
                section.append_to(&mut out);
            }
            other => {
                if let Some((id, range)) = other.as_section() {
                    let data = within(range)?;
                    RawSection { id, data }.append_to(&mut out);
                }
            }
        }
    }
    Ok(out)
}

/// Where in a module the configuration goes.
struct Place {
    /// Pages of memory at the start. What lies behind them nobody uses before it is asked for.
    pages: u64,
    /// Where place and length of the configuration stand.
    baked: u32,
}

impl Place {
    fn find(module: &[u8]) -> Result<Self> {
        let mut globals = Vec::new();
        let (mut pages, mut index, mut data) = (None, None, false);
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::ImportSection(_) => return Err(anyhow!("the module has imports")),
                Payload::MemorySection(memories) => {
                    for memory in memories {
                        let memory = memory?;
                        ensure!(memory.maximum.is_none(), "the memory has a maximum");
                        pages = Some(memory.initial);
                    }
                }
                Payload::GlobalSection(section) => {
                    for global in section {
                        let mut init = global?.init_expr.get_operators_reader();
                        globals.push(match init.read()? {
                            Operator::I32Const { value } => Some(value.cast_unsigned()),
                            _ => None,
                        });
                    }
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export?;
                        if export.name == BAKED && export.kind == ExternalKind::Global {
                            index = Some(export.index as usize);
                        }
                    }
                }
                Payload::DataSection(_) => data = true,
                _ => {}
            }
        }
        let baked = index.and_then(|index| globals.get(index).copied().flatten());
        ensure!(data, "the module has no data");
        Ok(Place {
            pages: pages.context("the module has no memory")?,
            baked: baked.context("the module takes no configuration")?,
        })
    }
}
