//! Runs code in a container, one run at a time.
//!
//! Either by an interpreter that stays and keeps its state from run to run (`conversation.rs`), or, if the image's command has `{code}`
//! in it, by a program of its own for each run (`single_run.rs`). Nobody reads what a run writes while nobody asks for it: it waits
//! then, as if before a terminal that was stopped.

mod conversation;
mod output;
mod single_run;

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use muster_contract::agent::{CodeMode, CodeRefusal, CodeRun, CodeRunStatus, ExecuteCode};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::time::Instant;
use tracing::warn;
use uuid::Uuid;

use super::docker::Engine;

use self::{conversation::Conversation, output::Output, single_run::SingleRun};

/// How long output is collected for one answer.
const COLLECTED: Duration = Duration::from_secs(2);

/// What stands for the code in a command that is run once for each run.
const CODE: &str = "{code}";

/// The exit code of code whose interpreter has died.
const DIED: i32 = 130;

/// How code is run in one container.
#[derive(Debug, Default)]
pub(super) struct Interpreter {
    at_work: tokio::sync::Mutex<AtWork>,
    /// The group that runs code at this moment.
    group: Mutex<Option<i32>>,
}

#[derive(Debug, Default)]
struct AtWork {
    conversation: Option<Conversation>,
    run: Option<Run>,
    /// Nothing is to be begun: the container's processes end.
    closed: bool,
}

#[derive(Debug)]
struct Run {
    /// As the caller calls it.
    name: String,
    /// `None` = by the interpreter that stays.
    single: Option<SingleRun>,
    progress: Progress,
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Continued,
    WaitingInput,
    Finished(i32),
}

/// What programs that run code are given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// Where the agent meets the interpreter.
    pub(super) directory: &'a Path,
    pub(super) command: &'a [String],
    pub(super) environment: &'a BTreeMap<String, String>,
    /// Docker, and the container that it runs.
    pub(super) docker: Option<(&'a Engine, Uuid)>,
}

impl Interpreter {
    /// Does what is asked, with the command of the image.
    pub(super) async fn execute(
        &self,
        place: Place<'_>,
        asked: &ExecuteCode,
    ) -> Result<CodeRun, CodeRefusal> {
        if asked.mode == CodeMode::Interrupt {
            return Ok(self.interrupt());
        }
        let mut at_work = self.at_work.lock().await;
        if at_work.closed {
            return Err(CodeRefusal::UnknownContainer);
        }
        let mut output = Output::default();
        match &asked.mode {
            CodeMode::Query { code } => {
                let open = at_work.run.as_ref().filter(|run| !run.is_over());
                let is_same = open.map(|open| open.name == asked.run);
                match is_same {
                    // Asked once more, because the answer was lost.
                    Some(true) => {}
                    Some(false) => return Err(CodeRefusal::WrongRun),
                    None => {
                        if let Err(error) = self.begin(&mut at_work, place, &asked.run, code).await
                        {
                            warn!(target: "muster::agent", %error, "code cannot be run");
                            output.push("stderr", &format!("the code cannot be run: {error}\n"));
                            return Ok(answer(Progress::Finished(DIED), output));
                        }
                    }
                }
            }
            CodeMode::Input { text } => at_work.input(&asked.run, text).await?,
            CodeMode::Continue | CodeMode::Interrupt => {}
        }
        let progress = at_work.collect(&asked.run, &mut output).await?;
        if let Progress::Finished(_) = progress {
            *self.group() = None;
        }
        Ok(answer(progress, output))
    }

    async fn begin(
        &self,
        at_work: &mut AtWork,
        place: Place<'_>,
        name: &str,
        code: &str,
    ) -> io::Result<()> {
        at_work.run = None;
        let single = if place.command.iter().any(|word| word.contains(CODE)) {
            Some(SingleRun::start(place, code).await?)
        } else {
            None
        };
        let group = match &single {
            Some(single) => single.group(),
            None => at_work.say(place, code).await?,
        };
        *self.group() = group;
        at_work.run = Some(Run {
            name: name.to_owned(),
            single,
            progress: Progress::Continued,
        });
        Ok(())
    }

    /// As Ctrl-C does at a terminal.
    fn interrupt(&self) -> CodeRun {
        let group = *self.group();
        if let Some(group) = group.and_then(Pid::from_raw) {
            // Fails when nobody is left.
            let _ = kill_process_group(group, Signal::INT);
        }
        CodeRun {
            status: match group {
                Some(_) => CodeRunStatus::Continued,
                None => CodeRunStatus::Finished,
            },
            exit_code: None,
            console: Vec::new(),
        }
    }

    /// The container's processes have ended. Returns whether some may have been begun meanwhile; none are from here on.
    pub(super) async fn close(&self) -> bool {
        let mut at_work = self.at_work.lock().await;
        let was_used = at_work.run.is_some() || at_work.conversation.is_some();
        *at_work = AtWork {
            closed: true,
            ..AtWork::default()
        };
        *self.group() = None;
        was_used
    }

    /// The container is started.
    pub(super) async fn open(&self) {
        self.at_work.lock().await.closed = false;
    }

    fn group(&self) -> MutexGuard<'_, Option<i32>> {
        // Nothing panics while holding the lock.
        self.group.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AtWork {
    /// Has the interpreter that stays begin; one that has died since the last time is started anew.
    async fn say(&mut self, place: Place<'_>, code: &str) -> io::Result<Option<i32>> {
        let mut conversation = match self.conversation.take() {
            Some(mut conversation) => {
                if conversation.query(code).await.is_ok() {
                    let group = conversation.group();
                    self.conversation = Some(conversation);
                    return Ok(group);
                }
                // Its socket may still be there: while it dies it takes a connection that it will never hear.
                Conversation::begin_anew(place).await?
            }
            None => Conversation::begin(place).await?,
        };
        conversation.query(code).await?;
        let group = conversation.group();
        self.conversation = Some(conversation);
        Ok(group)
    }

    async fn input(&mut self, name: &str, text: &str) -> Result<(), CodeRefusal> {
        let run = self.run.as_mut().filter(|run| run.name == name);
        let run = run.ok_or(CodeRefusal::WrongRun)?;
        // If it cannot be given any more, the run is over, as its output will show.
        let _ = match (&mut run.single, &mut self.conversation) {
            (Some(single), _) => single.input(text).await,
            (None, Some(conversation)) => conversation.input(text).await,
            (None, None) => Ok(()),
        };
        if run.progress == Progress::WaitingInput {
            run.progress = Progress::Continued;
        }
        Ok(())
    }

    async fn collect(&mut self, name: &str, output: &mut Output) -> Result<Progress, CodeRefusal> {
        let run = self.run.as_mut().filter(|run| run.name == name);
        let run = run.ok_or(CodeRefusal::WrongRun)?;
        let until = Instant::now() + COLLECTED;
        if run.progress == Progress::Continued {
            run.progress = match (&mut run.single, &mut self.conversation) {
                (Some(single), _) => single.collect(until, output).await,
                (None, Some(conversation)) => conversation.collect(until, output).await,
                (None, None) => Progress::Finished(DIED),
            };
        }
        Ok(run.progress)
    }
}

impl Run {
    fn is_over(&self) -> bool {
        matches!(self.progress, Progress::Finished(_))
    }
}

fn answer(progress: Progress, output: Output) -> CodeRun {
    let (status, exit_code) = match progress {
        Progress::Continued => (CodeRunStatus::Continued, None),
        Progress::WaitingInput => (CodeRunStatus::WaitingInput, None),
        Progress::Finished(code) => (CodeRunStatus::Finished, Some(code)),
    };
    CodeRun {
        status,
        exit_code,
        console: output.into_items(),
    }
}
