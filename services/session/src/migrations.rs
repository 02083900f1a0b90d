//! The service's tables, for [`Database::open`](muster_storage::Database::open).

use sqlx::migrate::Migrator;

/// What makes the tables and brings them up to date; `migrations/session/README.md` says how to add to it.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/session");
