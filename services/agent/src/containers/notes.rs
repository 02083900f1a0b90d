//! What an agent notes of a container, so that the agent after it knows: a directory for each, with one file of notes in it.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

use muster_contract::agent::{ContainerEnd, ContainerStart, ServicePort, StartContainer};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{accounts::Accounts, main_process::NotedProcess};

/// The file with the notes.
const FILE: &str = "notes.json";

/// So many answers to orders are kept; of these only the last can still be asked for.
const ANSWERS: usize = 16;

/// Where a container is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    /// Nothing has been done about it.
    #[default]
    New,
    /// It is being started.
    Starting,
    /// It runs.
    Running,
    /// It is being started anew.
    Restarting,
    /// It is over, or will never be.
    Ended,
}

/// What is noted of a container.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Notes {
    pub(super) phase: Phase,
    /// What it was started with.
    pub(super) order: Option<StartContainer>,
    pub(super) ports: Vec<ServicePort>,
    pub(super) main: Option<NotedProcess>,
    /// Docker runs it.
    #[serde(default)]
    pub(super) docker: bool,
    pub(super) accounts: Accounts,
    /// What was answered to orders to start it, the last one last.
    answers: Vec<(Uuid, ContainerStart)>,
    pub(super) end: Option<End>,
}

/// The end of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct End {
    pub(super) how: ContainerEnd,
    /// Microseconds since 1970 UTC.
    pub(super) at: i64,
    /// Whether the control plane has been told.
    pub(super) reported: bool,
}

impl Notes {
    /// What was answered to the order, if it was carried out.
    pub(super) fn answer(&self, order: Uuid) -> Option<ContainerStart> {
        let mut answers = self.answers.iter();
        answers
            .find(|(one, _)| *one == order)
            .map(|(_, answer)| answer.clone())
    }

    /// This is answered to the order.
    pub(super) fn keep_answer(&mut self, order: Uuid, answer: ContainerStart) {
        self.answers.push((order, answer));
        let surplus = self.answers.len().saturating_sub(ANSWERS);
        self.answers.drain(..surplus);
    }

    /// What is noted in the directory, if it can be read.
    pub(super) fn read(directory: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(directory.join(FILE)).ok()?).ok()
    }

    /// Writes it down: as a whole or not at all. `durable` = also for when the machine itself fails, and its processes with it.
    pub(super) fn write(&self, directory: &Path, durable: bool) -> io::Result<()> {
        let new = directory.join("notes.new");
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        if durable {
            file.sync_all()?;
        }
        fs::rename(new, directory.join(FILE))
    }
}

#[cfg(test)]
mod tests {
    use muster_testkit::TemporaryDirectory;

    use super::*;

    #[test]
    fn notes_come_back_from_disk() {
        let directory = TemporaryDirectory::new("notes").unwrap();
        assert!(Notes::read(directory.path()).is_none());
        let failed = |number: u128| ContainerStart::Failed {
            reason: number.to_string(),
        };
        let mut notes = Notes::default();
        for number in 0..20 {
            notes.keep_answer(Uuid::from_u128(number), failed(number));
        }
        notes.end = Some(End {
            how: ContainerEnd::Exited { code: 3 },
            at: 7,
            reported: false,
        });
        notes.write(directory.path(), true).unwrap();
        let read = Notes::read(directory.path()).unwrap();
        assert_eq!(read.answer(Uuid::from_u128(19)), Some(failed(19)));
        assert_eq!(read.answer(Uuid::from_u128(0)), None);
        assert_eq!(read.end, notes.end);
        fs::write(directory.join(FILE), "{").unwrap();
        assert!(Notes::read(directory.path()).is_none());
    }
}
