//! Runs the real clients.

use std::{path::PathBuf, process::Stdio};

use anyhow::{Context as _, Result, bail, ensure};
pub(crate) use muster_testkit::Printed;
use muster_testkit::{PythonPrograms, TemporaryDirectory, programs::PythonEnvironment, skip};
use muster_tests::site;
use serde_json::Value;
use tokio::process::Command;

use crate::house::{House, PASSWORD, USER};

/// A program, and how it signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    /// `freezer` 6.5 with name and password.
    FreezerV2,
    /// `freezer` 6.3, told to speak v1, with name and password.
    FreezerV1,
    /// `openstack backup` with a token and nothing else.
    OpenStack,
}

/// A program with its settings. What it is given in files, and what it keeps at home, goes with it.
pub(crate) struct Program {
    pub(crate) tool: Tool,
    directory: PathBuf,
    environment: Vec<(String, String)>,
    programs: PythonPrograms,
    home: TemporaryDirectory,
}

impl Program {
    /// A program that signs in as [`USER`]; says that `test` is skipped if it is not there.
    pub(crate) fn find(tool: Tool, house: &House, test: &str) -> Result<Option<Self>> {
        let environment = match tool {
            Tool::FreezerV2 | Tool::OpenStack => PythonEnvironment::FreezerV2,
            Tool::FreezerV1 => PythonEnvironment::FreezerV1,
        };
        let directory = match environment.directory() {
            Ok(directory) => directory,
            Err(reason) => {
                skip(test, &reason);
                return Ok(None);
            }
        };
        let home = TemporaryDirectory::new("client")?;
        let program = Self {
            tool,
            programs: PythonPrograms::new(&directory, home.path()),
            directory,
            environment: Vec::new(),
            home,
        };
        Ok(Some(match tool {
            Tool::FreezerV2 => program.signed_in(house, USER, "alpha"),
            Tool::FreezerV1 => program
                .signed_in(house, USER, "alpha")
                .with("OS_BACKUP_API_VERSION", "1"),
            Tool::OpenStack => program
                .with("OS_AUTH_TYPE", "admin_token")
                .with("OS_ENDPOINT", &house.client.url("/v2/alpha"))
                .with("OS_TOKEN", site::ALPHA_API),
        }))
    }

    /// With one more variable of the environment.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without that variable.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self
    }

    /// With the name and password of a principal.
    pub(crate) fn signed_in(self, house: &House, user: &str, project: &str) -> Self {
        self.with("OS_AUTH_URL", &house.client.url("/v3"))
            .with("OS_USERNAME", user)
            .with("OS_PASSWORD", PASSWORD)
            .with("OS_PROJECT_NAME", project)
            .with("OS_USER_DOMAIN_NAME", "default")
            .with("OS_PROJECT_DOMAIN_NAME", "default")
    }

    /// Writes a document to a file, for `--file`.
    pub(crate) fn file(&self, document: &Value) -> Result<String> {
        let path = self.home.join("document.json");
        std::fs::write(&path, document.to_string())?;
        Ok(path.to_string_lossy().into_owned())
    }

    /// Runs a command by the name that `freezer` has for it.
    pub(crate) async fn run(&self, command: &str, arguments: &[&str]) -> Result<Printed> {
        let mut words = Vec::new();
        let program = if self.tool == Tool::OpenStack {
            // backup-list is `openstack backup list`, all others have the word before them.
            let spaced = command.replace('-', " ");
            let of_backups = spaced.strip_prefix("backup ").unwrap_or(&spaced);
            words.push("backup".to_owned());
            words.extend(of_backups.split(' ').map(str::to_owned));
            "openstack"
        } else {
            words.push(command.to_owned());
            "freezer"
        };
        words.extend(arguments.iter().map(|&word| word.to_owned()));
        self.programs.run(program, &words, &self.environment).await
    }

    /// Runs Python, where the client's library can be had.
    pub(crate) async fn python(&self, script: &str) -> Result<Printed> {
        let output = Command::new(self.directory.join("python"))
            .args(["-c", script])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .context("running Python")?;
        Ok(Printed {
            status: output.status.code().unwrap_or(-1),
            output: String::from_utf8_lossy(&output.stdout).into_owned(),
            errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// A command that has to end well.
    pub(crate) async fn good(&self, command: &str, arguments: &[&str]) -> Result<Printed> {
        let printed = self.run(command, arguments).await?;
        ensure!(printed.well(), "{command} {arguments:?}: {printed:?}");
        Ok(printed)
    }

    /// A command that has to fail and say `why`.
    pub(crate) async fn bad(&self, command: &str, arguments: &[&str], why: &str) -> Result<()> {
        let printed = self.run(command, arguments).await?;
        let said = format!("{}{}", printed.output, printed.errors);
        ensure!(
            !printed.well() && said.contains(why),
            "{command} {arguments:?}: {printed:?}"
        );
        Ok(())
    }

    /// What a command shows, as JSON.
    pub(crate) async fn show(&self, command: &str, arguments: &[&str]) -> Result<Value> {
        let mut arguments = arguments.to_vec();
        arguments.extend(["-f", "json"]);
        let printed = self.good(command, &arguments).await?;
        serde_json::from_str(&printed.output)
            .with_context(|| format!("{command} {arguments:?}: {printed:?}"))
    }

    /// The rows of a list: an empty one is one row of nothing.
    pub(crate) async fn rows(&self, command: &str, arguments: &[&str]) -> Result<Vec<Value>> {
        let rows = self.show(command, arguments).await?;
        let mut rows: Vec<Value> = serde_json::from_value(rows)?;
        rows.retain(|row| {
            row.as_object()
                .is_some_and(|row| !row.values().all(is_nothing))
        });
        Ok(rows)
    }

    /// Makes something of a document, and gives its id: what the column `id` shows, or what v1 says.
    pub(crate) async fn create(
        &self,
        command: &str,
        arguments: &[&str],
        document: &Value,
        id: &str,
    ) -> Result<String> {
        let file = self.file(document)?;
        let mut all = vec!["--file", file.as_str()];
        all.extend(arguments);
        if self.tool != Tool::FreezerV1 {
            let shown = self.show(command, &all).await?;
            let found = shown[id].as_str();
            return Ok(found
                .with_context(|| format!("no {id}: {shown}"))?
                .to_owned());
        }
        // "Job 0b5f… created", "Client node1 registered"
        let printed = self.good(command, &all).await?;
        let said = format!("{}{}", printed.output, printed.errors);
        let words: Vec<&str> = said.split_whitespace().collect();
        match words.as_slice() {
            [_, made, "created" | "registered"] => Ok((*made).to_owned()),
            _ => bail!("{command}: {printed:?}"),
        }
    }

    /// Changes something by a document, which v1 does not show afterwards.
    pub(crate) async fn update(&self, command: &str, id: &str, document: &Value) -> Result<()> {
        let file = self.file(document)?;
        self.good(command, &[id, &file]).await.map(|_| ())
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value == "" || value == 0 || value.as_array().is_some_and(Vec::is_empty)
}
