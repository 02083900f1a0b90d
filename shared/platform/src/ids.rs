//! Where new ids come from.

use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

/// A source of ids. Everything that names a new thing takes one of these, so that tests know the
/// names beforehand.
pub trait Ids: Send + Sync {
    /// An id nobody has been given before.
    fn next(&self) -> Uuid;
}

/// UUIDs of version 7 (RFC 9562): random, and rising with time, so that they are cheap as keys.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that makes random ids"
    )]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// 1, 2, 3, ... written as UUIDs, for tests.
#[derive(Debug, Default)]
pub struct SequentialIds {
    given: AtomicU64,
}

impl SequentialIds {
    /// Starts at 1.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The `number`-th id such a source gives, counted from 1.
    #[must_use]
    pub fn nth(number: u64) -> Uuid {
        Uuid::from_u128(u128::from(number))
    }
}

impl Ids for SequentialIds {
    fn next(&self) -> Uuid {
        Self::nth(self.given.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_ids_are_of_version_7_and_rise() {
        let ids: Vec<Uuid> = (0..1_000).map(|_| RandomIds.next()).collect();
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
        assert!(ids.is_sorted_by(|earlier, later| earlier < later));
    }

    #[test]
    fn sequential_ids_count() {
        let ids = SequentialIds::new();
        assert_eq!(ids.next(), SequentialIds::nth(1));
        assert_eq!(
            ids.next().to_string(),
            "00000000-0000-0000-0000-000000000002"
        );
    }
}
