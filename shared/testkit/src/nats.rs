//! A nats-server with JetStream, one per test.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use serde::Deserialize;

use crate::{
    ChildProcess, DEADLINE, LastSignal, ReservedPort, TemporaryDirectory, copy_directory,
    eventually, programs,
};

/// As in production (bytes): the contract's largest message fits.
const MAX_PAYLOAD: u32 = 8 * 1024 * 1024;
/// What streams may reserve on disk; the machine's free space would be another limit on each machine.
const MAX_FILE_STORE: &str = "16GB";
/// How long one look at the server's greeting may take.
const GREETING_TIMEOUT: Duration = Duration::from_secs(2);

/// How to start a [`NatsServer`]; the default is what most tests want.
#[derive(Debug, Default, Clone)]
pub struct NatsOptions {
    /// More text for the configuration file, such as an `authorization` block. The server's name,
    /// address, log, payload limit and JetStream block are written by the testkit.
    pub configuration: String,
    /// The JetStream store; a directory of its own if unset. A given one is not removed.
    pub store_directory: Option<PathBuf>,
    /// The program, if not the one every test uses.
    pub binary: Option<PathBuf>,
}

/// A running nats-server on a port of its own, killed and removed when dropped.
#[derive(Debug)]
pub struct NatsServer {
    name: String,
    port: ReservedPort,
    binary: PathBuf,
    store: PathBuf,
    process: Option<ChildProcess>,
    // Dropped last: the process writes here.
    directory: TemporaryDirectory,
}

/// The content of a stopped server's JetStream store.
#[derive(Debug)]
pub struct StoreSnapshot {
    directory: TemporaryDirectory,
}

/// What a nats-server says of itself to everybody who connects.
#[derive(Debug, Clone, Deserialize)]
pub struct ServerInfo {
    /// The name in its configuration.
    pub server_name: String,
    /// "2.15.1".
    pub version: String,
    /// Whether JetStream is on and ready.
    #[serde(default)]
    pub jetstream: bool,
}

/// Asks the server at `address` for its greeting. Blocks for two seconds at most.
pub fn server_info(address: SocketAddr) -> Result<ServerInfo> {
    let stream = TcpStream::connect_timeout(&address, GREETING_TIMEOUT)?;
    stream.set_read_timeout(Some(GREETING_TIMEOUT))?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    let greeting = line
        .strip_prefix("INFO ")
        .with_context(|| format!("{address} is no NATS server: it says {line:?}"))?;
    Ok(serde_json::from_str(greeting)?)
}

impl NatsServer {
    /// Starts one with an empty store, without authorization, and waits until it is ready.
    pub async fn start() -> Result<Self> {
        Self::start_with(NatsOptions::default()).await
    }

    /// Starts one.
    pub async fn start_with(options: NatsOptions) -> Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let binary = match options.binary {
            Some(binary) => binary,
            None => programs::nats_server()?,
        };
        let directory = TemporaryDirectory::new("nats")?;
        let mut server = Self {
            // The process id is unique on the machine while we run: nobody else's server has this name.
            name: format!(
                "test-{}-{}",
                std::process::id(),
                COUNT.fetch_add(1, Ordering::Relaxed)
            ),
            port: ReservedPort::new()?,
            binary,
            store: options
                .store_directory
                .unwrap_or_else(|| directory.join("jetstream")),
            process: None,
            directory,
        };
        server.configure(&options.configuration)?;
        server.restart().await?;
        Ok(server)
    }

    /// Writes the configuration file; a running server reads it at its next start.
    pub fn configure(&self, additional: &str) -> Result<()> {
        let text = format!(
            "server_name: {}\nlisten: {}\nmax_payload: {MAX_PAYLOAD}\nlog_file: {}\n\
             jetstream {{\n  store_dir: {}\n  max_file_store: {MAX_FILE_STORE}\n}}\n{additional}\n",
            quoted(&self.name),
            quoted(&self.address().to_string()),
            quoted(&self.log_path().to_string_lossy()),
            quoted(&self.store.to_string_lossy()),
        );
        fs::write(self.configuration_path(), text).context("writing the NATS configuration")
    }

    /// `nats://127.0.0.1:PORT`; the same after a restart.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://{}", self.address())
    }

    /// Where it listens; the same after a restart.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Its name, which nobody else's server has.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its JetStream store.
    #[must_use]
    pub fn store_directory(&self) -> &Path {
        &self.store
    }

    /// The process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(ChildProcess::pid)
    }

    /// What it has logged since the first start.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Kills it (SIGKILL). It stays away until [`restart`](Self::restart).
    pub fn kill_hard(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill_hard()?;
        }
        Ok(())
    }

    /// Stops it in order (SIGTERM) and waits for its end.
    pub async fn stop(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.signal(Signal::TERM)?;
            process.wait(DEADLINE).await?;
        }
        Ok(())
    }

    /// Holds it as it is: connections stay open and nothing is answered, until
    /// [`thaw`](Self::thaw). Returns when it stands still.
    pub async fn freeze(&mut self) -> Result<()> {
        let process = self.running()?;
        process.signal(Signal::STOP)?;
        eventually(DEADLINE, "the NATS server to stand still", async || {
            process.is_stopped().then_some(())
        })
        .await
    }

    /// Lets a frozen server go on.
    pub fn thaw(&mut self) -> Result<()> {
        self.running()?.signal(Signal::CONT)
    }

    /// Starts it again, on the same port and store; one that still runs is stopped in order first.
    /// Returns when JetStream is ready.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await?;
        let mut command = Command::new(&self.binary);
        command
            .arg("--config")
            .arg(self.configuration_path())
            .stdout(Stdio::null())
            // A bad configuration is reported here, before there is a log.
            .stderr(fs::File::create(self.error_path())?);
        let mut process = ChildProcess::spawn("nats-server", command, LastSignal::Kill)?;
        let address = self.address();
        let ready = eventually(DEADLINE, "nats-server to be ready", async || {
            if !process.is_running() {
                return Some(Err(anyhow::anyhow!("it has ended")));
            }
            let info = server_info(address).ok()?;
            if info.server_name != self.name {
                return Some(Err(anyhow::anyhow!("{address} is {}", info.server_name)));
            }
            info.jetstream.then_some(Ok(()))
        });
        if let Err(error) = ready.await.and_then(|outcome| outcome) {
            bail!(
                "nats-server did not start: {error}\n{}{}",
                fs::read_to_string(self.error_path()).unwrap_or_default(),
                self.log()
            );
        }
        self.process = Some(process);
        Ok(())
    }

    /// Copies the JetStream store of the stopped (or killed) server.
    pub fn store_snapshot(&self) -> Result<StoreSnapshot> {
        self.must_be_stopped()?;
        let directory = TemporaryDirectory::new("nats-store")?;
        copy_directory(&self.store, &directory.join("store"))?;
        Ok(StoreSnapshot { directory })
    }

    /// Puts the store back to what it was: what was published since is lost, as when a machine
    /// loses power before the broker's data reached the disk.
    pub fn restore_store(&self, snapshot: &StoreSnapshot) -> Result<()> {
        self.must_be_stopped()?;
        fs::remove_dir_all(&self.store).context("removing the JetStream store")?;
        copy_directory(&snapshot.directory.join("store"), &self.store)
    }

    /// Connects a client without credentials.
    pub async fn client(&self) -> Result<async_nats::Client> {
        Ok(async_nats::connect(self.url()).await?)
    }

    fn running(&mut self) -> Result<&mut ChildProcess> {
        self.process
            .as_mut()
            .context("the NATS server does not run")
    }

    fn must_be_stopped(&self) -> Result<()> {
        if self.process.is_some() {
            bail!("the NATS server runs: its store is changing");
        }
        Ok(())
    }

    fn configuration_path(&self) -> PathBuf {
        self.directory.join("nats-server.conf")
    }

    fn log_path(&self) -> PathBuf {
        self.directory.join("nats-server.log")
    }

    fn error_path(&self) -> PathBuf {
        self.directory.join("nats-server.err")
    }
}

/// A string of the configuration language.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
