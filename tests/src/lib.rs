//! Black-box tests and the benchmark: one suite per dialect and one per promise.
//!
//! What the suites share: a running [`System`] with a [`site`] of two tenants, a [`Client`] for its HTTP
//! ingress, [`token`]s good and forged, its [`Tables`], and real jobs ([`real_data`]).
//!
//! The suites of the promises add the [`setup`]s that each promise is kept on, a consumer of [`events`], a
//! [`load`], [`killing`] at random, and the [`bookkeeping`] that compares what clients were told with what is there.

pub mod backendai;
pub mod bookkeeping;
pub mod caller;
pub mod client;
pub mod commands;
pub mod containers;
pub mod dump;
pub mod events;
pub mod jobs;
pub mod killing;
pub mod load;
pub mod null_agent;
pub mod real_data;
pub mod setup;
pub mod site;
pub mod system;
pub mod tables;
pub mod token;

pub use client::{Answer, Client};
pub use dump::Dump;
pub use system::{Process, System, SystemOptions};
pub use tables::{Engine, Tables};
