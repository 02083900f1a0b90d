//! Time as Muster keeps it, and the only place that reads the machine's clock.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;

const MICROSECONDS_PER_SECOND: i64 = 1_000_000;

/// The years RFC 3339 can write; a [`Timestamp`] outside of them is written as the nearest one.
const EARLIEST_WRITABLE: OffsetDateTime = datetime!(0000-01-01 00:00:00 UTC);
const LATEST_WRITABLE: OffsetDateTime = datetime!(9999-12-31 23:59:59.999_999 UTC);

/// A point in time: microseconds since 1970-01-01T00:00:00 UTC, leap seconds not counted.
///
/// This is also how times are stored and how they are written in messages (a JSON integer).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// A text that is not an RFC 3339 date and time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an RFC 3339 time such as 2026-01-31T12:00:00Z: {reason}")]
pub struct InvalidTimestamp {
    text: String,
    reason: String,
}

impl Timestamp {
    /// 1970-01-01T00:00:00 UTC.
    pub const EPOCH: Self = Self(0);

    /// From microseconds since the epoch.
    #[must_use]
    pub const fn from_micros(microseconds: i64) -> Self {
        Self(microseconds)
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// From seconds since the epoch; beyond the range (some 290,000 years) the nearest time in it.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MICROSECONDS_PER_SECOND))
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(MICROSECONDS_PER_SECOND)
    }

    /// This time and `duration` more; at the end of the range it stays there.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(whole_microseconds(duration)))
    }

    /// This time less `duration`; at the start of the range it stays there.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(whole_microseconds(duration)))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let microseconds = i128::from(self.0) - i128::from(earlier.0);
        Duration::from_micros(u64::try_from(microseconds).unwrap_or(0))
    }

    /// As the `time` crate has it, for the formats of the dialects. Years outside 0 to 9999 become
    /// the nearest time inside.
    #[must_use]
    pub fn to_offset_date_time(self) -> OffsetDateTime {
        let nanoseconds = i128::from(self.0) * 1_000;
        OffsetDateTime::from_unix_timestamp_nanos(nanoseconds)
            .unwrap_or(if self.0 < 0 {
                EARLIEST_WRITABLE
            } else {
                LATEST_WRITABLE
            })
            .clamp(EARLIEST_WRITABLE, LATEST_WRITABLE)
    }

    /// As RFC 3339 in UTC, such as `2026-01-31T12:00:00.25Z`: no more fraction digits than needed.
    /// Years outside 0 to 9999 are written as the nearest time inside.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        // Within the clamped range formatting cannot fail; the number is the honest fall-back.
        self.to_offset_date_time()
            .format(&Rfc3339)
            .unwrap_or_else(|_| self.0.to_string())
    }

    /// Reads RFC 3339 with any offset; digits below the microsecond are cut off.
    ///
    /// # Errors
    /// The text is not RFC 3339.
    pub fn parse_rfc3339(text: &str) -> Result<Self, InvalidTimestamp> {
        OffsetDateTime::parse(text, &Rfc3339)
            .map(Self::from)
            .map_err(|error| InvalidTimestamp {
                text: text.to_owned(),
                reason: error.to_string(),
            })
    }
}

fn whole_microseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl From<OffsetDateTime> for Timestamp {
    fn from(time: OffsetDateTime) -> Self {
        let microseconds = time.unix_timestamp_nanos().div_euclid(1_000);
        let nearest = if microseconds < 0 { i64::MIN } else { i64::MAX };
        Self(i64::try_from(microseconds).unwrap_or(nearest))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_rfc3339())
    }
}

/// Where the time comes from. Everything that needs "now" takes one of these, so that tests decide
/// what time it is.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clock"
    )]
    fn now(&self) -> Timestamp {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => Timestamp::EPOCH.plus(since),
            Err(before) => Timestamp::EPOCH.minus(before.duration()),
        }
    }
}

/// A clock that stands still until it is told otherwise. Clones show the same time.
#[derive(Debug, Clone)]
pub struct ManualClock {
    microseconds: Arc<AtomicI64>,
}

impl ManualClock {
    /// A clock showing `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self {
            microseconds: Arc::new(AtomicI64::new(start.as_micros())),
        }
    }

    /// Shows `time` from now on; it may be earlier, as with a real clock that was corrected.
    pub fn set(&self, time: Timestamp) {
        self.microseconds.store(time.as_micros(), Ordering::SeqCst);
    }

    /// Moves on by `duration`.
    pub fn advance(&self, duration: Duration) {
        self.microseconds
            .fetch_add(whole_microseconds(duration), Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    /// 2026-01-01T00:00:00 UTC: any fixed time that looks like one.
    fn default() -> Self {
        Self::new(Timestamp::from_seconds(1_767_225_600))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.microseconds.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn seconds_round_down_also_before_the_epoch() {
        assert_eq!(Timestamp::from_micros(1_999_999).as_seconds(), 1);
        assert_eq!(Timestamp::from_micros(-1).as_seconds(), -1);
        assert_eq!(Timestamp::from_seconds(i64::MAX).as_micros(), i64::MAX);
    }

    #[test]
    fn is_written_as_an_integer_in_json() {
        let time = Timestamp::from_micros(1_234_567);
        assert_eq!(serde_json::to_string(&time).unwrap(), "1234567");
        assert_eq!(serde_json::from_str::<Timestamp>("1234567").unwrap(), time);
    }

    #[test]
    fn rfc_3339_is_read_with_any_offset_and_written_in_utc() {
        let time = Timestamp::parse_rfc3339("2026-01-31T13:00:00.250+01:00").unwrap();
        assert_eq!(time.to_rfc3339(), "2026-01-31T12:00:00.25Z");
        let error = Timestamp::parse_rfc3339("yesterday").unwrap_err();
        assert!(error.to_string().contains("\"yesterday\""), "{error}");
    }

    #[test]
    fn times_that_rfc_3339_cannot_write_become_the_nearest() {
        assert_eq!(
            Timestamp::from_micros(i64::MAX).to_rfc3339(),
            "9999-12-31T23:59:59.999999Z"
        );
        assert_eq!(
            Timestamp::from_micros(i64::MIN).to_rfc3339(),
            "0000-01-01T00:00:00Z"
        );
    }

    #[test]
    fn a_manual_clock_moves_only_when_told_to() {
        let clock = ManualClock::default();
        let start = clock.now();
        let same = clock.clone();
        clock.advance(Duration::from_millis(5));
        assert_eq!(same.now().since(start), Duration::from_millis(5));
        assert_eq!(start.since(same.now()), Duration::ZERO);
        clock.set(start);
        assert_eq!(same.now(), start);
    }

    #[test]
    fn the_system_clock_is_past_the_year_this_was_written_in() {
        assert!(SystemClock.now() > Timestamp::from_seconds(1_767_225_600));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(micros in -62_167_219_200_000_000_i64..253_402_300_799_999_999) {
            let time = Timestamp::from_micros(micros);
            prop_assert_eq!(Timestamp::parse_rfc3339(&time.to_rfc3339()).unwrap(), time);
        }
    }
}
