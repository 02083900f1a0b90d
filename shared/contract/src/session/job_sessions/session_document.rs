//! A job session as Freezer's clients see it.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::{JobSession, JobSessionStatus, SessionJob};

/// What stands for a time that is not.
const NO_TIME: i64 = -1;

/// The document of a session that clients see (`api/freezer.md` §1.3), to be written as JSON: a list has a hundred of them, so
/// nothing is copied for it.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct SessionDocument<'a> {
    project_id: &'a str,
    session_id: &'a str,
    user_id: &'a str,
    description: Option<&'a str>,
    session_tag: i64,
    result: Option<&'a str>,
    hold_off: i64,
    status: &'a str,
    // Freezer writes the last two times and documents all four.
    time_started: i64,
    time_ended: i64,
    time_start: i64,
    time_end: i64,
    schedule: &'a Map<String, Value>,
    #[serde(serialize_with = "by_id")]
    jobs: &'a [SessionJob],
}

#[derive(Serialize)]
struct JobDocument<'a> {
    client_id: &'a str,
    status: &'a str,
    result: &'a str,
    time_started: i64,
    time_ended: i64,
}

impl JobSession {
    /// The document that clients see.
    #[must_use]
    pub fn document(&self) -> SessionDocument<'_> {
        let (started, ended) = (seconds(self.started_at), seconds(self.ended_at));
        // Freezer says null until there was a run, and nothing while one is on.
        let result = match (self.status, self.result) {
            (JobSessionStatus::Active, _) => None,
            (_, result) => Some(result.map_or("", |result| result.name())),
        };
        SessionDocument {
            project_id: &self.tenant,
            session_id: &self.session_id,
            user_id: &self.user,
            description: self.description.as_deref(),
            session_tag: self.tag,
            result,
            hold_off: self.hold_off,
            status: self.status.name(),
            time_started: started,
            time_ended: ended,
            time_start: started,
            time_end: ended,
            schedule: &self.schedule,
            jobs: &self.jobs,
        }
    }
}

impl SessionDocument<'_> {
    /// The document as an object, for lists to be filtered by.
    #[must_use]
    pub fn to_map(&self) -> Map<String, Value> {
        // A struct whose keys are text is an object, and cannot fail to be one.
        match serde_json::to_value(self) {
            Ok(Value::Object(map)) => map,
            _ => Map::new(),
        }
    }
}

fn by_id<S: Serializer>(jobs: &[SessionJob], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(jobs.iter().map(|job| {
        let document = JobDocument {
            client_id: &job.client_id,
            status: job.status.name(),
            result: job.result.map_or("", |result| result.name()),
            time_started: seconds(job.started_at),
            time_ended: seconds(job.ended_at),
        };
        (&job.job_id, document)
    }))
}

/// Whole seconds of a time in microseconds.
fn seconds(time: Option<i64>) -> i64 {
    time.map_or(NO_TIME, |time| time.div_euclid(1_000_000))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{RunJobStatus, RunResult},
        *,
    };

    #[test]
    fn a_session_is_shown_as_freezer_shows_it() {
        let mut session = JobSession {
            session_id: "s".to_owned(),
            tenant: "demo".to_owned(),
            user: "alice".to_owned(),
            version: 1,
            description: None,
            schedule: Map::new(),
            hold_off: 30,
            tag: 0,
            status: JobSessionStatus::Active,
            result: None,
            started_at: None,
            ended_at: None,
            jobs: vec![],
        };
        let before = json!({
            "project_id": "demo", "session_id": "s", "user_id": "alice", "description": null, "session_tag": 0,
            "result": null, "hold_off": 30, "status": "active", "time_started": -1, "time_ended": -1,
            "time_start": -1, "time_end": -1, "schedule": {}, "jobs": {},
        });
        assert_eq!(Value::Object(session.document().to_map()), before);
        session.status = JobSessionStatus::Running;
        session.tag = 1;
        session.started_at = Some(7_999_999);
        session.jobs = vec![SessionJob {
            job_id: "j".to_owned(),
            client_id: "node".to_owned(),
            status: RunJobStatus::Completed,
            result: Some(RunResult::Aborted),
            started_at: None,
            ended_at: Some(9_000_000),
        }];
        let document = session.document().to_map();
        assert_eq!(document["result"], "");
        assert_eq!(document["time_start"], 7);
        let job = json!({
            "client_id": "node", "status": "completed", "result": "aborted", "time_started": -1, "time_ended": 9,
        });
        assert_eq!(document["jobs"], json!({ "j": job }));
    }
}
