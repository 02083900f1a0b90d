//! Requests waiting for the outcome of a command.

use std::sync::Arc;

use super::instruments::Instruments;

/// Counts who waits.
#[derive(Debug, Clone)]
pub struct WaiterMetrics {
    instruments: Arc<Instruments>,
}

impl WaiterMetrics {
    pub(super) fn new(instruments: Arc<Instruments>) -> Self {
        instruments.waiters.add(0, &[]);
        Self { instruments }
    }

    /// One more waits, until the returned value is dropped.
    #[must_use]
    pub fn enter(&self) -> Waiter {
        self.instruments.waiters.add(1, &[]);
        Waiter {
            instruments: Arc::clone(&self.instruments),
        }
    }
}

/// One that waits.
#[derive(Debug)]
pub struct Waiter {
    instruments: Arc<Instruments>,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.instruments.waiters.add(-1, &[]);
    }
}
