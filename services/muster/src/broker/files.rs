//! The broker's files in the data directory.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{Read, Seek, SeekFrom, Write},
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

/// Only the owner may read what the broker keeps.
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// How much of the log goes into an error, in bytes.
const SHOWN_LOG: u64 = 4 * 1024;

/// The directory `DATA/nats`, locked for this process.
#[derive(Debug)]
pub(super) struct Files {
    directory: PathBuf,
    _lock: File,
}

impl Files {
    /// Makes the directory if it is missing, and locks it until this value is dropped.
    pub(super) fn open(data_directory: &Path) -> Result<Self> {
        let directory = data_directory.join("nats");
        DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(&directory)
            .with_context(|| format!("creating {}", directory.display()))?;
        // One name for one directory: a server of an earlier start is known by it.
        let directory = directory
            .canonicalize()
            .with_context(|| format!("opening {}", directory.display()))?;
        let path = directory.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(FILE_MODE)
            .open(&path)
            .with_context(|| format!("opening {}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "another muster uses the data directory {}",
                data_directory.display()
            ),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("locking {}", path.display()));
            }
        }
        Ok(Self {
            directory,
            _lock: lock,
        })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn configuration(&self) -> PathBuf {
        self.directory.join("nats-server.conf")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.directory.join("nats-server.log")
    }

    pub(super) fn pid(&self) -> PathBuf {
        self.directory.join("nats-server.pid")
    }

    pub(super) fn store(&self) -> PathBuf {
        self.directory.join("jetstream")
    }

    fn error(&self) -> PathBuf {
        self.directory.join("nats-server.err")
    }

    fn address(&self) -> PathBuf {
        self.directory.join("address")
    }

    /// Where the broker listened at the last start, if that is known.
    pub(super) fn read_address(&self) -> Option<SocketAddr> {
        fs::read_to_string(self.address()).ok()?.trim().parse().ok()
    }

    /// Says where the broker listens.
    pub(super) fn write_address(&self, address: SocketAddr) -> Result<()> {
        write(&self.address(), &format!("{address}\n"))
    }

    pub(super) fn write_configuration(&self, text: &str) -> Result<()> {
        write(&self.configuration(), text)
    }

    /// A new file for what the server says before it has a log.
    pub(super) fn create_error_file(&self) -> Result<File> {
        let path = self.error();
        OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(FILE_MODE)
            .open(&path)
            .with_context(|| format!("creating {}", path.display()))
    }

    pub(super) fn log_length(&self) -> u64 {
        fs::metadata(self.log()).map_or(0, |file| file.len())
    }

    /// What the server said since the log had this length, shortened to its end.
    pub(super) fn said_since(&self, begin: u64) -> String {
        let mut said = fs::read_to_string(self.error()).unwrap_or_default();
        // A log that is shorter now was begun anew meanwhile.
        let length = self.log_length();
        let begin = if length < begin { 0 } else { begin };
        let begin = begin.max(length.saturating_sub(SHOWN_LOG));
        let log = File::open(self.log()).and_then(|mut file| {
            file.seek(SeekFrom::Start(begin))?;
            let mut bytes = Vec::new();
            file.take(SHOWN_LOG).read_to_end(&mut bytes)?;
            Ok(bytes)
        });
        said.push_str(&String::from_utf8_lossy(&log.unwrap_or_default()));
        said
    }
}

/// Replaces a file in one step, so that nobody reads half of it.
fn write(path: &Path, text: &str) -> Result<()> {
    let new = path.with_extension("new");
    let written = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(FILE_MODE)
        .open(&new)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&new, path));
    written.with_context(|| format!("writing {}", path.display()))
}
