//! The rules of node allocation, without input or output.

pub(crate) mod arrival;
pub(crate) mod demand;
pub(crate) mod filling;
pub(crate) mod hooks;
pub(crate) mod lifecycle;
pub(crate) mod like_pattern;
pub(crate) mod meeting;
pub(crate) mod places;
pub(crate) mod pools;
pub(crate) mod queue;
pub(crate) mod releasing;
pub(crate) mod share;
pub(crate) mod states;
pub(crate) mod stock;
pub(crate) mod storable;

#[cfg(test)]
mod properties;
