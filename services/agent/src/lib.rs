//! The agent: takes orders of the control plane and carries them out where it runs (design §6).
//!
//! It runs the containers of compute sessions, as processes of its machine, and the hooks of a site: programs that prepare a node
//! for a session and wipe it afterwards, that set a session up and tear it down. How to write hooks and images, and what an agent
//! of one's own has to do, stands in `README.md` beside this file's directory.
//!
//! | what comes in | where |
//! |---|---|
//! | a hook of a node, of a session | `orders/run_node_hook.rs`, `orders/run_session_hook.rs` |
//! | a container to start, to start anew, to end | `container_orders.rs` |
//! | a question about a container | `answering.rs` |
//!
//! | what goes out by itself | where |
//! |---|---|
//! | that it is alive | `beating.rs` |
//! | what containers use | `counting.rs` |
//! | that a container has ended | `reporting.rs` |
//!
//! `hooks/` runs programs, `containers/` runs containers, and both know nothing of the broker; `taking.rs` takes orders and has them
//! carried out by `carrying_out.rs`.

mod answering;
mod beating;
mod carrying_out;
mod container_orders;
mod containers;
mod counting;
mod hooks;
mod orders;
mod reporting;
mod start;
mod taking;
mod turns;

pub use containers::machine_slots;
pub use hooks::StateError;
pub use start::{AgentOptions, StartError, start};
