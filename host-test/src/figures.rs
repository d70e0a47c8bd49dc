//! What figures are taken of and with: sign-in records of an exact size ([`records`]), and the transform with its
//! instructions counted ([`counted`]).
//!
//! Used by the budget test and by the comparison in `bench/`, so that both speak of the same lines.

pub mod counted;
pub mod records;

/// The compiler that made the component, as `rustc -V` says.
pub const COMPILER: &str = env!("COMPONENT_COMPILER");
