//! One folder of migrations for both engines.

use sqlx::migrate::{Migration, Migrator};

use crate::composed::assert_safe;
use crate::error::StorageError;

/// The tables of this crate, part of every service's database.
pub(crate) static OWN_MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Where it is noted which of them have run, apart from the service's own, so that both count from 1.
const OWN_TABLE: &str = "_storage_migrations";

/// How a migration writes a number that the database counts up: SQLite's way …
const SQLITE_IDENTITY: &str = "INTEGER PRIMARY KEY AUTOINCREMENT";
/// … and what it becomes for PostgreSQL.
const POSTGRES_IDENTITY: &str = "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY";

/// This crate's migrations with their own tracking table.
pub(crate) fn named_own(migrations: Vec<Migration>) -> Migrator {
    let mut migrator = Migrator::with_migrations(migrations);
    migrator.dangerous_set_table_name(OWN_TABLE);
    migrator
}

/// How a migration writes a column of bytes: SQLite's way …
const SQLITE_BYTES: &str = " BLOB";
/// … and what it becomes for PostgreSQL.
const POSTGRES_BYTES: &str = " BYTEA";

/// The migrations in PostgreSQL's words.
///
/// The checksums stay those of the files, so that a change here does not make a database look tampered with.
pub(crate) fn for_postgres(migrator: &Migrator) -> Vec<Migration> {
    migrator
        .iter()
        .map(|migration| Migration {
            sql: assert_safe(
                migration
                    .sql
                    .as_str()
                    .replace(SQLITE_IDENTITY, POSTGRES_IDENTITY)
                    .replace(SQLITE_BYTES, POSTGRES_BYTES),
            ),
            ..migration.clone()
        })
        .collect()
}

/// Refuses what would mean different things to the two engines, whichever of them is in use.
pub(crate) fn check(migrator: &Migrator) -> Result<(), StorageError> {
    for migration in migrator.iter() {
        let text = without_comments(migration.sql.as_str())
            .replace(SQLITE_IDENTITY, "")
            .to_ascii_uppercase();
        let mut words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        if let Some(word) = words.find(|word| ["INTEGER", "INT", "AUTOINCREMENT"].contains(word)) {
            return Err(StorageError::Migration(
                format!(
                    "migration {} ({}) says {word}: write BIGINT for a number and `{SQLITE_IDENTITY}`, just so, \
                     for one that the database counts up",
                    migration.version, migration.description
                )
                .into(),
            ));
        }
    }
    Ok(())
}

fn without_comments(sql: &str) -> String {
    sql.lines()
        .map(|line| line.split_once("--").map_or(line, |(code, _)| code))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use sqlx::SqlSafeStr;
    use sqlx::migrate::MigrationType;

    use super::*;

    fn migrator(sql: &'static str) -> Migrator {
        Migrator::with_migrations(vec![Migration::new(
            1,
            "tables".into(),
            MigrationType::Simple,
            sql.into_sql_str(),
            false,
        )])
    }

    #[test]
    fn a_counted_number_becomes_an_identity_and_keeps_its_checksum() {
        let original = migrator(
            "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, size BIGINT, packed BLOB NOT NULL)",
        );
        let rewritten = for_postgres(&original);
        assert_eq!(
            rewritten[0].sql.as_str(),
            "CREATE TABLE t (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, size BIGINT, packed BYTEA NOT NULL)"
        );
        assert_eq!(
            rewritten[0].checksum,
            original.iter().next().unwrap().checksum
        );
        assert!(check(&original).is_ok());
    }

    #[test]
    fn what_the_engines_read_differently_is_refused() {
        assert!(check(&migrator("CREATE TABLE t (size INTEGER)")).is_err());
        assert!(
            check(&migrator(
                "CREATE TABLE t (id integer primary key autoincrement)"
            ))
            .is_err()
        );
        assert!(check(&migrator("CREATE TABLE t (size BIGINT) -- an INTEGER")).is_ok());
        assert!(check(&OWN_MIGRATIONS).is_ok());
    }
}
