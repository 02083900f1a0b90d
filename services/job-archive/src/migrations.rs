//! The archive's tables, for [`Database::open`](muster_storage::Database::open).

use sqlx::migrate::Migrator;

/// What makes the tables and brings them up to date; `migrations/job-archive/README.md` says how to add to it.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/job-archive");
