//! The component with its instructions counted.
//!
//! wasmtime calls the count fuel: one for each instruction that is run, also of the glue that takes texts in and gives
//! them out. It depends on the component and its input alone, not on the machine, nor on how this program was built.
//! The module for Fluent Bit is counted likewise, by [`crate::fluent_bit::Filtering::instructions`].

use anyhow::{Result, anyhow};
use wasmtime::component::{Component, Linker, ResourceAny};
use wasmtime::{Config, Engine, Store};

use crate::plugin::BUILT_IN;
use crate::plugin::bindings::SigninTriage;
use crate::plugin::bindings::exports::signin_triage::transform::types::Error;

/// A component compiled so that it counts.
pub struct Counted {
    engine: Engine,
    component: Component,
}

impl Counted {
    /// The component that this program was built with.
    ///
    /// # Errors
    /// It does not compile.
    pub fn built_in() -> Result<Self> {
        let engine = Engine::new(Config::new().consume_fuel(true))?;
        let component = Component::new(&engine, BUILT_IN)?;
        Ok(Counted { engine, component })
    }

    /// Opens a session in an instance of its own, and gives the instructions that opening took.
    ///
    /// # Errors
    /// The configuration or the snapshot is refused, or the component trapped.
    pub fn open(&self, config: &str, snapshot: Option<&str>) -> Result<(CountedSession, u64)> {
        let mut store = Store::new(&self.engine, ());
        store.set_fuel(u64::MAX)?;
        // What a call may give back; a snapshot of a million users is more than there is by default.
        store.set_hostcall_fuel(crate::plugin::MEMORY_BYTES_MAX);
        let linker = Linker::new(&self.engine);
        let instance = SigninTriage::instantiate(&mut store, &self.component, &linker)?;
        let opened = instance
            .signin_triage_transform_transform()
            .session()
            .call_open(&mut store, config, snapshot)?;
        let session = opened.map_err(|error| match error {
            Error::Config(problems) => anyhow!("{} problems in the configuration", problems.len()),
            Error::Snapshot(text) | Error::Internal(text) => anyhow!(text),
        })?;
        let mut opened = CountedSession {
            store,
            instance,
            session,
            left: u64::MAX,
        };
        let taken = opened.taken()?;
        Ok((opened, taken))
    }
}

/// A session whose calls say what they took.
pub struct CountedSession {
    store: Store<()>,
    instance: SigninTriage,
    session: ResourceAny,
    left: u64,
}

impl CountedSession {
    /// Instructions that a batch of whole lines takes.
    ///
    /// # Errors
    /// The component trapped.
    pub fn process(&mut self, batch: &str) -> Result<u64> {
        let session = self.instance.signin_triage_transform_transform().session();
        session.call_process(&mut self.store, self.session, batch)?;
        self.taken()
    }

    /// A snapshot, and the instructions it takes.
    ///
    /// # Errors
    /// The component trapped.
    pub fn snapshot(&mut self) -> Result<(String, u64)> {
        let session = self.instance.signin_triage_transform_transform().session();
        let snapshot = session.call_snapshot(&mut self.store, self.session)?;
        Ok((snapshot, self.taken()?))
    }

    /// Instructions since the last call.
    fn taken(&mut self) -> Result<u64> {
        let left = self.store.get_fuel()?;
        let taken = self.left - left;
        self.left = left;
        Ok(taken)
    }
}
