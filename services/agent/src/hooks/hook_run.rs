//! What is run.

use muster_platform::Timestamp;
use uuid::Uuid;

/// Names the order, for whoever looks at the process from outside.
pub(crate) const ORDER_VARIABLE: &str = "MUSTER_ORDER";

/// One attempt at a hook: which program, with which words, until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HookRun {
    /// Name of the program in the directory of hooks.
    pub(crate) program: &'static str,
    /// The order that asks for it.
    pub(crate) order: Uuid,
    /// The node or the session; of these just one hook runs at a time.
    pub(crate) about: String,
    /// When it has to be over.
    pub(crate) deadline: Timestamp,
    /// Environment variables, beside `MUSTER_ORDER`.
    pub(crate) environment: Vec<(&'static str, String)>,
    /// What it can read from its standard input.
    pub(crate) input: Vec<u8>,
}
