//! A time at which a session is to end, as clients of Duffy 3 write it: `2026-01-31T12:00:00Z`, or how much later (or
//! earlier) than now foreseen: `+6h`, `-30m`.

use muster_contract::session::NewExpiry;
use muster_platform::Timestamp;

use super::answers::unprocessable;
use crate::frame::Failure;

pub(super) fn parse(text: &str) -> Result<NewExpiry, Failure> {
    let text = text.trim();
    let parsed = match text.split_at_checked(1) {
        Some(("+", length)) => seconds(length).map(NewExpiry::Later),
        Some(("-", length)) => seconds(length).map(|seconds| NewExpiry::Later(-seconds)),
        _ => time(text).map(|time| NewExpiry::At(time.as_micros())),
    };
    parsed.ok_or_else(|| {
        unprocessable(
            "expires_at has to be a time such as 2026-01-31T12:00:00Z, or a difference such as +6h",
        )
    })
}

fn seconds(length: &str) -> Option<i64> {
    let length = humantime::parse_duration(&length.to_lowercase()).ok()?;
    i64::try_from(length.as_secs()).ok()
}

/// Without an offset it is UTC, as in Duffy.
fn time(text: &str) -> Option<Timestamp> {
    Timestamp::parse_rfc3339(text)
        .or_else(|_| Timestamp::parse_rfc3339(&format!("{text}Z")))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_time_or_a_difference() {
        for (text, expected) in [
            ("+6h", NewExpiry::Later(21_600)),
            ("+3h30m", NewExpiry::Later(12_600)),
            (" +1W2D ", NewExpiry::Later(9 * 86_400)),
            ("-20m25s", NewExpiry::Later(-1_225)),
            ("1970-01-01T00:00:01Z", NewExpiry::At(1_000_000)),
            ("1970-01-01T01:00:01+01:00", NewExpiry::At(1_000_000)),
            ("1970-01-01T00:00:01", NewExpiry::At(1_000_000)),
        ] {
            assert_eq!(parse(text).unwrap(), expected, "{text}");
        }
        for text in [
            "",
            "6h",
            "+",
            "+6",
            "+x",
            "+-6h",
            "tomorrow",
            "2026-13-01T00:00:00Z",
            "é",
            "+99999999999999999999y",
        ] {
            assert_eq!(parse(text).unwrap_err().kind().status(), 422, "{text}");
        }
    }
}
