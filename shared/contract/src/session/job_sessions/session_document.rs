//! A job session as Freezer's clients see it.

use serde_json::{Map, Value, json};

use super::{JobSession, JobSessionStatus, SessionJob};

/// What stands for a time that is not.
const NO_TIME: i64 = -1;

impl JobSession {
    /// The document that clients see (`api/freezer.md` §1.3). What lists are filtered by.
    #[must_use]
    pub fn document(&self) -> Map<String, Value> {
        let (started, ended) = (seconds(self.started_at), seconds(self.ended_at));
        // Freezer says null until there was a run, and nothing while one is on.
        let result = match (self.status, self.result) {
            (JobSessionStatus::Active, _) => Value::Null,
            (_, result) => result.map_or("", |result| result.name()).into(),
        };
        let jobs: Map<String, Value> = self
            .jobs
            .iter()
            .map(|job| (job.job_id.clone(), job.document()))
            .collect();
        let members = [
            ("project_id", json!(self.tenant)),
            ("session_id", json!(self.session_id)),
            ("user_id", json!(self.user)),
            ("description", json!(self.description)),
            ("session_tag", json!(self.tag)),
            ("result", result),
            ("hold_off", json!(self.hold_off)),
            ("status", json!(self.status.name())),
            // Freezer writes the last two and documents all four.
            ("time_started", json!(started)),
            ("time_ended", json!(ended)),
            ("time_start", json!(started)),
            ("time_end", json!(ended)),
            ("schedule", Value::Object(self.schedule.clone())),
            ("jobs", Value::Object(jobs)),
        ];
        let members = members.into_iter();
        members
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    }
}

impl SessionJob {
    fn document(&self) -> Value {
        json!({
            "client_id": self.client_id,
            "status": self.status.name(),
            "result": self.result.map_or("", |result| result.name()),
            "time_started": seconds(self.started_at),
            "time_ended": seconds(self.ended_at),
        })
    }
}

/// Whole seconds of a time in microseconds.
fn seconds(time: Option<i64>) -> i64 {
    time.map_or(NO_TIME, |time| time.div_euclid(1_000_000))
}

#[cfg(test)]
mod tests {
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
        assert_eq!(Value::Object(session.document()), before);
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
        let document = session.document();
        assert_eq!(document["result"], "");
        assert_eq!(document["time_start"], 7);
        let job = json!({
            "client_id": "node", "status": "completed", "result": "aborted", "time_started": -1, "time_ended": 9,
        });
        assert_eq!(document["jobs"], json!({ "j": job }));
    }
}
