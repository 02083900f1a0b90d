//! What can go wrong, sorted by what the caller can do about it.

use std::error::Error;
use std::path::PathBuf;

use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;
use sqlx::postgres::PgDatabaseError;

/// The error underneath, as the driver or the operating system gave it.
pub(crate) type Source = Box<dyn Error + Send + Sync>;

/// An operation on the database that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The database cannot be reached or cannot work at the moment (connection refused or lost, no free connection in
    /// time, disk full, file read-only): trying again later can help.
    #[error("the database is not available")]
    Unavailable(#[source] Source),
    /// Another transaction was in the way (serialization failure, deadlock, lock not had in time): the same transaction
    /// run again can succeed.
    #[error("the transaction conflicts with another one")]
    Conflict(#[source] Source),
    /// The data breaks a rule of the tables: unique, foreign key, check, not null.
    #[error("the data breaks a constraint of the database")]
    Constraint {
        /// The constraint's name on PostgreSQL; on SQLite the name of a check, else the columns (`table.column`).
        constraint: Option<String>,
        /// The driver's error.
        #[source]
        source: Source,
    },
    /// The SQLite file is held by another process, or by another [`Database`](crate::Database) of this one.
    #[error(
        "{} is already open by another replica; several replicas need PostgreSQL: set storage.url",
        path.display()
    )]
    ReplicaLock {
        /// The database file.
        path: PathBuf,
    },
    /// The tables could not be brought up to date.
    #[error("the database could not be migrated")]
    Migration(#[source] Source),
    /// Anything else: a statement the engine does not take, a value that does not fit, a file that cannot be made.
    #[error("the database operation failed")]
    Other(#[source] Source),
}

impl StorageError {
    /// Whether the same work, tried again, can succeed without anyone changing it.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Conflict(_))
    }

    /// Whether a unique or primary key refused the data.
    #[must_use]
    pub fn is_unique_violation(&self) -> bool {
        match self {
            Self::Constraint { source, .. } => source
                .downcast_ref::<sqlx::Error>()
                .and_then(sqlx::Error::as_database_error)
                .is_some_and(DatabaseError::is_unique_violation),
            _ => false,
        }
    }

    pub(crate) fn other(source: impl Into<Source>) -> Self {
        Self::Other(source.into())
    }
}

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        match Kind::of(&error) {
            Kind::Unavailable => Self::Unavailable(error.into()),
            Kind::Conflict => Self::Conflict(error.into()),
            Kind::Constraint => {
                let constraint = error.as_database_error().and_then(constraint_name);
                Self::Constraint {
                    constraint,
                    source: error.into(),
                }
            }
            Kind::Other => Self::Other(error.into()),
        }
    }
}

impl From<MigrateError> for StorageError {
    fn from(error: MigrateError) -> Self {
        let kind = match &error {
            MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => {
                Kind::of(source)
            }
            _ => Kind::Other,
        };
        match kind {
            Kind::Unavailable => Self::Unavailable(error.into()),
            Kind::Conflict => Self::Conflict(error.into()),
            Kind::Constraint | Kind::Other => Self::Migration(error.into()),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Unavailable,
    Conflict,
    Constraint,
    Other,
}

impl Kind {
    fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable,
            sqlx::Error::Database(error) => Self::of_database(&**error),
            _ => Self::Other,
        }
    }

    fn of_database(error: &dyn DatabaseError) -> Self {
        if let Some(postgres) = error.try_downcast_ref::<PgDatabaseError>() {
            Self::of_sqlstate(postgres.code())
        } else {
            Self::of_sqlite_code(error.code().and_then(|code| code.parse().ok()))
        }
    }

    /// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
    fn of_sqlstate(code: &str) -> Self {
        match (code.get(..2), code) {
            // serialization_failure, deadlock_detected, lock_not_available
            (_, "40001" | "40P01" | "55P03") => Self::Conflict,
            (Some("23"), _) => Self::Constraint,
            // connection exceptions, insufficient resources, operator intervention, system errors;
            // read_only_sql_transaction is a server that has become a standby
            (Some("08" | "53" | "57" | "58"), _) | (_, "25006") => Self::Unavailable,
            _ => Self::Other,
        }
    }

    /// <https://www.sqlite.org/rescode.html>: the low byte is the primary code.
    fn of_sqlite_code(code: Option<u32>) -> Self {
        match code.map(|code| code & 0xff) {
            // SQLITE_BUSY, SQLITE_LOCKED
            Some(5 | 6) => Self::Conflict,
            // SQLITE_CONSTRAINT
            Some(19) => Self::Constraint,
            // SQLITE_PERM, SQLITE_NOMEM, SQLITE_READONLY, SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN
            Some(3 | 7 | 8 | 10 | 13 | 14) => Self::Unavailable,
            _ => Self::Other,
        }
    }
}

/// SQLite has no names for its constraints but in the message: `UNIQUE constraint failed: inbox.id`.
fn constraint_name(error: &dyn DatabaseError) -> Option<String> {
    error
        .constraint()
        .or_else(|| {
            error
                .message()
                .split_once("constraint failed: ")
                .map(|(_, name)| name)
        })
        .map(str::to_owned)
}
