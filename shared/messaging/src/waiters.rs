//! Who waits for which answer. Bounded: a caller beyond the limit is told so at once.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// The list of those who wait for values named by `K`.
pub(crate) struct Waiters<K, V> {
    limit: usize,
    places: Arc<Semaphore>,
    next: AtomicU64,
    waiting: Mutex<HashMap<K, Vec<Place<V>>>>,
}

struct Place<V> {
    number: u64,
    sender: mpsc::UnboundedSender<V>,
}

/// A place on the list; leaving it (drop) frees it.
pub(crate) struct Waiter<K: Eq + Hash, V> {
    waiters: Arc<Waiters<K, V>>,
    key: Option<K>,
    number: u64,
    receiver: mpsc::UnboundedReceiver<V>,
    _place: OwnedSemaphorePermit,
}

impl<K: Eq + Hash + Clone, V: Clone> Waiters<K, V> {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            places: Arc::new(Semaphore::new(limit)),
            next: AtomicU64::new(0),
            waiting: Mutex::new(HashMap::new()),
        })
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// How many wait.
    pub(crate) fn count(&self) -> usize {
        self.limit - self.places.available_permits()
    }

    /// A place on the list, or nothing if it is full. Several may wait for the same value.
    pub(crate) fn wait_for(self: &Arc<Self>, key: K) -> Option<Waiter<K, V>> {
        let place = self.places.clone().try_acquire_owned().ok()?;
        let (sender, receiver) = mpsc::unbounded_channel();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock()
            .entry(key.clone())
            .or_default()
            .push(Place { number, sender });
        Some(Waiter {
            waiters: self.clone(),
            key: Some(key),
            number,
            receiver,
            _place: place,
        })
    }

    /// Gives the value to all who wait for it; nobody may be left.
    pub(crate) fn give(&self, key: &K, value: V) {
        let waiting = self.lock();
        let Some(places) = waiting.get(key) else {
            return;
        };
        for place in places {
            // Whoever has left in the meantime does not miss it.
            let _ = place.sender.send(value.clone());
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<K, Vec<Place<V>>>> {
        // The map is never left half changed, so a panic elsewhere does not spoil it.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash, V> Waiter<K, V> {
    /// The next value. (The list itself keeps the sender, so there is always one to come.)
    pub(crate) async fn next(&mut self) -> Option<V> {
        self.receiver.recv().await
    }
}

impl<K: Eq + Hash, V> Drop for Waiter<K, V> {
    fn drop(&mut self) {
        let Some(key) = self.key.take() else { return };
        let mut waiting = self
            .waiters
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = waiting.get_mut(&key) {
            places.retain(|place| place.number != self.number);
            if places.is_empty() {
                waiting.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_gets_its_own_and_all_of_one_key_get_it() {
        let waiters = Waiters::<u32, &str>::new(3);
        let mut first = waiters.wait_for(1).unwrap();
        let mut again = waiters.wait_for(1).unwrap();
        let mut other = waiters.wait_for(2).unwrap();
        waiters.give(&1, "one");
        waiters.give(&2, "two");
        waiters.give(&3, "nobody");
        assert_eq!(first.next().await, Some("one"));
        assert_eq!(again.next().await, Some("one"));
        assert_eq!(other.next().await, Some("two"));
    }

    #[tokio::test]
    async fn a_full_list_takes_nobody_until_somebody_leaves() {
        let waiters = Waiters::<u32, ()>::new(1);
        let first = waiters.wait_for(1);
        assert!(first.is_some());
        assert!(waiters.wait_for(2).is_none());
        drop(first);
        assert_eq!(waiters.count(), 0);
        assert!(waiters.wait_for(2).is_some());
        assert!(waiters.lock().is_empty());
    }
}
