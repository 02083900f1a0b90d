//! One SQL text for SQLite and PostgreSQL, and the tables every service keeps: inbox, outcomes that come later, outbox, dead
//! letters.
//!
//! A service writes its statements once, as `&'static str` with `$1 … $n`, in the SQL both engines share: `ON CONFLICT`,
//! `RETURNING`, partial indexes, common table expressions, `UPDATE … FROM`. What differs between the engines is hidden
//! behind [`Database`], [`Transaction`] and [`SetStatement`]:
//!
//! | | SQLite | PostgreSQL |
//! |---|---|---|
//! | writers | one connection, `BEGIN IMMEDIATE` | a few connections, `READ COMMITTED` |
//! | a set of rows | one statement over `VALUES` for up to 64 rows | one statement over arrays |
//! | serialising by key | nothing to do, there is one writer | advisory locks of the transaction |
//! | replicas of a service | one, held by a lock file | any number |
//!
//! Rules for the text that make it mean the same on both: integer columns are `BIGINT`, sums of them are
//! `CAST(SUM(x) AS BIGINT)` (PostgreSQL sums to `numeric`), JSON is `TEXT`, times are integer microseconds, a row is
//! deleted by a set with `DELETE … WHERE id IN (SELECT r.id FROM {rows})`.

mod bind;
mod composed;
mod database;
pub mod dead_letters;
mod error;
pub mod inbox;
pub mod late_outcomes;
mod lock_key;
mod migrations;
pub mod origins;
pub mod outbox;
mod plan;
#[cfg(test)]
mod plans_tests;
mod postgres;
mod record;
mod replica_lock;
mod set_statement;
mod snapshot;
mod sqlite;
mod sqlite_batch;
mod sqlite_pool;
mod sqlite_transaction;
mod sums;
mod transaction;

pub use bind::{Bind, ColumnType};
pub use composed::ComposedSql;
pub use database::{Database, Engine, Location, StorageOptions};
pub use error::StorageError;
pub use lock_key::LockKey;
pub use record::Record;
pub use set_statement::SetStatement;
pub use snapshot::Snapshot;
pub use transaction::{ThreeSets, Transaction};
