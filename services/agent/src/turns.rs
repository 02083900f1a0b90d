//! One thing at a time for each node and each session: what follows waits until what came before has ended.
//!
//! The control plane may order the next hook of a node while the one before still runs here, because nobody waits for that one
//! any more: a session is closed while its node is prepared, and the node is to be wiped.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::OwnedMutexGuard;

type Queue = Arc<tokio::sync::Mutex<()>>;

/// Who has the turn, by what it is about.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    queues: Mutex<HashMap<String, Queue>>,
}

impl Turns {
    /// Waits for the turn; first come, first served.
    pub(crate) async fn take(&self, about: &str) -> Turn<'_> {
        let queue = self.lock().entry(about.to_owned()).or_default().clone();
        let mut turn = Turn {
            turns: self,
            about: about.to_owned(),
            held: None,
        };
        // Dropped while it waits, the turn still cleans up.
        turn.held = Some(queue.lock_owned().await);
        turn
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Queue>> {
        // Nothing panics while holding the lock.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A turn; over when dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    about: String,
    held: Option<OwnedMutexGuard<()>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut queues = self.turns.lock();
        self.held = None;
        let is_last = |queue: &Queue| Arc::strong_count(queue) == 1;
        if queues.get(&self.about).is_some_and(is_last) {
            queues.remove(&self.about);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_after_the_other_for_one_and_side_by_side_for_others() {
        let turns = Turns::default();
        let first = turns.take("n1").await;
        let other = turns.take("n2").await;
        let mut second = Box::pin(turns.take("n1"));
        let soon = std::time::Duration::from_millis(10);
        assert!(tokio::time::timeout(soon, &mut second).await.is_err());
        drop(first);
        drop(second.await);
        drop(other);
        assert!(turns.lock().is_empty());
    }

    #[tokio::test]
    async fn who_gives_up_waiting_leaves_nothing() {
        let turns = Turns::default();
        let first = turns.take("n1").await;
        let soon = std::time::Duration::from_millis(10);
        assert!(tokio::time::timeout(soon, turns.take("n1")).await.is_err());
        drop(first);
        assert!(turns.lock().is_empty());
    }
}
