//! The rules of slots: pure, no clock, no tables.

pub(crate) mod agents;
pub(crate) mod arrival;
pub(crate) mod beat;
pub(crate) mod ledger;
pub(crate) mod listening;
#[cfg(test)]
mod properties;
pub(crate) mod round;
pub(crate) mod turns;
pub(crate) mod wish;
