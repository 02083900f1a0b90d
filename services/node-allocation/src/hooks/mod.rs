//! What agents do to nodes: ordered, and seen through to its end. The rules are in `domain/lifecycle.rs`.

pub(crate) mod ended;
pub(crate) mod giving_back;
pub(crate) mod ordering;
pub(crate) mod renewal;
pub(crate) mod upkeep;

#[cfg(test)]
mod model;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
