//! A job and its session.

use serde_json::{Map, Value};

use super::schedule::{self, EVENT, Schedule};

/// What a job is asked when it leaves its session, as by the real server.
const AFTER_SESSION: &str = "stop";

/// A job, but for its actions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BackupJob {
    /// Its number in the table; 0 of one that is not there yet.
    pub(crate) number: i64,
    pub(crate) job_id: String,
    pub(crate) tenant: String,
    /// Who made it.
    pub(crate) user: String,
    pub(crate) client_id: String,
    /// Rises with each change.
    pub(crate) version: i64,
    /// The session that it is in.
    pub(crate) session_id: Option<String>,
    /// Tag of the session's run that it knows of; 0 = none.
    pub(crate) session_tag: i64,
    /// When it runs and how far it is, as its scheduler sees it.
    pub(crate) schedule: Schedule,
    /// Of a job in a session: the times that it had for itself.
    pub(crate) own_times: Option<Schedule>,
    /// What else there is of it.
    pub(crate) document: Map<String, Value>,
}

impl BackupJob {
    /// Comes into a session, which may be another than the one it is in: its times are the session's then.
    pub(crate) fn enter(&mut self, session_id: &str, tag: i64, session: &Schedule) {
        let own = || schedule::times(&self.schedule);
        self.own_times = Some(self.own_times.clone().unwrap_or_else(own));
        self.session_id = Some(session_id.to_owned());
        self.session_tag = tag;
        self.follow(session);
    }

    /// Takes the times of its session. Its event, status, result and how it last ran stay its own.
    pub(crate) fn follow(&mut self, session: &Schedule) {
        let own = std::mem::take(&mut self.schedule);
        self.schedule = schedule::with_times(own, session);
        self.changed();
    }

    /// Leaves its session: it has its own times again, and its scheduler is asked to stop it.
    pub(crate) fn leave(&mut self) {
        self.session_id = None;
        self.session_tag = 0;
        let own = self.own_times.take().unwrap_or_default();
        self.follow(&own);
        self.schedule.insert(EVENT.to_owned(), AFTER_SESSION.into());
    }

    /// Counts a change.
    pub(crate) fn changed(&mut self) {
        schedule::complete(&mut self.schedule);
        self.version += 1;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    pub(crate) fn map(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    pub(crate) fn job(schedule: &Value) -> BackupJob {
        BackupJob {
            number: 1,
            job_id: "j".to_owned(),
            tenant: "demo".to_owned(),
            user: "alice".to_owned(),
            client_id: "node".to_owned(),
            version: 1,
            session_id: None,
            session_tag: 0,
            schedule: map(schedule),
            own_times: None,
            document: Map::new(),
        }
    }

    #[test]
    fn its_own_times_are_kept_while_it_is_in_sessions() {
        let own = json!({"event": "start", "status": "running", "result": "", "time_created": 1, "schedule_hour": "3"});
        let mut job = job(&own);
        job.enter(
            "s",
            4,
            &map(&json!({"schedule_interval": "1 days", "status": "completed"})),
        );
        assert_eq!(
            (job.session_id.as_deref(), job.session_tag, job.version),
            (Some("s"), 4, 2)
        );
        let inside = json!({"event": "start", "status": "running", "result": "", "time_created": 1, "schedule_interval": "1 days"});
        assert_eq!(job.schedule, map(&inside));

        job.enter("other", 0, &map(&json!({"schedule_minute": "5"})));
        assert_eq!(
            (job.session_id.as_deref(), job.session_tag),
            (Some("other"), 0)
        );
        assert_eq!(
            schedule::times(&job.schedule),
            map(&json!({"schedule_minute": "5"}))
        );

        job.follow(&map(&json!({"schedule_minute": "6"})));
        assert_eq!(
            schedule::times(&job.schedule),
            map(&json!({"schedule_minute": "6"}))
        );

        job.leave();
        assert_eq!(
            (job.session_id.as_deref(), job.session_tag, &job.own_times),
            (None, 0, &None)
        );
        let after = json!({"event": "stop", "status": "running", "result": "", "time_created": 1, "schedule_hour": "3"});
        assert_eq!(job.schedule, map(&after));
        assert_eq!(job.version, 5);
    }

    #[test]
    fn event_status_and_result_are_always_there() {
        let mut job = job(&json!({}));
        job.enter("s", 0, &Schedule::new());
        assert_eq!(
            job.schedule,
            map(&json!({"event": "", "status": "", "result": ""}))
        );
    }
}
