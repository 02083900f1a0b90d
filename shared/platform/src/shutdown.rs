//! Stopping in order: tell every task, wait for them, and say which did not make it.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The tasks of a process and the sign for them to stop. Clones share both.
///
/// A task that should end in order watches [`Shutdown::token`]; nothing is aborted.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    token: CancellationToken,
    tracker: TaskTracker,
    running: Running,
}

/// How [`Shutdown::drain`] ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drained {
    /// Every task has ended.
    Clean,
    /// The deadline passed; these tasks were still running.
    TimedOut(Vec<String>),
}

impl Shutdown {
    /// No tasks, no sign given.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled once [`Shutdown::trigger`] has been called.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Runs `future` as a task that [`Shutdown::drain`] waits for. A panic in it is logged with its
    /// name, and is also in the returned handle.
    pub fn spawn<F>(&self, name: impl Into<String>, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let entry = self.running.enter(name.into());
        self.tracker.spawn(async move {
            let _entry = entry;
            future.await
        })
    }

    /// Gives the sign to stop; doing it twice is harmless.
    pub fn trigger(&self) {
        self.token.cancel();
    }

    /// Whether the sign has been given.
    #[must_use]
    pub fn is_triggered(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Gives the sign to stop and waits until every task has ended or `deadline` has passed.
    pub async fn drain(self, deadline: Duration) -> Drained {
        self.trigger();
        self.tracker.close();
        match tokio::time::timeout(deadline, self.tracker.wait()).await {
            Ok(()) => Drained::Clean,
            Err(_) => Drained::TimedOut(self.running.names()),
        }
    }

    /// Triggers on the first SIGINT or SIGTERM, from a task of its own.
    ///
    /// From here on these signals no longer end the process by themselves. Who wants a second one
    /// to exit at once awaits [`termination_signal`] while draining.
    ///
    /// # Errors
    /// The signal handlers could not be installed.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn listen_for_signals(&self) -> io::Result<()> {
        let signals = Signals::install()?;
        let shutdown = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                name = signals.wait() => {
                    tracing::info!(signal = name, "stopping");
                    shutdown.trigger();
                }
                () = shutdown.token.cancelled() => {}
            }
        });
        Ok(())
    }
}

/// Waits for the next SIGINT or SIGTERM and returns its name.
///
/// # Errors
/// The signal handlers could not be installed.
pub async fn termination_signal() -> io::Result<&'static str> {
    Ok(Signals::install()?.wait().await)
}

struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn install() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn wait(mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

/// The names of the tasks that have not ended.
#[derive(Debug, Clone, Default)]
struct Running {
    tasks: Arc<Mutex<BTreeMap<u64, String>>>,
    next: Arc<AtomicU64>,
}

impl Running {
    fn enter(&self, name: String) -> Entry {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(number, name);
        Entry {
            running: self.clone(),
            number,
        }
    }

    fn names(&self) -> Vec<String> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, String>> {
        // Nothing panics while holding the lock, and the map would be whole if something did.
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the task's name off the list however the task ends.
struct Entry {
    running: Running,
    number: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let name = self.running.lock().remove(&self.number);
        if std::thread::panicking() {
            tracing::error!(task = name, "task panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn tasks_that_watch_the_token_drain_cleanly() {
        let shutdown = Shutdown::new();
        let token = shutdown.token();
        let task = shutdown.spawn("obedient", async move {
            token.cancelled().await;
            7
        });
        assert!(!shutdown.is_triggered());
        assert_eq!(shutdown.clone().drain(SOON).await, Drained::Clean);
        assert!(shutdown.is_triggered());
        assert_eq!(task.await.unwrap(), 7);
    }

    #[tokio::test]
    async fn what_is_still_running_at_the_deadline_is_named() {
        let shutdown = Shutdown::new();
        shutdown.spawn("finished", async {}).await.unwrap();
        let stubborn = shutdown.spawn("stubborn", std::future::pending::<()>());
        assert_eq!(
            shutdown.drain(Duration::from_millis(1)).await,
            Drained::TimedOut(vec!["stubborn".to_owned()])
        );
        stubborn.abort();
    }

    #[tokio::test]
    async fn a_task_that_panics_does_not_hold_up_the_drain() {
        let shutdown = Shutdown::new();
        let task = shutdown.spawn("broken", async { panic!("on purpose") });
        assert_eq!(shutdown.drain(SOON).await, Drained::Clean);
        assert!(task.await.unwrap_err().is_panic());
    }
}
