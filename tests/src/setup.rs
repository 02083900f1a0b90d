//! The set-ups that every promise is kept on: each database, in one process and in parts.

use std::path::Path;

use anyhow::{Context, Result};
use muster_testkit::{READY_DEADLINE, ReservedPort, eventually};

use crate::{Engine, Process, System, SystemOptions};

/// How much of what the processes printed is shown of a failed test, in bytes.
const SHOWN_OUTPUT: usize = 64 * 1024;

/// Which processes a system is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `muster up`.
    OneProcess,
    /// One process for each part; on PostgreSQL with two replicas of the job archive.
    Parts,
}

/// A database and a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setup {
    /// The database.
    pub engine: Engine,
    /// The processes.
    pub mode: Mode,
}

impl Setup {
    /// `muster up` on SQLite.
    pub const SQLITE_IN_ONE_PROCESS: Self = Self {
        engine: Engine::Sqlite,
        mode: Mode::OneProcess,
    };
    /// Parts on SQLite.
    pub const SQLITE_IN_PARTS: Self = Self {
        engine: Engine::Sqlite,
        mode: Mode::Parts,
    };
    /// `muster up` on PostgreSQL.
    pub const POSTGRES_IN_ONE_PROCESS: Self = Self {
        engine: Engine::Postgres,
        mode: Mode::OneProcess,
    };
    /// Parts on PostgreSQL.
    pub const POSTGRES_IN_PARTS: Self = Self {
        engine: Engine::Postgres,
        mode: Mode::Parts,
    };

    /// Starts the system with `options` and runs `body` with it, if the database is there; else says
    /// that `test` is skipped. What the processes printed is shown when the body fails.
    pub async fn run(
        self,
        test: &str,
        options: impl FnOnce(SystemOptions) -> SystemOptions,
        body: impl AsyncFnOnce(&mut System, Setup) -> Result<()>,
    ) -> Result<()> {
        if !self.engine.is_available(test) {
            return Ok(());
        }
        // While the broker is down nobody else may take its port.
        let broker_port = ReservedPort::new()?;
        let options = options(SystemOptions::new(self.engine))
            .with("MUSTER__NATS__PORT", broker_port.number().to_string());
        let system = match self.mode {
            Mode::OneProcess => System::up(options).await?,
            Mode::Parts => System::parts(options, self.archives().len()).await?,
        };
        let mut system = ShownOnPanic(system);
        let result = body(&mut system.0, self).await;
        if result.is_err() {
            system.show();
        }
        result
    }

    /// The processes that the job archive runs in.
    #[must_use]
    pub fn archives(self) -> Vec<Process> {
        match (self.mode, self.engine) {
            (Mode::OneProcess, _) => vec![Process::Everything],
            (Mode::Parts, Engine::Sqlite) => vec![Process::JobArchive(0)],
            (Mode::Parts, Engine::Postgres) => {
                vec![Process::JobArchive(0), Process::JobArchive(1)]
            }
        }
    }

    /// Kills the job archive, all its replicas, and starts the first of them again with a breakpoint
    /// set, such as `after-commit=return`.
    pub async fn restart_with_breakpoint(
        self,
        system: &mut System,
        breakpoint: &str,
    ) -> Result<Process> {
        self.kill_archives(system)?;
        let first = self.first_archive()?;
        system.spawn_with(first, &[("FAILPOINTS", breakpoint)])?;
        system.ready(first).await?;
        Ok(first)
    }

    /// Kills the job archive, all its replicas.
    pub fn kill_archives(self, system: &mut System) -> Result<()> {
        for archive in self.archives() {
            if system.process(archive).is_ok() {
                system.kill(archive)?;
            }
        }
        Ok(())
    }

    /// Starts the job archive again, all its replicas.
    pub async fn start_archives(self, system: &mut System) -> Result<()> {
        for archive in self.archives() {
            system.start(archive).await?;
        }
        Ok(())
    }

    /// The process that the job archive's first replica runs in.
    pub fn first_archive(self) -> Result<Process> {
        self.archives().into_iter().next().context("no job archive")
    }

    /// The process that looks after the broker.
    #[must_use]
    pub fn broker(self) -> Process {
        match self.mode {
            Mode::OneProcess => Process::Everything,
            Mode::Parts => Process::Broker,
        }
    }
}

/// Waits until a process has stopped at the breakpoint.
pub async fn stopped_at(system: &mut System, process: Process, breakpoint: &str) -> Result<()> {
    let running = system.process(process)?;
    let line = format!("stopped at {breakpoint}");
    eventually(READY_DEADLINE, &line, async || {
        running.stderr_lines().contains(&line).then_some(())
    })
    .await
    .context("is the muster binary built with the feature `failpoints`?")
}

/// A nats-server that does not start while a file is there, for a broker that stays away although
/// somebody starts it again and again. Returns the program.
pub fn reluctant_nats_server(directory: &Path, hold: &Path) -> Result<std::path::PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let program = directory.join("reluctant-nats-server");
    let server = muster_testkit::programs::nats_server()?;
    let text = format!(
        "#!/bin/sh\n[ -e '{}' ] && exit 1\nexec '{}' \"$@\"\n",
        hold.display(),
        server.display()
    );
    std::fs::write(&program, text)?;
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
    Ok(program)
}

/// Shows what the processes printed when a test panics.
struct ShownOnPanic(System);

impl ShownOnPanic {
    #[expect(clippy::print_stderr, reason = "for whoever looks at the failed test")]
    fn show(&self) {
        let output = self.0.output();
        let start = output.len().saturating_sub(SHOWN_OUTPUT);
        let start = (start..output.len()).find(|place| output.is_char_boundary(*place));
        eprintln!("{}", output.get(start.unwrap_or(0)..).unwrap_or_default());
    }
}

impl Drop for ShownOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.show();
        }
    }
}

/// Makes a test of `$body` on every set-up: `on_every_setup!(name, options, body)`, where `options`
/// changes the [`SystemOptions`] and `body` is an `async fn(&mut System, Setup) -> Result<()>`.
#[macro_export]
macro_rules! on_every_setup {
    ($name:ident, $options:expr, $body:expr) => {
        mod $name {
            use super::*;
            $crate::on_setup!(
                sqlite_in_one_process,
                SQLITE_IN_ONE_PROCESS,
                $name,
                $options,
                $body
            );
            $crate::on_setup!(sqlite_in_parts, SQLITE_IN_PARTS, $name, $options, $body);
            $crate::on_setup!(
                postgres_in_one_process,
                POSTGRES_IN_ONE_PROCESS,
                $name,
                $options,
                $body
            );
            $crate::on_setup!(postgres_in_parts, POSTGRES_IN_PARTS, $name, $options, $body);
        }
    };
}

/// Makes one test of `$body`, on one set-up.
#[macro_export]
macro_rules! on_setup {
    ($test:ident, $setup:ident, $name:ident, $options:expr, $body:expr) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $test() -> ::anyhow::Result<()> {
            $crate::setup::Setup::$setup
                .run(stringify!($name), $options, $body)
                .await
        }
    };
}
