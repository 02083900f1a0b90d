//! What every part of Muster agrees on.
//!
//! One table, [`table::CONTRACT`], names every command, event and query with its subject, its message type, who
//! sends and who takes it. From it come the [streams](topology), the [permissions](permissions) of each part on
//! NATS and the [`AsyncAPI` document](asyncapi); nothing else in the project spells out a subject.
//!
//! This crate does no input or output.

pub mod agent;
pub mod asyncapi;
pub mod dead_letters;
pub mod headers;
pub mod job_archive;
pub mod message;
pub mod node_allocation;
pub mod parts;
pub mod permissions;
pub mod principal;
pub mod producers;
pub mod reply;
pub mod resource_slots;
pub mod session;
pub mod subject;
pub mod table;
pub mod topology;

pub use message::{AgentQuestion, Command, Event, Message, Order, Outcome, Query, Report, Signal};
pub use parts::{Part, Service};
pub use principal::{Principal, Role};
pub use reply::{Reply, ReplyBody};
pub use resource_slots::{Amount, ResourceSlots};
