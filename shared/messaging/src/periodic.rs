//! Work that is due by time.

use std::{sync::Arc, time::Duration};

use crate::erased::ErasedPeriodic;

/// What a service does again and again.
pub(crate) struct PeriodicWork {
    pub(crate) name: &'static str,
    pub(crate) interval: Duration,
    pub(crate) handler: Arc<dyn ErasedPeriodic>,
}
