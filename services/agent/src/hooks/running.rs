//! Which hooks run, written down: an agent that was killed leaves its hooks running, and the agent after it ends them before
//! it runs the same hooks again.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use tracing::warn;
use uuid::Uuid;

use super::{hook_run::ORDER_VARIABLE, process_group::ProcessGroup};

/// How long a hook that was left running may take to end when asked.
const END_PATIENCE: Duration = Duration::from_secs(3);

/// Why a directory cannot be the agent's.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It cannot be used.
    #[error("the agent's directory {} cannot be used", path.display())]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another one is at work.
    #[error("another agent uses {} already", path.display())]
    Taken {
        /// The directory.
        path: PathBuf,
    },
}

/// A directory with one file for each hook that runs: its name is the order's id, in it the number of the process group.
#[derive(Debug)]
pub(crate) struct Running {
    directory: PathBuf,
    /// Held for as long as the process lives; the system lets go of it whatever the end.
    _lock: File,
}

impl Running {
    /// Takes the directory and ends what is left of an earlier agent.
    pub(crate) async fn take(directory: &Path) -> Result<Self, StateError> {
        let unusable = |source| StateError::Unusable {
            path: directory.to_owned(),
            source,
        };
        let running = directory.join("running");
        fs::create_dir_all(&running).map_err(unusable)?;
        let lock = File::create(directory.join("lock")).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StateError::Taken {
                    path: directory.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        let taken = Self {
            directory: running,
            _lock: lock,
        };
        taken.end_leftovers().await.map_err(unusable)?;
        Ok(taken)
    }

    /// The order's hook runs from now on.
    pub(crate) fn note(&self, order: Uuid, group: ProcessGroup) {
        if let Err(error) = fs::write(self.file(order), group.number().to_string()) {
            warn!(target: "muster::agent", %order, %error, "it cannot be written down that the hook runs; it would outlive a killed agent");
        }
    }

    /// The order's hook has ended.
    pub(crate) fn forget(&self, order: Uuid) {
        // Not there, if it could not be noted.
        let _ = fs::remove_file(self.file(order));
    }

    fn file(&self, order: Uuid) -> PathBuf {
        self.directory.join(order.to_string())
    }

    async fn end_leftovers(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            let order = path.file_name().and_then(|name| name.to_str());
            let number = fs::read_to_string(&path)?.trim().parse().ok();
            let group = number.and_then(ProcessGroup::led_by);
            if let (Some(order), Some(group)) = (order, group)
                && group.was_started_with(ORDER_VARIABLE, order)
            {
                warn!(target: "muster::agent", order, group = group.number(), "ending a hook that an earlier agent left running");
                group.end(END_PATIENCE).await;
            }
            fs::remove_file(&path)?;
        }
        Ok(())
    }
}
