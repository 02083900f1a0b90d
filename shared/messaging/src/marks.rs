//! What is published and not yet marked so in the outbox.

use std::collections::{HashMap, HashSet};

use muster_storage::outbox::Mark;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{outbox_message::PendingRow, publication::Stored};

/// Marks to be written together, all of what was published over one connection.
///
/// Those of an earlier connection are thrown away: the broker may have been restarted in between and have lost what it had
/// acknowledged. Their rows count as unpublished then and are published again.
pub(crate) struct Marks {
    /// The connection.
    pub(crate) epoch: u64,
    /// Since when the oldest of them waits to be written.
    pub(crate) since: Option<Instant>,
    waiting: Vec<Mark>,
    ids: HashSet<Uuid>,
    /// The highest sequence that each stream gave out over this connection.
    highest: HashMap<String, u64>,
    went_back: bool,
}

impl Marks {
    /// None.
    pub(crate) fn new(epoch: u64) -> Self {
        Self {
            epoch,
            since: None,
            waiting: Vec::new(),
            ids: HashSet::new(),
            highest: HashMap::new(),
            went_back: false,
        }
    }

    /// Notes that the broker has stored the messages of the row.
    pub(crate) fn add(&mut self, row: &PendingRow, now: i64, stored: &[Stored]) {
        let mut highest = self.highest.get(&row.stream).copied().unwrap_or_default();
        for stored in stored.iter().filter(|stored| !stored.duplicate) {
            self.went_back |= stored.sequence <= highest;
            highest = stored.sequence;
        }
        match self.highest.get_mut(&row.stream) {
            Some(before) => *before = highest,
            None => drop(self.highest.insert(row.stream.clone(), highest)),
        }
        // Published twice, from memory and by the sweep: the later place counts.
        let id = row.id.to_string();
        if !self.ids.insert(row.id) {
            self.waiting.retain(|mark| mark.id != id);
        }
        let sequences = || stored.iter().map(|stored| stored.sequence);
        self.waiting.push(Mark {
            id,
            published_at: now,
            first_sequence: number(sequences().min()),
            last_sequence: number(sequences().max()),
        });
        self.since.get_or_insert_with(Instant::now);
    }

    /// Whether a stream gave out a sequence that it had given out before: it was made anew, or another server took it over
    /// without its tail.
    pub(crate) fn went_back(&self) -> bool {
        self.went_back
    }

    /// Whether the row is published.
    pub(crate) fn contains(&self, row: &PendingRow) -> bool {
        self.ids.contains(&row.id)
    }

    /// What is to be written.
    pub(crate) fn waiting(&self) -> &[Mark] {
        &self.waiting
    }

    /// All of it is written.
    pub(crate) fn written(&mut self) {
        self.waiting.clear();
        self.ids.clear();
        self.since = None;
    }
}

fn number(sequence: Option<u64>) -> i64 {
    i64::try_from(sequence.unwrap_or_default()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: u128) -> PendingRow {
        PendingRow {
            id: Uuid::from_u128(id),
            stream: "S".to_owned(),
            messages: Vec::new(),
        }
    }

    fn stored(sequence: u64, duplicate: bool) -> Stored {
        Stored {
            sequence,
            duplicate,
        }
    }

    #[test]
    fn a_row_published_twice_is_marked_once() {
        let mut marks = Marks::new(1);
        marks.add(&row(1), 5, &[stored(3, false), stored(7, false)]);
        marks.add(&row(1), 6, &[stored(9, true)]);
        assert!(marks.contains(&row(1)) && !marks.contains(&row(2)));
        let [mark] = marks.waiting() else {
            panic!("{:?}", marks.waiting());
        };
        assert_eq!((mark.first_sequence, mark.last_sequence), (9, 9));
        marks.written();
        assert!(marks.waiting().is_empty() && !marks.contains(&row(1)));
    }

    #[test]
    fn a_stream_that_goes_back_is_noticed_and_duplicates_are_not_mistaken_for_it() {
        let mut marks = Marks::new(1);
        marks.add(&row(1), 0, &[stored(8, false), stored(9, false)]);
        marks.add(&row(2), 0, &[stored(4, true), stored(12, false)]);
        marks.written();
        assert!(!marks.went_back());
        marks.add(&row(3), 0, &[stored(1, false)]);
        assert!(marks.went_back());
    }
}
