//! When a request was signed (`api/backendai.md` §1): the date as its client wrote it, which is part of what is signed.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName};
use muster_platform::Timestamp;
use time::format_description::well_known::{Iso8601, Rfc2822};
use time::{OffsetDateTime, PrimitiveDateTime};

use super::error::INVALID_AUTH;
use crate::frame::Failure;

/// How far the clock of a client may differ from ours: less than this.
pub(super) const LEEWAY: Duration = Duration::from_mins(15);

/// Where a date stands; the first that is there counts.
const HEADERS: [HeaderName; 3] = [
    HeaderName::from_static("date"),
    HeaderName::from_static("x-backendai-date"),
    HeaderName::from_static("x-sorna-date"),
];

/// When a request was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RequestDate<'a> {
    /// As the client wrote it.
    pub(super) raw: &'a str,
    /// The same, in the zone that the client wrote.
    moment: OffsetDateTime,
}

impl<'a> RequestDate<'a> {
    /// The date that a request says, if it is of now.
    pub(super) fn of_request(headers: &'a HeaderMap, now: Timestamp) -> Result<Self, Failure> {
        let wrong = || Failure::invalid("Date/time sync error").code(INVALID_AUTH);
        let header = HEADERS.iter().find_map(|name| headers.get(name));
        let raw = header
            .and_then(|date| date.to_str().ok())
            .ok_or_else(wrong)?;
        let moment = self::moment(raw.trim()).ok_or_else(wrong)?;
        let signed = Timestamp::from(moment);
        let difference = now.since(signed).max(signed.since(now));
        if difference >= LEEWAY {
            return Err(wrong().because(format!("{difference:?} away")));
        }
        Ok(Self { raw, moment })
    }

    /// Its day in its own zone, as signatures have it: `20191215`.
    pub(super) fn day(&self) -> String {
        let day = self.moment.date();
        format!(
            "{:04}{:02}{:02}",
            day.year(),
            u8::from(day.month()),
            day.day()
        )
    }
}

/// ISO 8601 with `T` or a space between date and time, RFC 822 and its successors, and what HTTP has. Without a zone it is UTC.
pub(super) fn moment(text: &str) -> Option<OffsetDateTime> {
    let iso = text.replacen(' ', "T", 1);
    OffsetDateTime::parse(&iso, &Iso8601::PARSING)
        .or_else(|_| {
            PrimitiveDateTime::parse(&iso, &Iso8601::PARSING).map(PrimitiveDateTime::assume_utc)
        })
        .or_else(|_| OffsetDateTime::parse(text, &Rfc2822))
        .or_else(|_| OffsetDateTime::parse(&with_numeric_zone(text), &Rfc2822))
        .ok()
}

/// A zone that RFC 2822 knows by another name.
fn with_numeric_zone(text: &str) -> String {
    match text.strip_suffix("UTC") {
        Some(start) => format!("{start}+0000"),
        None => format!("{text} +0000"),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const NOW: &str = "2026-11-21T23:34:37.582933Z";

    fn now() -> Timestamp {
        Timestamp::parse_rfc3339(NOW).unwrap()
    }

    fn headers(headers: &[(&'static str, &str)]) -> HeaderMap {
        let headers = headers.iter().map(|(name, value)| {
            let value = HeaderValue::from_str(value).unwrap();
            (HeaderName::from_static(name), value)
        });
        headers.collect()
    }

    fn day(date: &str) -> Option<String> {
        let headers = headers(&[("date", date)]);
        let date = RequestDate::of_request(&headers, now());
        date.ok().map(|date| date.day())
    }

    #[test]
    fn common_forms_are_read() {
        for date in [
            "2026-11-21T23:34:37.582933+00:00",
            "2026-11-21T23:34:37Z",
            "2026-11-21T23:34:37",
            "2026-11-21 23:34:37.5",
            "20261121T233437Z",
            "Sat, 21 Nov 2026 23:34:37 GMT",
            "Sat, 21 Nov 2026 23:34:37 +0000",
            "21 Nov 2026 23:34:37 UTC",
            "Sat, 21 Nov 2026 18:34:37 EST",
        ] {
            assert_eq!(day(date).as_deref(), Some("20261121"), "{date}");
        }
        // The day is that of the zone the client wrote.
        let seoul = "2026-11-22T08:34:37+09:00";
        assert_eq!(day(seoul).as_deref(), Some("20261122"));
    }

    #[test]
    fn a_date_is_of_now() {
        for (date, is_good) in [
            ("2026-11-21T23:19:37.582934+00:00", true),
            ("2026-11-21T23:19:37.582933+00:00", false),
            ("2026-11-21T23:49:37.582932+00:00", true),
            ("2026-11-21T23:49:37.582933+00:00", false),
            ("2026-11-21T23:34:37+01:00", false),
            ("1970-01-01T00:00:00Z", false),
            ("", false),
            ("now", false),
            ("2026-13-41T00:00:00Z", false),
        ] {
            assert_eq!(day(date).is_some(), is_good, "{date}");
        }
    }

    #[test]
    fn the_first_header_counts() {
        let of = |given: &[(&'static str, &str)]| {
            let headers = headers(given);
            RequestDate::of_request(&headers, now()).map(|date| date.raw.to_owned())
        };
        assert!(of(&[]).is_err());
        for name in ["date", "x-backendai-date", "x-sorna-date"] {
            assert_eq!(of(&[(name, NOW)]).unwrap(), NOW);
        }
        assert!(of(&[("date", "x"), ("x-backendai-date", NOW)]).is_err());
    }
}
