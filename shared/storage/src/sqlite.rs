//! Opening a SQLite file.

use std::fs::{DirBuilder, OpenOptions};
use std::path::Path;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection};

use crate::database::{ACQUIRE_TIMEOUT, StorageOptions};
use crate::error::StorageError;
use crate::migrations::{self, OWN_MIGRATIONS};
use crate::replica_lock::ReplicaLock;

/// Page cache of the writing connection, as SQLite takes it: negative is KiB.
const WRITER_CACHE: &str = "-65536";
/// Page cache of each reading connection: small, because the operating system caches the file as well.
const READER_CACHE: &str = "-8192";
/// Pages of write-ahead log (4 KiB each) after which it is copied into the file.
const CHECKPOINT_PAGES: &str = "4000";
/// The write-ahead log is cut back to this size in bytes when it has been copied.
const JOURNAL_SIZE_LIMIT: &str = "67108864";
/// How much of the file is read through a memory map, in bytes.
const MEMORY_MAP: &str = "268435456";
/// Prepared statements kept by each connection.
const STATEMENT_CACHE: usize = 512;
/// Rows the engine's thread may be ahead of the reading task.
const ROW_BUFFER: usize = 256;

/// The writer, the readers and the lock on one file.
pub(crate) struct SqliteFile {
    pub(crate) writer: SqlitePool,
    pub(crate) readers: SqlitePool,
    /// Held for as long as the connections may be used.
    _lock: ReplicaLock,
}

pub(crate) async fn open(
    path: &Path,
    options: &StorageOptions,
    migrations: &'static Migrator,
) -> Result<SqliteFile, StorageError> {
    create_file(path)?;
    let lock = ReplicaLock::take(path)?;
    let writing = connect_options(path, options.busy_timeout).pragma("cache_size", WRITER_CACHE);
    let reading = connect_options(path, options.busy_timeout)
        .pragma("cache_size", READER_CACHE)
        .pragma("query_only", "on");

    let mut connection = writing.connect().await?;
    let migrated = migrate(&mut connection, migrations).await;
    connection.close().await?;
    migrated?;

    let writer = pool_options(1).connect_with(writing).await?;
    let readers = pool_options(options.read_connections.max(1)).connect_lazy_with(reading);
    Ok(SqliteFile {
        writer,
        readers,
        _lock: lock,
    })
}

async fn migrate(
    connection: &mut SqliteConnection,
    service: &'static Migrator,
) -> Result<(), StorageError> {
    migrations::check(&OWN_MIGRATIONS)?;
    migrations::check(service)?;
    migrations::named_own(OWN_MIGRATIONS.iter().cloned().collect())
        .run_direct(None, connection, false)
        .await?;
    service.run_direct(None, connection, false).await?;
    Ok(())
}

fn pool_options(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A connection to a file does not go away, and it is worth keeping for its caches.
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

fn connect_options(path: &Path, busy_timeout: Duration) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        // A command is answered after its commit: the commit has to be on the disk.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(busy_timeout)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .pragma("journal_size_limit", JOURNAL_SIZE_LIMIT)
        .pragma("mmap_size", MEMORY_MAP)
        .pragma("temp_store", "memory")
        .statement_cache_capacity(STATEMENT_CACHE)
        .row_buffer_size(ROW_BUFFER)
}

/// Makes the directory and the file if they are missing, readable by the owner only.
fn create_file(path: &Path) -> Result<(), StorageError> {
    let describe = |error: std::io::Error| {
        StorageError::other(std::io::Error::new(
            error.kind(),
            format!("{}: {error}", path.display()),
        ))
    };
    if let Some(directory) = path.parent() {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(directory).map_err(describe)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    owner_only(&mut options);
    options.open(path).map_err(describe)?;
    Ok(())
}

/// A file that is created with these options has mode 0600.
pub(crate) fn owner_only(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _ = options;
}
