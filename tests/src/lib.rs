//! Black-box tests and the benchmark: one suite per dialect and one per promise.
//!
//! What the suites share: a running [`System`] with a [`site`] of two tenants, a [`Client`] for its HTTP
//! ingress, [`token`]s good and forged, its [`Tables`], and real jobs ([`real_data`]).

pub mod client;
pub mod dump;
pub mod jobs;
pub mod real_data;
pub mod site;
pub mod system;
pub mod tables;
pub mod token;

pub use client::{Answer, Client};
pub use dump::Dump;
pub use system::{Process, System, SystemOptions};
pub use tables::{Engine, Tables};
