//! Muster as the suites run it: everything in one process, or each part in its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use anyhow::{Context, Result, bail};
use muster_testkit::{
    DEADLINE, MusterProcess, PostgresServer, READY_DEADLINE, ReservedPort, TemporaryDirectory,
    eventually, run_muster,
};

use crate::{Client, Engine, Tables, site};

/// What differs from test to test.
#[derive(Debug, Clone)]
pub struct SystemOptions {
    /// The database.
    pub engine: Engine,
    /// TOML added to the end of the site file, where the section `clustercockpit` is open.
    pub site_extra: String,
    /// Settings of every process, as environment variables.
    pub environment: Vec<(String, String)>,
}

impl SystemOptions {
    /// On this database, with default settings.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            site_extra: String::new(),
            environment: Vec::new(),
        }
    }

    /// With one more environment variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }
}

/// One of the processes a system is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// `muster up`.
    Everything,
    /// `muster broker`.
    Broker,
    /// `muster ingress`.
    Ingress,
    /// `muster session`.
    Session,
    /// `muster node-allocation`.
    NodeAllocation,
    /// `muster job-archive`, counted from 0.
    JobArchive(usize),
}

impl Process {
    fn command(self) -> &'static str {
        match self {
            Process::Everything => "up",
            Process::Broker => "broker",
            Process::Ingress => "ingress",
            Process::Session => "session",
            Process::NodeAllocation => "node-allocation",
            Process::JobArchive(_) => "job-archive",
        }
    }

    /// How the line begins that it prints once it works.
    fn ready_line(self) -> &'static str {
        match self {
            Process::Everything | Process::Ingress => "muster is ready on ",
            Process::Broker => "the broker is ready on ",
            Process::Session => "session is ready",
            Process::NodeAllocation => "node-allocation is ready",
            Process::JobArchive(_) => "job-archive is ready",
        }
    }
}

/// A running system with data of its own. Its address stays the same whatever is killed and started
/// again; everything ends when it is dropped.
#[derive(Debug)]
pub struct System {
    processes: Vec<(Process, Option<MusterProcess>)>,
    environment: Vec<(String, String)>,
    port: ReservedPort,
    tables: Tables,
    // Dropped last: the processes write here.
    directory: TemporaryDirectory,
}

impl System {
    /// Everything in one process.
    pub async fn up(options: SystemOptions) -> Result<Self> {
        Self::start_all(options, &[Process::Everything]).await
    }

    /// Each part in a process of its own, with so many replicas of the job archive (on SQLite one).
    pub async fn parts(options: SystemOptions, job_archives: usize) -> Result<Self> {
        let mut processes = vec![Process::Broker];
        processes.extend((0..job_archives).map(Process::JobArchive));
        processes.extend([Process::NodeAllocation, Process::Session, Process::Ingress]);
        Self::start_all(options, &processes).await
    }

    async fn start_all(options: SystemOptions, processes: &[Process]) -> Result<Self> {
        let directory = TemporaryDirectory::new("system")?;
        site::write(directory.path(), &options.site_extra)?;
        let port = ReservedPort::new()?;
        let site = directory.join("site.toml").to_string_lossy().into_owned();
        let mut environment = vec![
            ("MUSTER__SITE".to_owned(), site),
            // Also where Docker answers.
            ("MUSTER__AGENT__CONTAINERS".to_owned(), "process".to_owned()),
            ("MUSTER__LISTEN".to_owned(), port.address().to_string()),
        ];
        let tables = match options.engine {
            Engine::Sqlite => Tables::Sqlite(directory.join("data/job-archive.sqlite")),
            Engine::Postgres => {
                let url = PostgresServer::shared().await?.create_database().await?;
                environment.push(("MUSTER__STORAGE__URL".to_owned(), url.clone()));
                Tables::Postgres(url)
            }
        };
        environment.extend(options.environment);
        let mut system = Self {
            processes: processes.iter().map(|process| (*process, None)).collect(),
            environment,
            port,
            tables,
            directory,
        };
        for process in processes {
            system.start(*process).await?;
        }
        Ok(system)
    }

    /// The data directory, the same for every part.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// The directory that holds the site file and the data directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The job archive's tables.
    #[must_use]
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// A client with this token.
    pub fn client(&self, token: &str) -> Result<Client> {
        Client::new(self.port.address(), token)
    }

    /// A client that reports alpha's jobs.
    pub fn alpha(&self) -> Result<Client> {
        self.client(site::ALPHA_API)
    }

    /// The processes it is made of.
    #[must_use]
    pub fn names(&self) -> Vec<Process> {
        self.processes.iter().map(|(name, _)| *name).collect()
    }

    /// A process that was started and not killed by the test.
    pub fn process(&mut self, process: Process) -> Result<&mut MusterProcess> {
        let found = self.slot(process)?.as_mut();
        found.with_context(|| format!("{process:?} does not run"))
    }

    /// Starts a process, or one more replica of the job archive, and waits until it works.
    pub async fn start(&mut self, process: Process) -> Result<()> {
        self.spawn(process)?;
        self.ready(process).await
    }

    /// Starts a process and does not wait.
    pub fn spawn(&mut self, process: Process) -> Result<()> {
        self.spawn_with(process, &[])
    }

    /// Starts a process with further settings and does not wait.
    pub fn spawn_with(&mut self, process: Process, extra: &[(&str, &str)]) -> Result<()> {
        let environment: Vec<(&str, &str)> = self
            .environment()
            .into_iter()
            .chain(extra.iter().copied())
            .collect();
        let started = MusterProcess::spawn([process.command()], &environment, &self.data())?;
        if self.slot(process).is_err() {
            self.processes.push((process, None));
        }
        *self.slot(process)? = Some(started);
        Ok(())
    }

    /// Waits until a process works.
    pub async fn ready(&mut self, process: Process) -> Result<()> {
        let running = self.process(process)?;
        let what = format!("{process:?} to be ready");
        let found = eventually(READY_DEADLINE, &what, async || {
            let mut lines = running.stdout_lines().into_iter();
            if lines.any(|line| line.starts_with(process.ready_line())) {
                return Some(true);
            }
            (!running.is_running()).then_some(false)
        });
        match found.await {
            Ok(true) => Ok(()),
            Ok(false) => {
                let status = running.wait(DEADLINE).await?;
                bail!("{process:?} has ended: {status}\n{}", running.output());
            }
            Err(error) => bail!("{error}\n{}", running.output()),
        }
    }

    /// Kills a process alone (SIGKILL), as a crash would.
    pub fn kill(&mut self, process: Process) -> Result<()> {
        self.process(process)?.kill_hard()?;
        *self.slot(process)? = None;
        Ok(())
    }

    /// Stops a process in order (SIGINT); it has to end well.
    pub async fn stop(&mut self, process: Process) -> Result<()> {
        let running = self.process(process)?;
        running.interrupt()?;
        let status = running.wait(DEADLINE).await?;
        if !status.success() {
            bail!("{process:?} has ended: {status}\n{}", running.output());
        }
        *self.slot(process)? = None;
        Ok(())
    }

    /// Kills a process and starts it again.
    pub async fn restart(&mut self, process: Process) -> Result<()> {
        self.kill(process)?;
        self.start(process).await
    }

    /// The process id of nats-server, from its file.
    pub fn nats_pid(&self) -> Result<u32> {
        let text = fs::read_to_string(self.data().join("nats/nats-server.pid"))?;
        Ok(text.trim().parse()?)
    }

    /// A connection to the broker as the operator, who may use every subject.
    pub async fn nats(&self) -> Result<async_nats::Client> {
        let read = |name: &str| {
            let path = self.data().join("nats").join(name);
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
        };
        let seed = read("operator.nk")?.trim().to_owned();
        let address = read("address")?.trim().to_owned();
        let options = async_nats::ConnectOptions::with_nkey(seed);
        Ok(options.connect(format!("nats://{address}")).await?)
    }

    /// Runs an operator's command with the system's settings, such as `["dead-letters", "list"]`.
    pub async fn cli(&self, arguments: &[&str]) -> Result<Output> {
        let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
        let (environment, data) = (self.environment.clone(), self.data());
        tokio::task::spawn_blocking(move || {
            let environment: Vec<(&str, &str)> = pairs(&environment);
            run_muster(arguments, &environment, &data)
        })
        .await?
    }

    /// What every process has printed, for messages.
    #[must_use]
    pub fn output(&self) -> String {
        let outputs = self.processes.iter().map(|(name, process)| {
            let output = process.as_ref().map(MusterProcess::output);
            format!("=== {name:?}\n{}\n", output.unwrap_or_default())
        });
        outputs.collect()
    }

    /// The settings every process gets.
    #[must_use]
    pub fn environment(&self) -> Vec<(&str, &str)> {
        pairs(&self.environment)
    }

    fn slot(&mut self, process: Process) -> Result<&mut Option<MusterProcess>> {
        let found = self.processes.iter_mut().find(|(name, _)| *name == process);
        let (_, slot) = found.with_context(|| format!("there is no {process:?}"))?;
        Ok(slot)
    }
}

fn pairs(environment: &[(String, String)]) -> Vec<(&str, &str)> {
    environment
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}
