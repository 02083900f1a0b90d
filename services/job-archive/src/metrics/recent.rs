//! What one batch brought of one node, as it came.

use muster_contract::job_archive::MetricScope;
use serde::{Deserialize, Serialize};

/// A value, in the form in which it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RecentSample {
    pub(crate) metric: String,
    /// Place of the scope in [`MetricScope::ALL`].
    scope: u8,
    /// Part of the node; empty for the whole.
    pub(crate) id: String,
    /// Seconds since 1970 UTC.
    pub(crate) time: i64,
    pub(crate) value: f64,
}

impl RecentSample {
    pub(crate) fn new(
        metric: String,
        scope: MetricScope,
        id: String,
        time: i64,
        value: f64,
    ) -> Self {
        let place = MetricScope::ALL.iter().position(|one| *one == scope);
        Self {
            metric,
            scope: place
                .and_then(|place| u8::try_from(place).ok())
                .unwrap_or_default(),
            id,
            time,
            value,
        }
    }

    pub(crate) fn scope(&self) -> MetricScope {
        let scope = MetricScope::ALL.get(usize::from(self.scope));
        scope.copied().unwrap_or(MetricScope::Node)
    }
}

/// The bytes.
pub(crate) fn write(samples: &[RecentSample]) -> Result<Vec<u8>, postcard::Error> {
    postcard::to_allocvec(samples)
}

/// The samples that were written.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<RecentSample>, postcard::Error> {
    postcard::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(id in ".{0,9}", time: i64, value in -1e9..1e9_f64, scope in 0..MetricScope::ALL.len()) {
            let scope = MetricScope::ALL[scope];
            let sample = RecentSample::new("load".to_owned(), scope, id, time, value);
            prop_assert_eq!(sample.scope(), scope);
            let samples = vec![sample; 2];
            prop_assert_eq!(read(&write(&samples).unwrap()).unwrap(), samples);
        }

        #[test]
        fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = read(&bytes);
        }
    }
}
