//! What agents said and nobody has heard yet. Bounded: the oldest goes first, since what is newer says more.

use std::collections::VecDeque;

use crate::erased::EncodedSignal;

/// Signals that may wait.
const COUNT_LIMIT: usize = 10_000;

/// Bytes that they may have together.
const BYTE_LIMIT: usize = 64 * 1024 * 1024;

/// Signals that wait, in the order in which they came.
#[derive(Default)]
pub(super) struct Backlog {
    signals: VecDeque<EncodedSignal>,
    bytes: usize,
}

impl Backlog {
    /// Adds one, and tells how many were dropped for it.
    pub(super) fn push(&mut self, signal: EncodedSignal) -> u64 {
        self.bytes += signal.payload.len();
        self.signals.push_back(signal);
        let mut dropped = 0;
        while self.signals.len() > COUNT_LIMIT || self.bytes > BYTE_LIMIT {
            if self.pop().is_none() {
                break;
            }
            dropped += 1;
        }
        dropped
    }

    /// Takes the oldest, so many at most.
    pub(super) fn take(&mut self, limit: usize) -> Vec<EncodedSignal> {
        let count = limit.min(self.signals.len());
        let mut taken = Vec::with_capacity(count);
        while taken.len() < count
            && let Some(signal) = self.pop()
        {
            taken.push(signal);
        }
        taken
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.signals.len()
    }

    fn pop(&mut self) -> Option<EncodedSignal> {
        let signal = self.signals.pop_front()?;
        self.bytes -= signal.payload.len();
        Some(signal)
    }
}

#[cfg(test)]
mod tests {
    use muster_platform::{Clock as _, SystemClock};

    use super::*;

    fn signal(number: usize, length: usize) -> EncodedSignal {
        EncodedSignal {
            agent: number.to_string(),
            payload: vec![b' '; length].into(),
            at: SystemClock.now(),
        }
    }

    fn agents(signals: &[EncodedSignal]) -> Vec<usize> {
        let numbers = signals.iter().map(|signal| signal.agent.parse().unwrap());
        numbers.collect()
    }

    #[test]
    fn they_are_taken_in_order_and_so_many_at_most() {
        let mut backlog = Backlog::default();
        for number in 0..5 {
            assert_eq!(backlog.push(signal(number, 1)), 0);
        }
        assert_eq!(agents(&backlog.take(3)), [0, 1, 2]);
        assert_eq!(backlog.len(), 2);
        assert_eq!(agents(&backlog.take(3)), [3, 4]);
        assert!(backlog.take(3).is_empty());
        assert_eq!(backlog.bytes, 0);
    }

    #[test]
    fn beyond_the_limit_the_oldest_go_and_are_counted() {
        let mut backlog = Backlog::default();
        let dropped: u64 = (0..COUNT_LIMIT + 7)
            .map(|number| backlog.push(signal(number, 0)))
            .sum();
        assert_eq!(dropped, 7);
        assert_eq!(agents(&backlog.take(2)), [7, 8]);
    }

    #[test]
    fn they_do_not_take_more_memory_than_that() {
        let mut backlog = Backlog::default();
        for number in 0..4 {
            assert_eq!(backlog.push(signal(number, BYTE_LIMIT / 4)), 0);
        }
        assert_eq!(backlog.push(signal(4, BYTE_LIMIT / 4 + 1)), 2);
        assert_eq!(agents(&backlog.take(9)), [2, 3, 4]);
        assert_eq!(backlog.push(signal(5, BYTE_LIMIT + 1)), 1);
        assert_eq!((backlog.len(), backlog.bytes), (0, 0));
    }
}
