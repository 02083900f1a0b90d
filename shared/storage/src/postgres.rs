//! Opening a schema of a PostgreSQL database.

use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};

use crate::database::{ACQUIRE_TIMEOUT, StorageOptions};
use crate::error::StorageError;
use crate::lock_key::LockKey;
use crate::migrations::{self, OWN_MIGRATIONS};

/// Connections for transactions: a service writes one batch at a time and little besides.
const WRITE_CONNECTIONS: u32 = 4;
/// Prepared statements kept by each connection.
const STATEMENT_CACHE: usize = 512;
/// A connection that was idle for longer is tried before it is used: the server may have gone away.
const TRUST_IDLE_FOR: Duration = Duration::from_secs(1);
/// The longest name PostgreSQL keeps, in bytes.
const NAME_LIMIT: usize = 63;

/// Settings of every connection.
const SETTINGS: [(&str, &str); 3] = [
    // A plan that was made while a table was empty is kept, and may read the whole table long after it has grown. No
    // statement here is meant to read a table to its end, so indexes are used from the first row on …
    ("enable_seqscan", "off"),
    // … and since that is done by a huge cost, which looks as if compiling the statement were worth it:
    ("jit", "off"),
    // A replica that hangs in a transaction lets go of its locks.
    ("idle_in_transaction_session_timeout", "60s"),
];

/// The same for joins with a set of rows: a few look-ups in an index, never a hash of the table.
const WRITER_SETTINGS: [(&str, &str); 3] = [
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("lock_timeout", "30s"),
];

/// As on SQLite, a reading connection does not write.
const READER_SETTINGS: [(&str, &str); 1] = [("default_transaction_read_only", "on")];

/// The connections to one schema.
pub(crate) struct PostgresSchema {
    pub(crate) writers: PgPool,
    pub(crate) readers: PgPool,
    /// Keeps the advisory locks of services in one database apart.
    pub(crate) lock_salt: LockKey,
}

pub(crate) async fn open(
    url: &str,
    schema: &str,
    options: &StorageOptions,
    migrations: &'static Migrator,
) -> Result<PostgresSchema, StorageError> {
    check_schema(schema)?;
    let connect: PgConnectOptions = url
        .parse::<PgConnectOptions>()?
        .options([("search_path", schema)])
        .application_name(&format!("muster {schema}"))
        .statement_cache_capacity(STATEMENT_CACHE);

    let mut connection = connect.connect().await?;
    let migrated = migrate(&mut connection, schema, migrations).await;
    // Closed also after an error: the migration lock belongs to the connection.
    let closed = connection.close().await;
    migrated?;
    closed?;

    let writing = connect.clone().options(SETTINGS).options(WRITER_SETTINGS);
    let reading = connect.options(SETTINGS).options(READER_SETTINGS);
    let writers = pool_options(WRITE_CONNECTIONS).connect_lazy_with(writing);
    let readers = pool_options(options.read_connections.max(1)).connect_lazy_with(reading);
    Ok(PostgresSchema {
        writers,
        readers,
        lock_salt: LockKey::of(&[schema]),
    })
}

async fn migrate(
    connection: &mut PgConnection,
    schema: &str,
    service: &'static Migrator,
) -> Result<(), StorageError> {
    migrations::check(&OWN_MIGRATIONS)?;
    migrations::check(service)?;
    let mut own = migrations::named_own(migrations::for_postgres(&OWN_MIGRATIONS));
    // Made by the first migrator, which holds the lock: two `CREATE SCHEMA IF NOT EXISTS` at once can collide.
    own.create_schema(schema.to_owned());
    own.run_direct(None, connection, false).await?;
    let service = Migrator {
        migrations: migrations::for_postgres(service).into(),
        ignore_missing: service.ignore_missing,
        locking: service.locking,
        no_tx: service.no_tx,
        table_name: service.table_name.clone(),
        create_schemas: service.create_schemas.clone(),
    };
    service.run_direct(None, connection, false).await?;
    Ok(())
}

fn pool_options(connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, state| {
            Box::pin(async move {
                // A failed test makes the pool open another connection.
                Ok(state.idle_for < TRUST_IDLE_FOR || connection.ping().await.is_ok())
            })
        })
}

/// The name goes into statements and connection options as it is.
fn check_schema(schema: &str) -> Result<(), StorageError> {
    let plain = schema.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && schema
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && schema.len() <= NAME_LIMIT;
    if plain {
        Ok(())
    } else {
        Err(StorageError::other(format!(
            "{schema:?} is not a schema name: lower-case letters, digits and _, at most {NAME_LIMIT}, not starting with a digit"
        )))
    }
}
