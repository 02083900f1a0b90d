//! A PostgreSQL server, one per test process.
//!
//! `initdb` takes seconds, so its result is kept in the cache directory and copied. The server syncs
//! to disk as in production: the promises tested here are about that.

use std::{
    fs::{self, File},
    net::SocketAddr,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Signal, geteuid};
use sqlx::{Connection, PgConnection, Postgres, migrate::MigrateDatabase};

use crate::{
    ChildProcess, DEADLINE, LastSignal, ReservedPort, TemporaryDirectory, copy_directory,
    directory::{give_to, is_root, publish_directory},
    eventually, programs,
};

/// The superuser, who needs no password: the server listens on 127.0.0.1 for the length of a test.
const SUPERUSER: &str = "postgres";
/// Who runs the server when the tests run as root, which PostgreSQL refuses; the first that exists.
const OTHER_USERS: [&str; 2] = ["postgres", "nobody"];
/// Servers of several test processes run at once, each for a few connections.
const SETTINGS: [&str; 3] = [
    "shared_buffers=32MB",
    "max_connections=100",
    "log_min_messages=warning",
];
/// A socket's path may not be longer than 107 bytes, so long temporary directories are not used.
const LONGEST_DIRECTORY: usize = 60;

/// A running PostgreSQL server, stopped and removed when dropped or when the test process ends.
#[derive(Debug)]
pub struct PostgresServer {
    programs: PathBuf,
    user: Option<User>,
    port: ReservedPort,
    process: Option<ChildProcess>,
    // Dropped last: the process writes here.
    directory: TemporaryDirectory,
}

/// An ordinary user of this machine, for servers that refuse to run as root.
#[derive(Debug, Clone, Copy)]
struct User {
    id: u32,
    group: u32,
}

impl PostgresServer {
    /// Whether tests can have a server here; the error says in one line why not.
    pub fn available() -> Result<(), String> {
        programs::postgres_directory()?;
        if is_root() && other_user().is_none() {
            return Err("PostgreSQL refuses to run as root, and there is no other user".to_owned());
        }
        Ok(())
    }

    /// The server of this test process, started at the first call.
    pub async fn shared() -> Result<&'static Self> {
        // Never dropped: the janitor stops it when the process ends.
        static SHARED: tokio::sync::OnceCell<PostgresServer> = tokio::sync::OnceCell::const_new();
        SHARED.get_or_try_init(Self::start).await
    }

    /// Starts a server of the test's own, for tests that kill it.
    pub async fn start() -> Result<Self> {
        let programs = programs::postgres_directory().map_err(anyhow::Error::msg)?;
        let user = is_root().then(other_user).flatten();
        let directory = TemporaryDirectory::new_in(&reachable_directory(user.is_some()), "pg")?;
        let mut server = Self {
            programs,
            user,
            port: ReservedPort::new()?,
            process: None,
            directory,
        };
        server.fill_data_directory()?;
        server.restart().await?;
        Ok(server)
    }

    /// Makes an empty database and returns its URL (`postgres://postgres@127.0.0.1:PORT/NAME`).
    pub async fn create_database(&self) -> Result<String> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let url = self.url(&name);
        Postgres::create_database(&url)
            .await
            .with_context(|| format!("creating the database {name}"))?;
        Ok(url)
    }

    /// The URL of a database of this server, over TCP.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{SUPERUSER}@{}/{database}", self.address())
    }

    /// Where it listens; the same after a restart.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.port.address()
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

    /// Ends it at once with all its connections, without a checkpoint (SIGQUIT, "immediate"): the
    /// next start recovers as after a crash. It stays away until [`restart`](Self::restart).
    pub async fn kill_hard(&mut self) -> Result<()> {
        self.end(Signal::QUIT).await
    }

    /// Stops it in order (SIGINT, "fast") and waits for its end.
    pub async fn stop(&mut self) -> Result<()> {
        self.end(Signal::INT).await
    }

    /// Starts it again on the same port with the same data; one that still runs is stopped first.
    /// Returns when it answers.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await?;
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_path())?;
        let mut command = self.program("postgres");
        command
            .arg("-D")
            .arg(self.data_directory())
            .args(["-p", &self.port.number().to_string(), "-h", "127.0.0.1"])
            .arg("-k")
            .arg(self.directory.path())
            .stdout(log.try_clone()?)
            .stderr(log);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        let mut process = ChildProcess::spawn("postgres", command, LastSignal::Quit)?;
        let ready = eventually(DEADLINE, "PostgreSQL to be ready", async || {
            if !process.is_running() {
                return Some(Err(anyhow::anyhow!("it has ended")));
            }
            self.serves_our_data().await.ok()
        });
        if let Err(error) = ready.await.and_then(|outcome| outcome) {
            bail!("PostgreSQL did not start: {error}\n{}", self.log());
        }
        self.process = Some(process);
        Ok(())
    }

    /// `Err` while nothing answers, `Ok(Err)` when it is somebody else's server.
    async fn serves_our_data(&self) -> Result<Result<()>> {
        let mut connection = PgConnection::connect(&self.url(SUPERUSER)).await?;
        let directory: String = sqlx::query_scalar("SELECT current_setting('data_directory')")
            .fetch_one(&mut connection)
            .await?;
        connection.close().await?;
        if Path::new(&directory) == self.data_directory() {
            return Ok(Ok(()));
        }
        Ok(Err(anyhow::anyhow!(
            "{} serves {directory}",
            self.address()
        )))
    }

    async fn end(&mut self, signal: Signal) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.signal(signal)?;
            process.wait(DEADLINE).await?;
        }
        Ok(())
    }

    /// Makes the data directory: a copy of the one in the cache, or, the first time, with `initdb`.
    fn fill_data_directory(&self) -> Result<()> {
        let data = self.data_directory();
        let template = self.template_directory()?;
        if template.is_dir() {
            copy_directory(&template, &data)?;
            return self.hand_over();
        }
        self.hand_over()?;
        let output = self
            .program("initdb")
            .arg("-D")
            .arg(&data)
            .args(["--username", SUPERUSER, "--auth", "trust"])
            .args(["--encoding", "UTF8", "--locale", "C", "--no-sync"])
            .output()
            .context("starting initdb")?;
        if !output.status.success() {
            bail!("initdb: {}", String::from_utf8_lossy(&output.stderr));
        }
        // The cache is for speed only: a read-only one is no reason to fail.
        let _ = publish_directory(&template, |target| copy_directory(&data, target));
        Ok(())
    }

    /// Where the cache keeps a fresh data directory of this PostgreSQL version. The files may be
    /// read by their owner alone, so each user of this machine has one.
    fn template_directory(&self) -> Result<PathBuf> {
        let output = Command::new(self.programs.join("postgres"))
            .arg("--version")
            .output()
            .context("asking PostgreSQL for its version")?;
        // "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = text.split_whitespace().nth(2).unwrap_or("unknown");
        let user = geteuid().as_raw();
        Ok(programs::cache_directory().join(format!("postgresql-{version}-template-{user}")))
    }

    /// Gives the directory to the user who runs the server.
    fn hand_over(&self) -> Result<()> {
        if let Some(user) = self.user {
            give_to(self.directory.path(), user.id, user.group)
                .context("giving the data directory to the server's user")?;
        }
        Ok(())
    }

    /// One of PostgreSQL's programs, run by the user who may.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.stdin(Stdio::null()).current_dir("/");
        // Messages and times are the same on every machine.
        command.env_clear().env("LC_ALL", "C").env("TZ", "UTC");
        if let Some(user) = self.user {
            command.uid(user.id).gid(user.group);
        }
        command
    }

    fn data_directory(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn log_path(&self) -> PathBuf {
        self.directory.join("postgresql.log")
    }
}

/// The user that runs servers in root's place.
fn other_user() -> Option<User> {
    let accounts = fs::read_to_string("/etc/passwd").ok()?;
    OTHER_USERS.iter().find_map(|name| {
        // name:password:uid:gid:...
        let mut fields = accounts
            .lines()
            .map(|line| line.split(':'))
            .find_map(|mut fields| (fields.next()? == *name).then_some(fields))?
            .skip(1);
        Some(User {
            id: fields.next()?.parse().ok()?,
            group: fields.next()?.parse().ok()?,
        })
    })
}

/// A parent for the data directory: the usual one, unless the server's user could not get there or
/// the socket's path would be too long.
fn reachable_directory(other_user: bool) -> PathBuf {
    let usual = std::env::temp_dir();
    let open = usual.ancestors().all(|directory| {
        fs::metadata(directory).is_ok_and(|found| found.permissions().mode() & 0o001 != 0)
    });
    if (other_user && !open) || usual.as_os_str().len() > LONGEST_DIRECTORY {
        return PathBuf::from("/tmp");
    }
    usual
}
