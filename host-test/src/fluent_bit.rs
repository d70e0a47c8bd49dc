//! The module for Fluent Bit as Fluent Bit drives it: `malloc`, copy, call, read the text, `free`.
//!
//! Fluent Bit runs modules in the WebAssembly Micro Runtime; here wasmtime does, with everything off that the other does
//! not have. Used by the tests, and by `inspect` to ask a module for its configuration.

use anyhow::{Context, Result, ensure};
use wasmparser::{Validator, WasmFeatures};
use wasmtime::{
    Config, Engine, Instance, Memory, Store, StoreLimits, StoreLimitsBuilder, TypedFunc,
};

use crate::plugin::MEMORY_BYTES_MAX;

/// The module that this program was built with, without a configuration.
pub const BUILT_IN: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/signin_triage_fluent_bit.wasm"));

/// The function that takes nothing out of the stream.
pub const ANNOTATE: &str = "signin_triage_annotate";

/// The function that takes noise out of the stream.
pub const FILTER: &str = "signin_triage_filter";

/// The function that gives the configuration back.
const CONFIG: &str = "signin_triage_config";

/// The arguments of a filter: tag and its length, seconds and nanoseconds, record and its length.
type Filter = TypedFunc<(u32, u32, u32, u32, u32, u32), u32>;

/// Checks that a module needs nothing that the runtime in Fluent Bit (WAMR 2.4.1, as it is built there) does not have.
///
/// # Errors
/// What it needs, or what is wrong with it.
pub fn validate(module: &[u8]) -> Result<()> {
    // No SIMD, no exceptions, no tail calls, no extended constants, one memory of 32 bits.
    let features = WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::REFERENCE_TYPES
        | WasmFeatures::CALL_INDIRECT_OVERLONG
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::BULK_MEMORY_OPT
        | WasmFeatures::FLOATS
        | WasmFeatures::GC_TYPES;
    Validator::new_with_features(features).validate_all(module)?;
    Ok(())
}

/// A compiled module.
pub struct Module {
    engine: Engine,
    compiled: wasmtime::Module,
    memory_bytes_max: usize,
}

impl Module {
    /// Compiles a module.
    ///
    /// # Errors
    /// It is none, or not one of ours, or needs what Fluent Bit does not have.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut config = Config::new();
        config
            .wasm_simd(false)
            .wasm_relaxed_simd(false)
            .wasm_tail_call(false)
            .wasm_extended_const(false)
            .wasm_multi_memory(false)
            .wasm_memory64(false)
            .consume_fuel(true);
        let engine = Engine::new(&config)?;
        let compiled = wasmtime::Module::new(&engine, bytes)?;
        for name in ["malloc", "free", ANNOTATE, FILTER, CONFIG] {
            let exported = compiled.exports().any(|export| export.name() == name);
            ensure!(exported, "the module does not export {name}");
        }
        Ok(Module {
            engine,
            compiled,
            memory_bytes_max: MEMORY_BYTES_MAX,
        })
    }

    /// The same with another bound for the memory of each instance, in bytes.
    #[must_use]
    pub fn with_memory_bytes_max(mut self, bytes_max: usize) -> Self {
        self.memory_bytes_max = bytes_max;
        self
    }

    /// Names of what it wants from its host. Empty for this transform.
    pub fn imports(&self) -> Vec<String> {
        let imports = self.compiled.imports();
        imports.map(|import| import.name().to_owned()).collect()
    }

    /// Names of what it offers.
    pub fn exports(&self) -> Vec<String> {
        let exports = self.compiled.exports();
        exports.map(|export| export.name().to_owned()).collect()
    }

    /// The configuration that is inside; empty where there is none.
    pub fn config(&self) -> Result<String> {
        let mut instance = self.instantiate()?;
        let config = instance
            .instance
            .get_typed_func::<(), u32>(&mut instance.store, CONFIG)?;
        let text = config.call(&mut instance.store, ())?;
        Ok(String::from_utf8(instance.text(text)?)?)
    }

    /// An instance, which remembers from call to call.
    pub fn instantiate(&self) -> Result<Filtering> {
        let limits = StoreLimitsBuilder::new()
            .memory_size(self.memory_bytes_max)
            .build();
        let mut store = Store::new(&self.engine, limits);
        store.limiter(|limits| limits);
        store.set_fuel(u64::MAX)?;
        let instance = Instance::new(&mut store, &self.compiled, &[])?;
        let memory = instance
            .get_memory(&mut store, "memory")
            .context("the module does not export its memory")?;
        let malloc = instance.get_typed_func(&mut store, "malloc")?;
        let free = instance.get_typed_func(&mut store, "free")?;
        Ok(Filtering {
            store,
            instance,
            memory,
            malloc,
            free,
        })
    }
}

/// An instance of the module.
pub struct Filtering {
    store: Store<StoreLimits>,
    instance: Instance,
    memory: Memory,
    malloc: TypedFunc<u32, u32>,
    free: TypedFunc<u32, ()>,
}

impl Filtering {
    /// Hands a record to the function of that name and gives back what Fluent Bit would take over from it. Empty text
    /// means that the record leaves the stream.
    ///
    /// # Errors
    /// The module trapped or gave no text; Fluent Bit would drop the record and go on.
    pub fn call(&mut self, function: &str, record: &[u8]) -> Result<Vec<u8>> {
        let tag = self.put(b"signins")?;
        let at = self.put(record)?;
        // What was put there is given back even after a trap.
        let called = self.answer(function, tag, at, u32::try_from(record.len())?);
        self.free.call(&mut self.store, tag)?;
        self.free.call(&mut self.store, at)?;
        called
    }

    /// What comes back where Fluent Bit found no memory for a record of so many bytes: it calls all the same.
    pub fn call_without_record(&mut self, function: &str, bytes: u32) -> Result<Vec<u8>> {
        self.answer(function, 0, 0, bytes)
    }

    /// Instructions that were run so far. An interpreter takes its time for each.
    pub fn instructions(&self) -> u64 {
        u64::MAX - self.store.get_fuel().unwrap_or(u64::MAX)
    }

    /// Bytes of linear memory.
    pub fn memory_bytes(&self) -> usize {
        self.memory.data_size(&self.store)
    }

    fn answer(&mut self, function: &str, tag: u32, record: u32, length: u32) -> Result<Vec<u8>> {
        let filter: Filter = self.instance.get_typed_func(&mut self.store, function)?;
        let arguments = (tag, 7, 1_772_409_600, 0, record, length);
        let text = filter.call(&mut self.store, arguments)?;
        self.text(text)
    }

    /// Puts bytes into the module's memory, with a NUL behind them.
    fn put(&mut self, bytes: &[u8]) -> Result<u32> {
        let size = u32::try_from(bytes.len() + 1)?;
        let at = self.malloc.call(&mut self.store, size)?;
        ensure!(at != 0, "no memory for {size} bytes");
        let mut bytes = bytes.to_vec();
        bytes.push(0);
        self.memory.write(&mut self.store, at as usize, &bytes)?;
        Ok(at)
    }

    /// The bytes up to the next NUL.
    fn text(&self, at: u32) -> Result<Vec<u8>> {
        let rest = self.memory.data(&self.store).get(at as usize..);
        let rest = rest.context("the text is outside the memory")?;
        let end = memchr::memchr(0, rest).context("the text has no end")?;
        Ok(rest.get(..end).unwrap_or_default().to_vec())
    }
}
