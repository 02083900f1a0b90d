//! The broker of one machine: a nats-server that `muster up` starts, watches and stops.
//!
//! | file in `DATA/nats` | |
//! |---|---|
//! | `nats-server.conf` | written at each start, mode 600 |
//! | `jetstream/` | the streams |
//! | `address` | `host:port`, for the operator's commands; the next start takes the same port |
//! | `nats-server.log` | its log, kept within [`LOG_SIZE_LIMIT`] times [`LOG_FILES`] |
//! | `nats-server.err` | what it said before it had a log |
//! | `nats-server.pid` | to find one that outlived its muster |
//! | `lock` | held by the running muster: one per data directory |
//!
//! It outlives nothing: the kernel kills it when this process ends in whatever way (see
//! [`child`]), and should one have survived all the same, the next start ends it first. And it is
//! never away for long: [`Broker::supervise`] starts it again on the same port when it dies.

mod child;
mod files;
mod greeting;
mod port;
mod predecessor;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use tokio::sync::{Mutex, watch};
use tracing::{error, info, warn};

use self::{child::Child, files::Files};

/// The largest message, in bytes. Also what the contract's answers are cut to.
pub(crate) const MAX_PAYLOAD: u32 = 8 * 1024 * 1024;
/// When a log file is full, in bytes.
const LOG_SIZE_LIMIT: u32 = 8 * 1024 * 1024;
/// Full log files kept beside the current one.
const LOG_FILES: u32 = 2;
/// The oldest server that has all the topology uses, as (major, minor).
const OLDEST_VERSION: (u32, u32) = (2, 11);

/// How long a start may take; nearly all of it is reading the streams back after a crash.
const START_DEADLINE: Duration = Duration::from_secs(30);
/// Between two looks whether it answers.
const START_PAUSE: Duration = Duration::from_millis(5);
/// How long an orderly stop may take before the server is killed.
const STOP_DEADLINE: Duration = Duration::from_secs(10);
/// Free ports to try before giving up: between a look and the server's own start another program
/// may be faster.
const PORT_TRIES: usize = 16;

/// The wait after the first failed restart, which doubles ...
const FIRST_BACK_OFF: Duration = Duration::from_millis(50);
/// ... up to this ...
const LONGEST_BACK_OFF: Duration = Duration::from_secs(5);
/// ... and begins anew once the server has lived this long.
const STABLE_AFTER: Duration = Duration::from_secs(30);

/// How to start the broker.
#[derive(Debug, Clone)]
pub(crate) struct BrokerOptions {
    /// Muster's data directory, absolute; the broker keeps its files in `nats` below it.
    pub(crate) data_directory: PathBuf,
    /// The nats-server program.
    pub(crate) server_binary: PathBuf,
    /// The port on 127.0.0.1; without one (or with 0) that of the last start if it is still free,
    /// else any free one.
    pub(crate) port: Option<u16>,
    /// More text for the configuration file: the `authorization` block. The server's name, address,
    /// files, limits and the JetStream block are written here.
    pub(crate) configuration: String,
}

/// A running nats-server. It is killed when this value is dropped; [`stop`](Self::stop) is gentler.
#[derive(Debug)]
pub(crate) struct Broker {
    binary: PathBuf,
    configuration: String,
    files: Files,
    address: SocketAddr,
    /// Whether `setpriv --pdeathsig` works here.
    ends_with_us: bool,
    starts: AtomicU32,
    /// `None` while it is down.
    child: Mutex<Option<Child>>,
    stopping: watch::Sender<bool>,
}

impl Broker {
    /// Starts the server and returns when JetStream is ready.
    ///
    /// # Errors
    ///
    /// When another muster uses the data directory, the port is taken, the server is too old, or
    /// it does not start; the error holds the end of its log.
    pub(crate) async fn start(options: BrokerOptions) -> Result<Self> {
        let files = Files::open(&options.data_directory)?;
        predecessor::end(&files, STOP_DEADLINE).await?;
        let fixed = options.port.filter(|port| *port != 0);
        let candidates = match fixed {
            Some(port) => vec![port::local(port)],
            None => port::candidates(files.read_address(), PORT_TRIES),
        };
        let mut broker = Self {
            binary: options.server_binary,
            configuration: options.configuration,
            files,
            address: port::local(0),
            ends_with_us: child::can_end_with_parent(),
            starts: AtomicU32::new(0),
            child: Mutex::new(None),
            stopping: watch::Sender::new(false),
        };
        if !broker.ends_with_us {
            warn!("setpriv is missing: nats-server outlives a killed muster until the next start");
        }
        let mut taken = None;
        for address in candidates {
            if !port::is_free(address) {
                taken = Some(address);
                continue;
            }
            broker.address = address;
            match broker.launch().await {
                Ok(child) => {
                    broker.files.write_address(address)?;
                    broker.child = Mutex::new(Some(child));
                    return Ok(broker);
                }
                // Somebody was faster; anything else would fail on the next port too.
                Err(_) if !port::is_free(address) => taken = Some(address),
                Err(error) => return Err(error),
            }
        }
        match taken {
            Some(address) if fixed.is_some() => bail!("the broker's port is taken: {address}"),
            _ => bail!("no free port was found for the broker"),
        }
    }

    /// Where it listens, for as long as this value lives.
    #[cfg(test)]
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// `nats://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// The server's process id; `None` while it is down.
    #[cfg(test)]
    pub(crate) async fn pid(&self) -> Option<u32> {
        self.child.lock().await.as_ref().map(Child::pid)
    }

    /// Starts the server again whenever it ends, on the same port with the same streams, until
    /// [`stop`](Self::stop) is called. Clients reconnect by themselves.
    pub(crate) async fn supervise(&self) {
        let mut stopping = self.stopping.subscribe();
        tokio::select! {
            () = self.restart_for_ever() => {}
            // An error means that the sender is gone, which `self` holds.
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
    }

    async fn restart_for_ever(&self) {
        let mut back_off = FIRST_BACK_OFF;
        loop {
            let running = self.child.lock().await.as_ref().map(Child::watch);
            if let Some(mut end) = running {
                let began = Instant::now();
                let status = end.wait().await;
                if began.elapsed() >= STABLE_AFTER {
                    back_off = FIRST_BACK_OFF;
                }
                warn!(%status, "nats-server has ended, starting it again");
            } else {
                tokio::time::sleep(back_off).await;
                back_off = (back_off * 2).min(LONGEST_BACK_OFF);
            }
            let mut child = self.child.lock().await;
            // Dropped first: what is left of the old one is ended before its port is used again.
            *child = None;
            match self.launch().await {
                Ok(started) => {
                    info!(pid = started.pid(), address = %self.address, "nats-server runs again");
                    *child = Some(started);
                }
                Err(error) => error!("nats-server does not start: {error:#}"),
            }
        }
    }

    /// Stops the server: in order (SIGTERM), and if that takes more than ten seconds, hard. It is
    /// not started again. Stopping what is stopped does nothing.
    pub(crate) async fn stop(&self) -> Result<()> {
        self.stopping.send_replace(true);
        let Some(child) = self.child.lock().await.take() else {
            return Ok(());
        };
        child.terminate()?;
        let mut end = child.watch();
        let orderly = tokio::time::timeout(STOP_DEADLINE, end.wait()).await;
        if orderly.is_err() {
            warn!("nats-server has not stopped within {STOP_DEADLINE:?}: it is killed");
            child.kill()?;
            end.wait().await;
        }
        Ok(())
    }

    /// Starts the server once at our address, and waits until it is ready.
    async fn launch(&self) -> Result<Child> {
        // The process id is ours alone on this machine: a server of this name is the one we started.
        let start = self.starts.fetch_add(1, Ordering::Relaxed);
        let name = format!("muster-{}-{start}", std::process::id());
        self.files
            .write_configuration(&self.configuration_text(&name))?;
        let log_begin = self.files.log_length();
        let child = Child::spawn(self.command()?).await.with_context(|| {
            let program = self.binary.display();
            format!("starting {program} (set nats.server_binary to a nats-server)")
        })?;
        match tokio::time::timeout(START_DEADLINE, self.ready(&child, &name)).await {
            Ok(Ok(())) => Ok(child),
            Ok(Err(error)) => {
                // It may be ending just now, with the reason not yet written.
                child.kill()?;
                child.watch().wait().await;
                let said = self.files.said_since(log_begin);
                Err(error.context(format!("nats-server did not start\n{said}")))
            }
            Err(_) => bail!(
                "nats-server is not ready after {START_DEADLINE:?}\n{}",
                self.files.said_since(log_begin)
            ),
        }
    }

    async fn ready(&self, child: &Child, name: &str) -> Result<()> {
        let mut end = child.watch();
        loop {
            if let Ok(info) = greeting::read(self.address).await {
                if info.server_name != name {
                    bail!("{} is the server {}", self.address, info.server_name);
                }
                if greeting::version(&info.version).is_none_or(|version| version < OLDEST_VERSION) {
                    let (major, minor) = OLDEST_VERSION;
                    bail!("it is {}, needed is {major}.{minor} or newer", info.version);
                }
                if info.jetstream {
                    return Ok(());
                }
            }
            tokio::select! {
                status = end.wait() => bail!("it has ended ({status})"),
                () = tokio::time::sleep(START_PAUSE) => {}
            }
        }
    }

    fn command(&self) -> Result<Command> {
        let mut command = if self.ends_with_us {
            child::ending_with_parent(&self.binary)
        } else {
            Command::new(&self.binary)
        };
        command
            .arg("--config")
            .arg(self.files.configuration())
            .current_dir(self.files.directory())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(self.files.create_error_file()?);
        Ok(command)
    }

    fn configuration_text(&self, name: &str) -> String {
        let quoted = |path: &Path| quoted(&path.to_string_lossy());
        format!(
            "# Written by muster at each start.\n\
             server_name: {}\n\
             listen: {}\n\
             max_payload: {MAX_PAYLOAD}\n\
             pid_file: {}\n\
             log_file: {}\n\
             logfile_size_limit: {LOG_SIZE_LIMIT}\n\
             logfile_max_num: {LOG_FILES}\n\
             jetstream {{\n  store_dir: {}\n}}\n\
             {}\n",
            self::quoted(name),
            self::quoted(&self.address.to_string()),
            quoted(&self.files.pid()),
            quoted(&self.files.log()),
            quoted(&self.files.store()),
            self.configuration,
        )
    }
}

/// A string of the configuration language.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests;
