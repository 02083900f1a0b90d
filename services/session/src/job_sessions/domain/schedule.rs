//! When a job runs, and how far it is: Freezer's `job_schedule`, and the `schedule` of a session (`api/freezer.md` §1.3).

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

/// A schedule: texts and whole numbers by name.
pub(crate) type Schedule = Map<String, Value>;

/// What its scheduler has been asked to do and has not seen yet; empty = nothing. Schedulers stop looking at all their jobs
/// where one has no such key (`api/freezer.md` §3).
pub(crate) const EVENT: &str = "event";
/// How far the job is.
pub(crate) const STATUS: &str = "status";
/// How it ended when it last ran.
pub(crate) const RESULT: &str = "result";

const EVENTS: [&str; 5] = ["", "stop", "start", "abort", "remove"];
const STATUSES: [&str; 7] = [
    "",
    "completed",
    "stop",
    "scheduled",
    "running",
    "aborting",
    "removed",
];
const RESULTS: [&str; 4] = ["", "success", "fail", "aborted"];

const NUMBERS: [&str; 4] = ["time_created", "time_started", "time_ended", "current_pid"];
const DATES: [&str; 3] = ["schedule_date", "schedule_start_date", "schedule_end_date"];
const TEXTS: [&str; 7] = [
    "schedule_month",
    "schedule_day",
    "schedule_week",
    "schedule_day_of_week",
    "schedule_hour",
    "schedule_minute",
    "schedule_second",
];

/// The patterns are those of the real server's schema of a job.
#[expect(clippy::expect_used, reason = "the patterns are fixed, and tested")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a valid pattern")
}

static DATE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"^(-?(?:[1-9][0-9]*)?[0-9]{4})-(1[0-2]|0[1-9])-(3[01]|0[1-9]|[12][0-9])T(2[0-3]|[01][0-9])",
        r":([0-5][0-9]):([0-5][0-9])(\.[0-9]+)?(Z|[+-](?:2[0-3]|[01][0-9]):[0-5][0-9])?$",
    ))
});
static INTERVAL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(continuous|([0-9]+ +(weeks|days|hours|minutes|seconds)))$"));
static YEAR: LazyLock<Regex> = LazyLock::new(|| pattern("^[0-9]{4}$"));

/// Refuses what the real server refuses: other keys, other types, other words.
pub(crate) fn check(schedule: &Schedule) -> Result<(), String> {
    schedule
        .iter()
        .try_for_each(|(key, value)| check_entry(key, value))
}

fn check_entry(key: &str, value: &Value) -> Result<(), String> {
    let words: Option<&[&str]> = match key {
        EVENT => Some(&EVENTS),
        STATUS => Some(&STATUSES),
        RESULT => Some(&RESULTS),
        _ => None,
    };
    let text = value.as_str();
    let (fits, expected) = if let Some(words) = words {
        let fits = text.is_some_and(|text| words.contains(&text));
        (fits, format!("one of {words:?}"))
    } else if NUMBERS.contains(&key) {
        (value.is_i64(), "a whole number".to_owned())
    } else if DATES.contains(&key) {
        let fits = text.is_some_and(|text| DATE.is_match(text));
        (fits, "a date and time as in ISO 8601".to_owned())
    } else if TEXTS.contains(&key) {
        (text.is_some(), "a text".to_owned())
    } else if key == "schedule_interval" {
        let fits = text.is_some_and(|text| INTERVAL.is_match(text));
        (
            fits,
            "\"continuous\" or a number of weeks, days, hours, minutes or seconds".to_owned(),
        )
    } else if key == "schedule_year" {
        let fits = text.is_some_and(|text| YEAR.is_match(text));
        (fits, "a year of four digits".to_owned())
    } else {
        return Err(format!("a schedule has no key {key:?}"));
    };
    if fits {
        Ok(())
    } else {
        Err(format!("{key} must be {expected}"))
    }
}

/// Whether the key says when a job runs, and not how far it is: such keys come from the session that a job is in.
pub(crate) fn is_time(key: &str) -> bool {
    key.starts_with("schedule_")
}

/// The keys that say when.
pub(crate) fn times(schedule: &Schedule) -> Schedule {
    let times = schedule.iter().filter(|(key, _)| is_time(key));
    times
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// The schedule with other times.
pub(crate) fn with_times(mut schedule: Schedule, times: &Schedule) -> Schedule {
    schedule.retain(|key, _| !is_time(key));
    let new = times.iter().filter(|(key, _)| is_time(key));
    schedule.extend(new.map(|(key, value)| (key.clone(), value.clone())));
    schedule
}

/// Puts the keys there that each job's schedule has.
pub(crate) fn complete(schedule: &mut Schedule) {
    for key in [EVENT, STATUS, RESULT] {
        if !schedule.get(key).is_some_and(Value::is_string) {
            schedule.insert(key.to_owned(), Value::from(""));
        }
    }
}

/// The text under that key, empty where there is none.
pub(crate) fn text<'a>(schedule: &'a Schedule, key: &str) -> &'a str {
    schedule
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schedule(value: &Value) -> Schedule {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn what_schedulers_send_is_taken() {
        for good in [
            json!({}),
            json!({"event": "", "status": "scheduled", "result": "success", "time_created": 1, "time_ended": -1}),
            json!({"schedule_interval": "continuous", "schedule_start_date": "2026-11-22T14:00:00"}),
            json!({"schedule_interval": "15  minutes", "schedule_date": "2026-11-22T14:00:00.5+01:00"}),
            json!({"schedule_year": "2026", "schedule_day_of_week": "mon-fri", "current_pid": 4711}),
        ] {
            assert_eq!(check(&schedule(&good)), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_the_real_server_refuses_is_refused() {
        for bad in [
            json!({"event": "go"}),
            json!({"event": null}),
            json!({"status": "done"}),
            json!({"result": "banana"}),
            json!({"time_created": "1"}),
            json!({"time_started": 1.5}),
            json!({"schedule_interval": "5 fortnights"}),
            json!({"schedule_interval": "5 minutes\n"}),
            json!({"schedule_date": "2026-13-01T00:00:00"}),
            json!({"schedule_date": "tomorrow"}),
            json!({"schedule_year": "26"}),
            json!({"schedule_hour": 3}),
            json!({"schedule_moon": "full"}),
            json!({"current_pid": null}),
        ] {
            assert!(check(&schedule(&bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_go_from_one_to_the_other() {
        let job = schedule(
            &json!({"event": "start", "time_created": 5, "schedule_hour": "3", "schedule_day": "1"}),
        );
        let session =
            schedule(&json!({"event": "stop", "schedule_interval": "1 days", "time_created": 9}));
        let both = with_times(job.clone(), &session);
        let expected = json!({"event": "start", "time_created": 5, "schedule_interval": "1 days"});
        assert_eq!(both, schedule(&expected));
        assert_eq!(with_times(both, &times(&job)), job);
    }

    #[test]
    fn a_complete_schedule_has_what_schedulers_look_at() {
        let mut incomplete = schedule(&json!({"status": "running", "event": null}));
        complete(&mut incomplete);
        let expected = json!({"status": "running", "event": "", "result": ""});
        assert_eq!(incomplete, schedule(&expected));
    }
}
