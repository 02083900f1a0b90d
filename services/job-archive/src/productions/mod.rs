//! What producers publish on NATS: jobs that have started and stopped, states of nodes.

mod callers;
mod carrying_out;
pub(crate) mod early_stops;
mod reading;
pub(crate) mod translation;

pub use callers::Producers;

#[cfg(test)]
mod tests;
