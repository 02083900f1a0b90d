//! Running the site's own programs.
//!
//! | question | answered in |
//! |---|---|
//! | what is run, with which words | `hook_run.rs` |
//! | from taking an order to its result | `runner.rs` |
//! | one program from its start to its end | `program.rs` |
//! | a program and all that it started | `process_group.rs` |
//! | what it said last | `tail.rs` |
//! | what a killed agent left running | `running.rs` |
//! | what was done already | `finished.rs` |

mod finished;
mod hook_run;
mod process_group;
mod program;
mod runner;
#[cfg(test)]
mod runner_tests;
mod running;
mod tail;

pub(crate) use hook_run::HookRun;
pub(crate) use runner::{Ending, HookRunner};
pub use running::StateError;
pub(crate) use tail::Tail;
