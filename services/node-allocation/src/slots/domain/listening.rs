//! Since when beats would have been heard. Who was not listening cannot say that nobody spoke: after a start, while the broker
//! or the database was away, or when the machine slept, every agent would look lost.

/// Since when this process listens without a gap. Times are microseconds since 1970.
#[derive(Debug, Default)]
pub(crate) struct Listening {
    since: Option<i64>,
    looked_at: i64,
    connection: u64,
}

impl Listening {
    /// Notes that it listens at this moment, on that connection (`None`: on none), and says since when it has without a pause. More
    /// than `pause` between two looks is one.
    pub(crate) fn look(&mut self, now: i64, connection: Option<u64>, pause: i64) -> Option<i64> {
        let elapsed = now.saturating_sub(self.looked_at);
        // The clock may have been set back.
        let is_gap = !(0..=pause).contains(&elapsed);
        self.looked_at = now;
        let Some(connection) = connection else {
            self.since = None;
            return None;
        };
        if is_gap || connection != self.connection {
            self.since = None;
        }
        self.connection = connection;
        Some(*self.since.get_or_insert(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_anew_after_every_gap() {
        let mut listening = Listening::default();
        assert_eq!(listening.look(100, Some(1), 10), Some(100));
        assert_eq!(listening.look(110, Some(1), 10), Some(100));
        // It slept.
        assert_eq!(listening.look(121, Some(1), 10), Some(121));
        // The broker was away.
        assert_eq!(listening.look(125, None, 10), None);
        assert_eq!(listening.look(130, Some(1), 10), Some(130));
        // It was away between two looks.
        assert_eq!(listening.look(135, Some(2), 10), Some(135));
        assert_eq!(listening.look(140, Some(2), 10), Some(135));
        // The clock was set back.
        assert_eq!(listening.look(50, Some(2), 10), Some(50));
    }
}
