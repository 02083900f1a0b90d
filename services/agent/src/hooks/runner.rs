//! From an order to its result.

use std::{
    io,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::Arc,
    time::Duration,
};

use muster_contract::agent::HookResult;
use muster_platform::Clock;
use tokio_util::sync::CancellationToken;

use super::{
    finished::Finished,
    hook_run::{HookRun, ORDER_VARIABLE},
    program::{HowEnded, Program},
    running::{Running, StateError},
};

/// Bytes that a reason may have, as the contract says.
const REASON_LIMIT: usize = 4096;

/// How a run came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The hook has come to its end, or cannot be run.
    Finished(HookResult),
    /// Its time was over before it began; it was not run.
    TooLate,
    /// It was ended because the agent stops; it has to be run again.
    Stopped,
}

/// Runs the programs of one directory.
pub(crate) struct HookRunner {
    /// `None` = there are none.
    directory: Option<PathBuf>,
    running: Running,
    finished: Arc<Finished>,
    clock: Arc<dyn Clock>,
}

impl HookRunner {
    /// For the programs in `directory`. What runs, and what came out of it, is noted in `state_directory`, which no other agent
    /// may use; what is noted there to be running was left by an agent that was killed, and is ended.
    pub(crate) async fn new(
        directory: Option<PathBuf>,
        state_directory: &Path,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StateError> {
        let running = Running::take(state_directory).await?;
        let finished = state_directory.join("finished");
        let finished =
            Finished::open(&finished, clock.now()).map_err(|source| StateError::Unusable {
                path: finished,
                source,
            })?;
        Ok(Self {
            directory,
            running,
            finished: Arc::new(finished),
            clock,
        })
    }

    /// Runs it to its end, which comes at its deadline at the latest, or a little after `stop`. What has been run to its end
    /// before is not run again; its result is returned.
    pub(crate) async fn run(&self, run: &HookRun, stop: &CancellationToken) -> Ending {
        if let Some(result) = self.finished.result(run.order) {
            return Ending::Finished(result);
        }
        let ending = self.run_now(run, stop).await;
        if let Ending::Finished(result) = &ending {
            self.keep(run, result.clone()).await;
        }
        ending
    }

    async fn keep(&self, run: &HookRun, result: HookResult) {
        let (finished, now) = (self.finished.clone(), self.clock.now());
        let (order, deadline) = (run.order, run.deadline);
        // It waits for the disk. Ends early only with the runtime.
        let keeping =
            tokio::task::spawn_blocking(move || finished.keep(order, &result, deadline, now));
        let _ = keeping.await;
    }

    async fn run_now(&self, run: &HookRun, stop: &CancellationToken) -> Ending {
        let time = run.deadline.since(self.clock.now());
        if time.is_zero() {
            return Ending::TooLate;
        }
        if stop.is_cancelled() {
            return Ending::Stopped;
        }
        let Some(directory) = &self.directory else {
            return failed("this agent runs no hooks", "");
        };
        match self.run_program(directory, run, time, stop).await {
            Ok((HowEnded::Exited(status), _)) if status.success() => {
                Ending::Finished(HookResult::Succeeded)
            }
            Ok((HowEnded::Exited(status), said)) => failed(&how(run.program, status), &said),
            Ok((HowEnded::TimedOut, said)) => {
                let how = format!("{} was ended: it was not done in time", run.program);
                failed(&how, &said)
            }
            Ok((HowEnded::Stopped, _)) => Ending::Stopped,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let path = directory.join(run.program);
                let missing = format!("there is no program {}", path.display());
                // A script is there while the program of its first line is not.
                let reason = if path.exists() {
                    format!("{} cannot be run: {error}", run.program)
                } else {
                    missing
                };
                failed(&reason, "")
            }
            Err(error) => failed(&format!("{} cannot be run: {error}", run.program), ""),
        }
    }

    async fn run_program(
        &self,
        directory: &Path,
        run: &HookRun,
        time: Duration,
        stop: &CancellationToken,
    ) -> io::Result<(HowEnded, String)> {
        let order = run.order.to_string();
        let words = run.environment.iter();
        let environment = words
            .map(|(name, value)| (*name, value.as_str()))
            .chain([(ORDER_VARIABLE, order.as_str())]);
        let path = directory.join(run.program);
        let program = Program::start(&path, environment, run.input.clone())?;
        self.running.note(run.order, program.group());
        let ended = program.end(time, stop, REASON_LIMIT).await;
        self.running.forget(run.order);
        ended
    }
}

/// `provision failed (exit status 3)`.
fn how(program: &str, status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("{program} failed (exit status {code})"),
        (None, Some(signal)) => format!("{program} was ended by signal {signal}"),
        (None, None) => format!("{program} failed"),
    }
}

fn failed(how: &str, said: &str) -> Ending {
    let reason = if said.is_empty() {
        how.to_owned()
    } else {
        format!("{how}: {}", fitting(said, how.len() + 2))
    };
    Ending::Finished(HookResult::Failed { reason })
}

/// The end of the text that fits after `before` other bytes.
fn fitting(text: &str, before: usize) -> &str {
    let limit = REASON_LIMIT.saturating_sub(before);
    let mut start = text.len().saturating_sub(limit);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text.get(start..).unwrap_or_default()
}
