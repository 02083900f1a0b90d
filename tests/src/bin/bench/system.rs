//! The systems that are measured: Muster and the direct server, each on a fresh database.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result};
use muster_testkit::{MusterProcess, PostgresServer, TemporaryDirectory};

use super::{jobs, lending};

/// Token of the benchmark's principal.
pub(crate) const TOKEN: &str = "benchmark-token-benchmark-token-1234";

/// The database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// Those that can be measured here.
    pub(crate) fn available(sqlite_only: bool) -> Vec<Self> {
        if sqlite_only {
            return vec![Engine::Sqlite];
        }
        if PostgresServer::available().is_ok() {
            return vec![Engine::Sqlite, Engine::Postgres];
        }
        println!("skipped: PostgreSQL is not installed\n");
        vec![Engine::Sqlite]
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Engine::Sqlite => "SQLite",
            Engine::Postgres => "PostgreSQL",
        }
    }
}

/// A running Muster with its broker, and the database server if there is one.
pub(crate) struct Muster {
    pub(crate) process: MusterProcess,
    pub(crate) address: SocketAddr,
    directory: TemporaryDirectory,
    pub(crate) database: Database,
}

/// Where its rows are.
pub(crate) enum Database {
    Sqlite,
    Postgres { server: PostgresServer, url: String },
}

impl Database {
    pub(crate) async fn new(engine: Engine) -> Result<Self> {
        Ok(match engine {
            Engine::Sqlite => Database::Sqlite,
            Engine::Postgres => {
                let server = PostgresServer::start().await?;
                let url = server.create_database().await?;
                Database::Postgres { server, url }
            }
        })
    }

    /// Process ids of the database server.
    pub(crate) fn processes(&self) -> Vec<u32> {
        match self {
            Database::Sqlite => vec![],
            Database::Postgres { server, .. } => server.pid().into_iter().collect(),
        }
    }
}

impl Muster {
    pub(crate) async fn start(database: Database) -> Result<Self> {
        let directory = TemporaryDirectory::new("bench")?;
        write_site(&directory)?;
        Self::start_in(directory, database).await
    }

    /// With these settings.
    pub(crate) async fn with_settings(
        database: Database,
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        let directory = TemporaryDirectory::new("bench")?;
        write_site(&directory)?;
        Self::start_with(directory, database, settings).await
    }

    /// With so many nodes to lend.
    pub(crate) async fn with_nodes(database: Database, count: usize) -> Result<Self> {
        let directory = TemporaryDirectory::new("bench")?;
        write_site(&directory)?;
        lending::add_nodes(&directory.path().join("site.toml"), count)?;
        Self::start_in(directory, database).await
    }

    pub(crate) async fn start_in(
        directory: TemporaryDirectory,
        database: Database,
    ) -> Result<Self> {
        Self::start_with(directory, database, &[]).await
    }

    async fn start_with(
        directory: TemporaryDirectory,
        database: Database,
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        let site = directory.path().join("site.toml");
        let site = site.to_string_lossy();
        let mut environment = vec![
            ("MUSTER__SITE", &*site),
            ("MUSTER__TELEMETRY__LOG", "warn"),
            // One that runs real processes would measure these.
            ("MUSTER__AGENT__ENABLED", "false"),
        ];
        if let Database::Postgres { url, .. } = &database {
            environment.push(("MUSTER__STORAGE__URL", url));
        }
        environment.extend_from_slice(settings);
        let process =
            MusterProcess::start(["up"], &environment, &directory.path().join("data")).await?;
        let url = process.base_url().context("no address")?;
        let address = url.trim_start_matches("http://").parse()?;
        Ok(Self {
            process,
            address,
            directory,
            database,
        })
    }

    /// Its data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Process ids of everything that serves.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let mut processes = vec![self.process.pid()];
        processes.extend(self.database.processes());
        processes
    }
}

/// Writes a site with the benchmark's principal and cluster.
pub(crate) fn write_site(directory: &TemporaryDirectory) -> Result<()> {
    fs::write(
        directory.path().join("cluster.json"),
        jobs::CLUSTER_DESCRIPTION,
    )?;
    let site = format!(
        "[[project]]\nname = \"bench\"\n\n[[principal]]\nname = \"bench\"\nproject = \"bench\"\nroles = [\"api\"]\n\
         token = \"{TOKEN}\"\n\n[[cluster]]\nfile = \"cluster.json\"\n"
    );
    fs::write(directory.path().join("site.toml"), site)?;
    Ok(())
}

/// The direct server as a process of its own.
pub(crate) struct Direct {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) database: Database,
    _directory: TemporaryDirectory,
}

impl Direct {
    pub(crate) async fn start(database: Database) -> Result<Self> {
        use tokio::io::AsyncBufReadExt as _;
        let directory = TemporaryDirectory::new("bench-direct")?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("direct").stdout(Stdio::piped());
        match &database {
            Database::Sqlite => {
                command
                    .arg("--sqlite")
                    .arg(directory.path().join("direct.sqlite"));
            }
            Database::Postgres { url, .. } => {
                command.env("DIRECT_POSTGRES_URL", url);
            }
        }
        let mut child = command.spawn()?;
        let output = child.stdout.take().context("no output")?;
        let output = tokio::process::ChildStdout::from_std(output)?;
        let mut lines = tokio::io::BufReader::new(output).lines();
        let line = lines
            .next_line()
            .await?
            .context("the direct server has ended")?;
        let address = line.trim().parse().context("no address")?;
        Ok(Self {
            child,
            address,
            database,
            _directory: directory,
        })
    }

    pub(crate) fn processes(&self) -> Vec<u32> {
        let mut processes = vec![self.child.id()];
        processes.extend(self.database.processes());
        processes
    }
}

impl Drop for Direct {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
