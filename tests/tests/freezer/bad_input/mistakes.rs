//! What clients may send by mistake.

/// No JSON, or not what is meant.
pub(super) const BODIES: [&str; 16] = [
    "",
    " ",
    "nonsense",
    "{",
    "[",
    "[]",
    "[{}]",
    "7",
    "null",
    "true",
    "\"text\"",
    "{'a': 1}",
    "{\"a\": 1,}",
    "{\"a\": NaN}",
    "{} {}",
    "\u{0}",
];

/// What the path of a thing can be that nobody meant.
pub(super) const ODD: [&str; 10] = [
    "%00",
    "%FF%FE",
    "%0d%0aX:%20y",
    "'%20OR%20'1'='1",
    "..%2f..%2f",
    "%F0%9F%90%99",
    "%3Cscript%3E",
    "a%20b",
    "0123456789012345678901234567890123456789012345678901234567890123456789",
    "%7B%7D",
];

/// Of a session that is made or changed.
pub(super) const SESSIONS: [&str; 24] = [
    r#"{"schedule": null}"#,
    r#"{"schedule": []}"#,
    r#"{"schedule": "daily"}"#,
    r#"{"schedule": {"unknown": 1}}"#,
    r#"{"schedule": {"schedule_interval": 7}}"#,
    r#"{"schedule": {"schedule_interval": "often"}}"#,
    r#"{"schedule": {"schedule_interval": "-1 days"}}"#,
    r#"{"schedule": {"schedule_interval": "1 moons"}}"#,
    r#"{"schedule": {"schedule_date": "tomorrow"}}"#,
    r#"{"schedule": {"schedule_year": "12345"}}"#,
    r#"{"schedule": {"event": "explode"}}"#,
    r#"{"schedule": {"status": "lost"}}"#,
    r#"{"schedule": {"result": "banana"}}"#,
    r#"{"schedule": {"time_started": "now"}}"#,
    r#"{"schedule": {"current_pid": "x"}}"#,
    r#"{"schedule": {}, "hold_off": "long"}"#,
    r#"{"schedule": {}, "hold_off": -1}"#,
    r#"{"schedule": {}, "hold_off": 1.5}"#,
    r#"{"schedule": {}, "hold_off": 99999999999999999999}"#,
    r#"{"schedule": {}, "hold_off": 9223372036854775807}"#,
    r#"{"schedule": {}, "description": 7}"#,
    r#"{"schedule": {}, "description": "a\u0000b"}"#,
    r#"{"schedule": {"schedule_day": "1\u0000"}}"#,
    r#"{"schedule": {}, "description": ["a"]}"#,
];

/// Of a job that is made or changed.
pub(super) const JOBS: [&str; 18] = [
    r#"{"client_id": null, "job_actions": []}"#,
    r#"{"client_id": 7, "job_actions": []}"#,
    r#"{"client_id": "nobody", "job_actions": []}"#,
    r#"{"client_id": "a\u0000", "job_actions": []}"#,
    r#"{"client_id": "node1", "job_actions": "all"}"#,
    r#"{"client_id": "node1", "job_actions": [7]}"#,
    r#"{"client_id": "node1", "job_actions": [{}]}"#,
    r#"{"client_id": "node1", "job_actions": [{"action_id": "unknown"}]}"#,
    r#"{"client_id": "node1", "job_actions": [{"freezer_action": 7}]}"#,
    r#"{"client_id": "node1", "job_actions": [{"freezer_action": {"action": "explode"}}]}"#,
    r#"{"client_id": "node1", "job_actions": [], "job_schedule": 7}"#,
    r#"{"client_id": "node1", "job_actions": [], "job_schedule": {"unknown": 1}}"#,
    r#"{"client_id": "node1", "job_actions": [], "job_schedule": {"status": "lost"}}"#,
    r#"{"client_id": "node1", "job_actions": [], "job_schedule": {"event": null, "status": 7}}"#,
    r#"{"client_id": "node1", "job_actions": [], "session_tag": "x"}"#,
    r#"{"client_id": "node1", "job_actions": [], "description": 7}"#,
    r#"{"client_id": "node1", "job_actions": [], "banana": 7}"#,
    r#"{"client_id": "node1", "job_actions": [], "description": "a\u0000"}"#,
];

/// Of starts and ends: SESSION's job is JOB, and its tag 0.
pub(super) const ACTIONS: [&str; 31] = [
    r"{}",
    r#"{"start": null}"#,
    r#"{"start": {}}"#,
    r#"{"start": []}"#,
    r#"{"start": 7}"#,
    r#"{"start": {"job_id": "JOB"}}"#,
    r#"{"start": {"current_tag": 0}}"#,
    r#"{"start": {"job_id": null, "current_tag": 0}}"#,
    r#"{"start": {"job_id": 7, "current_tag": 0}}"#,
    r#"{"start": {"job_id": "", "current_tag": 0}}"#,
    r#"{"start": {"job_id": "a\u0000", "current_tag": 0}}"#,
    r#"{"start": {"job_id": "unknown", "current_tag": 0}}"#,
    r#"{"start": {"job_id": "JOB", "current_tag": null}}"#,
    r#"{"start": {"job_id": "JOB", "current_tag": "x"}}"#,
    r#"{"start": {"job_id": "JOB", "current_tag": ""}}"#,
    r#"{"start": {"job_id": "JOB", "current_tag": 1.5}}"#,
    r#"{"start": {"job_id": "JOB", "current_tag": true}}"#,
    r#"{"start": {"job_id": "JOB", "current_tag": []}}"#,
    r#"{"start": {"job_id": "JOB", "current_tag": 1}}"#,
    r#"{"start": {"job_id": "JOB", "current_tag": "1"}}"#,
    r#"{"start": {"job_id": "JOB", "current_tag": 9223372036854775807}}"#,
    r#"{"start": {"job_id": "JOB", "current_tag": 99999999999999999999}}"#,
    r#"{"end": null}"#,
    r#"{"end": {}}"#,
    r#"{"end": {"job_id": "JOB", "current_tag": 0}}"#,
    r#"{"end": {"job_id": "JOB", "current_tag": 0, "result": "banana"}}"#,
    r#"{"end": {"job_id": "JOB", "current_tag": 0, "result": null}}"#,
    r#"{"end": {"job_id": "JOB", "current_tag": 1, "result": "success"}}"#,
    r#"{"end": {"job_id": "unknown", "current_tag": 0, "result": "success"}}"#,
    r#"{"end": {"job_id": "JOB", "result": "success"}}"#,
    r#"{"stop": {"job_id": "JOB", "current_tag": 0}}"#,
];

/// Of clients, actions, backups and events: path and body.
pub(super) const OTHERS: [(&str, &str); 22] = [
    ("/clients", r"{}"),
    ("/clients", r#"{"client_id": 7}"#),
    ("/clients", r#"{"client_id": ""}"#),
    ("/clients", r#"{"client_id": "a\u0000"}"#),
    ("/clients", r#"{"client_id": "a b/c"}"#),
    ("/clients", r#"{"client_id": "c", "hostname": 7}"#),
    (
        "/clients",
        r#"{"client_id": "c", "hostname": "h", "is_central": "no"}"#,
    ),
    (
        "/clients",
        r#"{"client_id": "c", "hostname": "h", "is_central": true}"#,
    ),
    (
        "/clients",
        r#"{"client_id": "c", "hostname": "h", "supported_actions": "backup"}"#,
    ),
    ("/actions", r"{}"),
    ("/actions", r#"{"freezer_action": 7}"#),
    ("/actions", r#"{"freezer_action": {"action": "explode"}}"#),
    (
        "/actions",
        r#"{"freezer_action": {"action": "backup", "backup_name": 7}}"#,
    ),
    (
        "/actions",
        r#"{"freezer_action": {"action": "backup"}, "max_retries": "x"}"#,
    ),
    ("/backups", r"{}"),
    ("/backups", r#"{"container": "c", "hostname": "h"}"#),
    (
        "/backups",
        r#"{"container": 7, "hostname": "h", "backup_name": "b"}"#,
    ),
    (
        "/backups",
        r#"{"container": "c", "hostname": "h", "backup_name": "a\u0000"}"#,
    ),
    ("/jobs/JOB/event", r"{}"),
    ("/jobs/JOB/event", r#"{"explode": null}"#),
    ("/jobs/unknown/event", r#"{"start": null}"#),
    ("/jobs/JOB/event", r#"{"start": null, "stop": null}"#),
];

/// Filters, which come as the body of a GET.
pub(super) const FILTERS: [&str; 8] = [
    r#"{"match": 7}"#,
    r#"{"match": "x"}"#,
    r#"{"match": [7]}"#,
    r#"{"match": {"a": 1}}"#,
    r#"{"match_not": [null]}"#,
    r#"{"match": [{"_all": 7}]}"#,
    r#"{"match": [{"a\u0000": 1}]}"#,
    r#"{"match": [{"a": "\u0000"}]}"#,
];
