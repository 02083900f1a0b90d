//! One container, in memory.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use muster_contract::agent::{ContainerEnd, ContainerStart};
use muster_platform::Timestamp;
use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use uuid::Uuid;

use super::{
    code::Interpreter,
    main::Main,
    main_process::{LOG_FILE, SCRATCH_DIRECTORY, has_begun},
    notes::{End, Notes, Phase},
};

/// Beside the notes, for containers of Docker.
const CODE_DIRECTORY: &str = "code";

/// One thing at a time is done to a container; what follows waits until this is dropped.
pub(crate) type Turn = OwnedMutexGuard<()>;

/// A container, or what is left of one, or the mark of one that is never to be started.
#[derive(Debug)]
pub(super) struct Container {
    pub(super) id: Uuid,
    pub(super) directory: PathBuf,
    turn: Arc<tokio::sync::Mutex<()>>,
    /// It is to end: whoever waits for it to start gives up.
    pub(super) stopping: CancellationToken,
    /// It is to end at once.
    pub(super) forced: CancellationToken,
    state: Mutex<State>,
    pub(super) interpreter: Interpreter,
}

/// What changes of it, while one has the turn.
#[derive(Debug)]
pub(super) struct State {
    pub(super) notes: Notes,
    pub(super) main: Option<Main>,
}

impl Container {
    /// With these notes, in this directory.
    pub(super) fn new(id: Uuid, directory: PathBuf, notes: Notes) -> Self {
        Self {
            id,
            directory,
            turn: Arc::default(),
            stopping: CancellationToken::new(),
            forced: CancellationToken::new(),
            state: Mutex::new(State { notes, main: None }),
            interpreter: Interpreter::default(),
        }
    }

    /// Waits for the turn; first come, first served.
    pub(super) async fn turn(&self) -> Turn {
        self.turn.clone().lock_owned().await
    }

    /// The turn, if nobody has it.
    pub(super) fn turn_now(&self) -> Option<Turn> {
        self.turn.clone().try_lock_owned().ok()
    }

    /// To read or change it.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while holding the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn phase(&self) -> Phase {
        self.state().notes.phase
    }

    pub(super) fn answer(&self, order: Uuid) -> Option<ContainerStart> {
        self.state().notes.answer(order)
    }

    /// The main process, while there is one.
    pub(super) fn main(&self) -> Option<Main> {
        self.state().main.clone()
    }

    /// Whether this is still its main process, and not one before that.
    pub(super) fn is_led_by(&self, main: &Main) -> bool {
        let state = self.state();
        state.main.as_ref().is_some_and(|now| now.is(main))
    }

    /// Whether Docker runs it.
    pub(super) fn is_in_docker(&self) -> bool {
        self.state().notes.docker
    }

    /// Whether what runs before the main process has succeeded.
    pub(super) fn has_begun(&self) -> bool {
        if !self.is_in_docker() {
            return has_begun(&self.directory);
        }
        let state = self.state();
        let order = state.notes.order.as_ref();
        let has_script = order.is_some_and(|order| order.bootstrap_script.is_some());
        !has_script || has_begun(&self.code())
    }

    pub(super) fn scratch(&self) -> PathBuf {
        self.directory.join(SCRATCH_DIRECTORY)
    }

    /// Where the agent meets what runs code in a container of Docker.
    pub(super) fn code(&self) -> PathBuf {
        self.directory.join(CODE_DIRECTORY)
    }

    pub(super) fn log(&self) -> PathBuf {
        self.directory.join(LOG_FILE)
    }

    /// It is over.
    pub(super) fn end(&self, how: ContainerEnd, at: Timestamp) {
        let mut state = self.state();
        state.main = None;
        state.notes.main = None;
        state.notes.phase = Phase::Ended;
        state.notes.end = Some(End {
            how,
            at: at.as_micros(),
            reported: false,
        });
    }

    /// Writes down what it is. Only while one has the turn.
    pub(super) async fn save(&self, durable: bool) -> io::Result<()> {
        let (notes, directory) = (self.state().notes.clone(), self.directory.clone());
        let writing = tokio::task::spawn_blocking(move || {
            make_directory(&directory)?;
            notes.write(&directory, durable)
        });
        // Ends early only with the runtime.
        writing
            .await
            .unwrap_or_else(|end| Err(io::Error::other(end)))
    }

    /// Writes down what cannot be taken back any more.
    pub(super) async fn save_or_warn(&self) {
        if let Err(error) = self.save(true).await {
            warn!(target: "muster::agent", container = %self.id, %error, "what became of a container cannot be written down; an agent after this one would not know");
        }
    }
}

/// Makes a directory for the eyes of the agent alone, and what is above it.
pub(super) fn make_directory(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(directory)
}
