//! What is run.

use muster_platform::Timestamp;
use uuid::Uuid;

/// Names the order, for whoever looks at the process from outside.
pub(crate) const ORDER_VARIABLE: &str = "MUSTER_ORDER";

/// One attempt at a hook: which program, with which words, until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookRun {
    /// Name of the program in the directory of hooks.
    pub program: &'static str,
    /// The order that asks for it.
    pub order: Uuid,
    /// When it has to be over.
    pub deadline: Timestamp,
    /// Environment variables, beside `MUSTER_ORDER`.
    pub environment: Vec<(&'static str, String)>,
    /// What it can read from its standard input.
    pub input: Vec<u8>,
}
