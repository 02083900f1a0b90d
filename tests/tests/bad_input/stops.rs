//! Stops that are not to be.

use muster_tests::{
    jobs::{self, START_TIME},
    site,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    BETAS, NEW, RUNNING, STOPPED, Seed,
    case::{Case, STOP, text_with},
};

pub(crate) fn cases(seed: &Seed) -> Vec<Case> {
    let stop = |changes: &Value| jobs::with(jobs::stop(RUNNING), changes);
    let changed = |name: &str, changes: &Value, status: u16| {
        Case::stop(format!("stop: {name}"), stop(changes).to_string(), status)
    };
    let mut cases = vec![
        Case::stop("stop: an empty body", "", 400),
        Case::stop("stop: half a body", r#"{"jobId": 1, "#, 400),
        Case::stop("stop: an array", "[]", 400),
        Case::stop("stop: an empty object", "{}", 400).says("the field 'jobId' is required"),
        changed("no jobId", &json!({ "jobId": null }), 400).says("the field 'jobId' is required"),
        changed("an unknown member", &json!({ "state": "completed" }), 400).says("unknown field"),
        changed("no stopTime", &json!({ "stopTime": null }), 400),
        changed(
            "before the start",
            &json!({ "stopTime": START_TIME - 1 }),
            400,
        ),
        changed("an unknown state", &json!({ "jobState": "landed" }), 400),
        changed("a job nobody knows", &json!({ "jobId": NEW }), 422),
        changed(
            "another start",
            &json!({ "startTime": START_TIME + 1, "cluster": "nowhere" }),
            422,
        ),
        changed("another cluster", &json!({ "cluster": "nowhere" }), 422),
        changed("a stopped job", &json!({ "jobId": STOPPED }), 422),
        changed("the other tenant's job", &json!({ "jobId": BETAS }), 422),
    ];
    for member in ["jobId", "startTime", "stopTime"] {
        for value in [
            "\"1\"",
            "1.5",
            "1.0",
            "1e3",
            "true",
            "[]",
            "9223372036854775808",
        ] {
            let body = stop(&json!({ member: "@" }));
            let body = text_with(&body, value.as_bytes());
            cases.push(Case::stop(format!("stop: {member}: {value}"), body, 400));
        }
    }
    for member in ["cluster", "jobState"] {
        for value in ["1", "[]", "{}", r#""\u0000""#] {
            let body = stop(&json!({ member: "@" }));
            let body = text_with(&body, value.as_bytes());
            cases.push(Case::stop(format!("stop: {member}: {value}"), body, 400));
        }
    }
    let by_id = |id: &str, body: &Value, status: u16| {
        let name = format!("stop by id {id}");
        Case::new(name, Method::POST, &format!("{STOP}{id}"), status).body(body.to_string())
    };
    let end = json!({ "stopTime": START_TIME + 600, "jobState": "completed" });
    cases.extend([
        by_id("abc", &end, 400),
        by_id("1.5", &end, 400),
        by_id("0x1", &end, 400),
        by_id("%31%00", &end, 400),
        by_id("9223372036854775808", &end, 400),
        by_id("-1", &end, 422),
        by_id("1000000", &end, 422),
        by_id(&seed.stopped.to_string(), &end, 422),
        by_id(&seed.betas.to_string(), &end, 422),
        by_id(
            &seed.running.to_string(),
            &json!({ "jobState": "completed" }),
            400,
        ),
        by_id(&seed.running.to_string(), &json!({ "stopTime": 1 }), 400),
        by_id(&seed.running.to_string(), &json!({ "stopTime": "1" }), 400),
        by_id(
            &seed.running.to_string(),
            &json!({ "stopTime": START_TIME, "x": 1 }),
            400,
        ),
        Case::stop(
            "stop: beta stops alpha's job",
            stop(&json!({})).to_string(),
            422,
        )
        .token(site::BETA_API),
        Case::stop(
            "stop: support may look and not touch",
            jobs::stop(BETAS).to_string(),
            422,
        )
        .token(site::SUPPORT),
        Case::stop("stop: a user", stop(&json!({})).to_string(), 403).token(site::PLAIN_USER),
    ]);
    cases
}
