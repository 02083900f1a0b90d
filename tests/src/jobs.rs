//! Made-up jobs, on the cluster [`site::TEST_CLUSTER`](crate::site::TEST_CLUSTER).

use serde_json::{Value, json};

use crate::site::TEST_CLUSTER;

/// When made-up jobs start: seconds since 1970 UTC.
pub const START_TIME: i64 = 1_700_000_000;

/// The smallest start that is taken, on node `t001`.
#[must_use]
pub fn start(job_id: i64) -> Value {
    json!({
        "jobId": job_id,
        "user": "alice",
        "project": "physics",
        "cluster": TEST_CLUSTER,
        "startTime": START_TIME,
        "numNodes": 1,
        "resources": [{ "hostname": "t001" }],
    })
}

/// Stops what [`start`] started, after ten minutes.
#[must_use]
pub fn stop(job_id: i64) -> Value {
    json!({
        "jobId": job_id,
        "cluster": TEST_CLUSTER,
        "startTime": START_TIME,
        "stopTime": START_TIME + 600,
        "jobState": "completed",
    })
}

/// `body` with the members of `changes` put in place of its own; `null` removes a member.
#[must_use]
pub fn with(mut body: Value, changes: &Value) -> Value {
    if let (Some(body), Some(changes)) = (body.as_object_mut(), changes.as_object()) {
        for (name, value) in changes {
            if value.is_null() {
                body.remove(name);
            } else {
                body.insert(name.clone(), value.clone());
            }
        }
    }
    body
}
