//! The main process of a container, whoever runs it.

use super::{docker::DockerMain, main_process::MainProcess};

/// The main process of a container. Let go of, it goes on.
#[derive(Debug, Clone)]
pub(super) enum Main {
    Process(MainProcess),
    Docker(DockerMain),
}

impl Main {
    /// Waits for its end: its exit code, or 128 and the number of the signal that ended it.
    pub(super) async fn exited(&self) -> i32 {
        match self {
            Self::Process(main) => main.exited().await,
            Self::Docker(main) => main.exited().await,
        }
    }

    /// Whether it is the same one, and not one before that.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Process(one), Self::Process(other)) => one.id() == other.id(),
            (Self::Docker(one), Self::Docker(other)) => one.is(other),
            _ => false,
        }
    }
}
