//! Results of hooks, kept until the deadline of their orders: the broker may deliver an order again that was carried out and
//! reported, when it lost the acknowledgement. The node may have another session by then, so nothing is done to it twice;
//! the result is reported once more. After the deadline the order is not carried out anyhow.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use muster_contract::agent::HookResult;
use muster_platform::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::warn;
use uuid::Uuid;

/// After so many results those that are not needed any more are removed.
const PRUNED_EVERY: usize = 64;

/// A directory with one file for each result; its name is the order's id.
#[derive(Debug)]
pub(crate) struct Finished {
    directory: PathBuf,
    count: AtomicUsize,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    /// Microseconds since 1970 UTC.
    deadline: i64,
    result: HookResult,
}

impl Finished {
    /// The results in this directory, which is made if it is missing.
    pub(crate) fn open(directory: &Path, now: Timestamp) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let finished = Self {
            directory: directory.to_owned(),
            count: AtomicUsize::new(0),
        };
        finished.prune(now);
        Ok(finished)
    }

    /// What became of the order, if it was carried out.
    pub(crate) fn result(&self, order: Uuid) -> Option<HookResult> {
        let text = fs::read(self.file(order)).ok()?;
        // One that was cut short by a crash: the hook runs again, as if the agent had been killed a moment earlier.
        let kept: Kept = serde_json::from_slice(&text).ok()?;
        Some(kept.result)
    }

    /// Keeps what became of the order.
    pub(crate) fn keep(
        &self,
        order: Uuid,
        result: &HookResult,
        deadline: Timestamp,
        now: Timestamp,
    ) {
        if let Err(error) = self.write(order, result, deadline) {
            warn!(target: "muster::agent", %order, %error, "the result of a hook cannot be written down; delivered again, the order would be carried out again");
        }
        if (self.count.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(PRUNED_EVERY) {
            self.prune(now);
        }
    }

    fn write(&self, order: Uuid, result: &HookResult, deadline: Timestamp) -> io::Result<()> {
        let kept = Kept {
            deadline: deadline.as_micros(),
            result: result.clone(),
        };
        let mut file = File::create(self.file(order))?;
        file.write_all(&serde_json::to_vec(&kept)?)?;
        file.sync_all()
    }

    /// Removes the results of orders whose deadline is over.
    fn prune(&self, now: Timestamp) {
        for entry in fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten()
        {
            let text = fs::read(entry.path()).unwrap_or_default();
            let kept = serde_json::from_slice::<Kept>(&text).ok();
            if kept.is_none_or(|kept| kept.deadline <= now.as_micros()) {
                // Tried again the next time.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn file(&self, order: Uuid) -> PathBuf {
        self.directory.join(order.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use muster_testkit::TemporaryDirectory;

    use super::*;

    #[test]
    fn a_result_is_kept_over_a_restart_until_the_deadline() {
        let directory = TemporaryDirectory::new("finished").unwrap();
        let (start, order) = (Timestamp::EPOCH, Uuid::from_u128(1));
        let deadline = start.plus(Duration::from_secs(10));
        let result = HookResult::Failed {
            reason: "no power".to_owned(),
        };
        let finished = Finished::open(directory.path(), start).unwrap();
        assert_eq!(finished.result(order), None);
        finished.keep(order, &result, deadline, start);
        let later = Finished::open(directory.path(), start).unwrap();
        assert_eq!(later.result(order), Some(result));
        let after = Finished::open(directory.path(), deadline).unwrap();
        assert_eq!(after.result(order), None);
    }

    #[test]
    fn results_that_nobody_needs_go() {
        let directory = TemporaryDirectory::new("finished").unwrap();
        let finished = Finished::open(directory.path(), Timestamp::EPOCH).unwrap();
        let later = Timestamp::EPOCH.plus(Duration::from_secs(10));
        for number in 0..130 {
            let order = Uuid::from_u128(number);
            finished.keep(order, &HookResult::Succeeded, later, later);
        }
        let left = fs::read_dir(directory.path()).unwrap().count();
        assert!(left < PRUNED_EVERY, "{left}");
    }
}
