//! The agent: takes orders of the control plane and carries them out where it runs (design §6).
//!
//! It runs the hooks of a site: programs that prepare a node for a session and wipe it afterwards, that set a session up and
//! tear it down. How to write them stands in `README.md` beside this file's directory.
//!
//! | what comes in | what is run |
//! |---|---|
//! | a hook of a node | `orders/run_node_hook.rs` |
//! | a hook of a session | `orders/run_session_hook.rs` |
//!
//! `hooks/` runs programs and knows nothing of the broker; `taking.rs` takes orders and has them carried out by
//! `carrying_out.rs`.

mod beating;
mod carrying_out;
mod hooks;
mod orders;
mod start;
mod taking;
mod turns;

pub use hooks::StateError;
pub use start::{AgentOptions, StartError, start};
