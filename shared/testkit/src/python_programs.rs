//! Runs the programs of real clients written in Python, without paying for their imports each time.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::Mutex,
};

/// What forks the programs.
const SERVER: &str = include_str!("preloaded.py");

/// The programs of a [Python environment](crate::programs::PythonEnvironment), run one after another.
///
/// Each runs in a process of its own with the arguments, environment, output and end that it would have by itself; that
/// process is forked from one that has already imported what those before it have.
#[derive(Debug)]
pub struct PythonPrograms {
    directory: PathBuf,
    home: PathBuf,
    server: Mutex<Option<Server>>,
}

#[derive(Debug)]
struct Server {
    // Killed when it is dropped, and its forks with it.
    _process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

#[derive(Serialize)]
struct Request<'a> {
    program: &'a str,
    arguments: &'a [String],
    environment: serde_json::Map<String, serde_json::Value>,
}

/// What a program has printed.
#[derive(Debug, Deserialize)]
pub struct Printed {
    /// Its exit status; a signal that ended it is a negative number.
    pub status: i32,
    /// Its standard output.
    pub output: String,
    /// Its standard error.
    pub errors: String,
}

impl Printed {
    /// Whether it ended well.
    #[must_use]
    pub fn well(&self) -> bool {
        self.status == 0
    }
}

impl PythonPrograms {
    /// Those in `directory`, of a user whose home is `home`.
    #[must_use]
    pub fn new(directory: &Path, home: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            home: home.to_owned(),
            server: Mutex::new(None),
        }
    }

    /// Runs one with nothing on its standard input and nothing in its environment but `PATH`, `HOME` and what is given.
    ///
    /// # Errors
    /// It could not be run at all.
    pub async fn run(
        &self,
        program: &str,
        arguments: &[String],
        environment: &[(String, String)],
    ) -> Result<Printed> {
        let mut variables = serde_json::Map::new();
        variables.insert("PATH".to_owned(), path().into());
        variables.insert("HOME".to_owned(), self.home.to_string_lossy().into());
        for (name, value) in environment {
            variables.insert(name.clone(), value.clone().into());
        }
        let request = Request {
            program,
            arguments,
            environment: variables,
        };
        let mut line = serde_json::to_string(&request)?;
        line.push('\n');

        let mut server = self.server.lock().await;
        if server.is_none() {
            *server = Some(self.start()?);
        }
        // Taken out: one that was given up in the middle of an answer is not asked again.
        let Some(mut running) = server.take() else {
            bail!("nothing runs {program}");
        };
        running.requests.write_all(line.as_bytes()).await?;
        let mut answer = String::new();
        running.answers.read_line(&mut answer).await?;
        let printed = serde_json::from_str(&answer)
            .with_context(|| format!("running {program} {arguments:?}: {answer:?}"))?;
        *server = Some(running);
        Ok(printed)
    }

    fn start(&self) -> Result<Server> {
        let mut process = Command::new(self.directory.join("python"))
            .args(["-c", SERVER])
            .env_clear()
            .env("PATH", path())
            .env("HOME", &self.home)
            .current_dir(&self.home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting Python of {}", self.directory.display()))?;
        let (Some(requests), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            bail!("Python was started without pipes");
        };
        Ok(Server {
            _process: process,
            requests,
            answers: BufReader::new(answers),
        })
    }
}

fn path() -> String {
    std::env::var("PATH").unwrap_or_default()
}
