//! Everything this crate does, on both engines: each test body runs on SQLite and on PostgreSQL.

#[cfg(test)]
mod dead_letters;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod inbox;
#[cfg(test)]
mod late_outcomes;
#[cfg(test)]
mod later;
#[cfg(test)]
mod opening;
#[cfg(test)]
mod outbox;
#[cfg(test)]
mod sameness;
#[cfg(test)]
mod statements;
#[cfg(test)]
mod sums;
#[cfg(test)]
mod transactions;
