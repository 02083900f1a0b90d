//! Opening a SQLite file.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

use crate::database::StorageOptions;
use crate::error::StorageError;
use crate::migrations::{self, OWN_MIGRATIONS};
use crate::replica_lock::ReplicaLock;
use crate::sqlite_pool::SqliteConnections;

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
    pub(crate) writer: Arc<SqliteConnections>,
    pub(crate) readers: Arc<SqliteConnections>,
    /// Held for as long as the connections may be used.
    lock: Mutex<Option<ReplicaLock>>,
}

impl SqliteFile {
    /// Waits for what is running, closes, and lets another have the file.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        // The last connection to close copies the write-ahead log into the file, and only the writer may.
        self.writer.close().await;
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

pub(crate) async fn open(
    path: &Path,
    options: &StorageOptions,
    migrations: &'static Migrator,
) -> Result<SqliteFile, StorageError> {
    create_directory(path)?;
    // First of all: closing any handle of a file drops the locks SQLite holds on it, through whatever handle of the same
    // process. So nothing may touch the file while another `Database` has it.
    let lock = ReplicaLock::take(path)?;
    create_file(path)?;
    let writing = connect_options(path, options.busy_timeout).pragma("cache_size", WRITER_CACHE);
    let reading = connect_options(path, options.busy_timeout)
        .pragma("cache_size", READER_CACHE)
        .pragma("query_only", "on");

    let mut connection = writing.connect().await?;
    let migrated = migrate(&mut connection, migrations).await;
    connection.close().await?;
    migrated?;

    Ok(SqliteFile {
        writer: SqliteConnections::new(writing, 1),
        readers: SqliteConnections::new(reading, options.read_connections.max(1)),
        lock: Mutex::new(Some(lock)),
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

/// Makes the file's directory if it is missing, for the owner only.
fn create_directory(path: &Path) -> Result<(), StorageError> {
    let Some(directory) = path.parent() else {
        return Ok(());
    };
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(directory)
        .map_err(|error| named(path, &error))
}

/// Makes the file if it is missing, for the owner only. SQLite gives the files beside it the same mode.
fn create_file(path: &Path) -> Result<(), StorageError> {
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    owner_only(&mut options);
    match options.open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_file() => Ok(()),
        Err(error) => Err(named(path, &error)),
        Ok(_) => Ok(()),
    }
}

/// The operating system does not say which file it means.
pub(crate) fn named(path: &Path, error: &io::Error) -> StorageError {
    StorageError::other(io::Error::new(
        error.kind(),
        format!("{}: {error}", path.display()),
    ))
}

/// A file that is created with these options has mode 0600.
pub(crate) fn owner_only(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _ = options;
}
