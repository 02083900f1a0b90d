//! A session, and what its owner may make of it.

use muster_contract::session::{
    JobSession, JobSessionPatch, JobSessionRefusal, JobSessionState, SessionJob,
    limits::{HOLD_OFF_LIMIT, TAG_LIMIT, is_valid_description, is_valid_document},
};
use serde_json::Value;

use super::{
    run::{Member, Runs},
    schedule::{self, Schedule},
};

/// A session.
#[expect(
    clippy::struct_field_names,
    reason = "an id that clients give is not the number in the table"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    /// Its number in the table; 0 of one that is not there yet.
    pub(crate) number: i64,
    pub(crate) session_id: String,
    pub(crate) tenant: String,
    /// Who made it.
    pub(crate) user: String,
    /// Rises with each change that its owner asks for.
    pub(crate) version: i64,
    pub(crate) description: Option<String>,
    pub(crate) schedule: Schedule,
    pub(crate) runs: Runs,
}

impl Session {
    /// A new one; `least_tag` is that of the last run under its id, which another session may have had before.
    pub(crate) fn new(
        session_id: &str,
        tenant: &str,
        user: &str,
        state: &JobSessionState,
        least_tag: i64,
    ) -> Result<Self, JobSessionRefusal> {
        check_state(state)?;
        Ok(Self {
            number: 0,
            session_id: session_id.to_owned(),
            tenant: tenant.to_owned(),
            user: user.to_owned(),
            version: 1,
            description: state.description.clone(),
            schedule: state.schedule.clone(),
            runs: Runs::new(state.hold_off, state.tag.max(least_tag)),
        })
    }

    /// All that is said of it is another.
    pub(crate) fn replace(
        &mut self,
        state: &JobSessionState,
        version: Option<i64>,
    ) -> Result<(), JobSessionRefusal> {
        self.check_version(version)?;
        check_state(state)?;
        self.description.clone_from(&state.description);
        self.schedule.clone_from(&state.schedule);
        self.runs.hold_off = state.hold_off;
        self.runs.raise_tag(state.tag);
        self.version += 1;
        Ok(())
    }

    /// Some of what is said of it is another.
    pub(crate) fn patch(
        &mut self,
        patch: &JobSessionPatch,
        version: Option<i64>,
    ) -> Result<(), JobSessionRefusal> {
        self.check_version(version)?;
        let mut schedule = self.schedule.clone();
        for (key, value) in patch.schedule.iter().flatten() {
            if value.is_null() {
                schedule.remove(key);
            } else {
                schedule.insert(key.clone(), value.clone());
            }
        }
        let description = patch.description.clone();
        let state = JobSessionState {
            description: description.unwrap_or_else(|| self.description.clone()),
            schedule,
            hold_off: patch.hold_off.unwrap_or(self.runs.hold_off),
            tag: patch.tag.unwrap_or(0),
        };
        self.replace(&state, None)
    }

    /// As its owner sees it.
    pub(crate) fn shown(&self) -> JobSession {
        let runs = &self.runs;
        JobSession {
            session_id: self.session_id.clone(),
            tenant: self.tenant.clone(),
            user: self.user.clone(),
            version: self.version,
            description: self.description.clone(),
            schedule: self.schedule.clone(),
            hold_off: runs.hold_off,
            tag: runs.tag,
            status: runs.status,
            result: runs.result,
            started_at: runs.started_at,
            ended_at: runs.ended_at,
            jobs: runs.members.iter().map(shown).collect(),
        }
    }

    fn check_version(&self, version: Option<i64>) -> Result<(), JobSessionRefusal> {
        match version {
            Some(seen) if seen != self.version => Err(JobSessionRefusal::VersionConflict {
                version: self.version,
            }),
            _ => Ok(()),
        }
    }
}

fn shown(member: &Member) -> SessionJob {
    SessionJob {
        job_id: member.job_id.clone(),
        client_id: member.client_id.clone(),
        status: member.status,
        result: member.result,
        started_at: member.started_at,
        ended_at: member.ended_at,
    }
}

fn check_state(state: &JobSessionState) -> Result<(), JobSessionRefusal> {
    let invalid = |reason: String| Err(JobSessionRefusal::Invalid { reason });
    if !(0..=HOLD_OFF_LIMIT).contains(&state.hold_off) {
        return invalid(format!("hold_off must be 0 to {HOLD_OFF_LIMIT} seconds"));
    }
    if !(0..=TAG_LIMIT).contains(&state.tag) {
        return invalid(format!("session_tag must be 0 to {TAG_LIMIT}"));
    }
    if !state
        .description
        .as_deref()
        .is_none_or(is_valid_description)
    {
        return invalid("description is too long, or has a NUL".to_owned());
    }
    if !is_valid_document(&Value::Object(state.schedule.clone())) {
        return invalid("schedule is too long, or has a NUL".to_owned());
    }
    schedule::check(&state.schedule).or_else(invalid)
}

#[cfg(test)]
mod tests {
    use muster_contract::session::limits::DESCRIPTION_LIMIT;
    use serde_json::json;

    use super::*;

    fn state() -> JobSessionState {
        JobSessionState {
            description: Some("nightly".to_owned()),
            schedule: schedule(&json!({"schedule_interval": "1 days", "schedule_hour": "3"})),
            hold_off: 30,
            tag: 0,
        }
    }

    fn schedule(value: &Value) -> Schedule {
        value.as_object().unwrap().clone()
    }

    fn session() -> Session {
        Session::new("s", "demo", "alice", &state(), 0).unwrap()
    }

    #[test]
    fn a_patch_merges() {
        let mut session = session();
        let rename = JobSessionPatch {
            description: Some(Some("weekly".to_owned())),
            ..JobSessionPatch::default()
        };
        session.patch(&rename, None).unwrap();
        assert_eq!(session.description.as_deref(), Some("weekly"));
        assert_eq!(session.schedule, state().schedule);
        assert_eq!((session.runs.hold_off, session.version), (30, 2));
        let times = JobSessionPatch {
            description: Some(None),
            schedule: Some(schedule(
                &json!({"schedule_hour": null, "schedule_minute": "5"}),
            )),
            hold_off: Some(7),
            tag: None,
        };
        session.patch(&times, Some(2)).unwrap();
        assert_eq!(session.description, None);
        let expected = json!({"schedule_interval": "1 days", "schedule_minute": "5"});
        assert_eq!(session.schedule, schedule(&expected));
        assert_eq!((session.runs.hold_off, session.version), (7, 3));
    }

    #[test]
    fn a_change_of_another_version_is_refused() {
        let mut session = session();
        let before = session.clone();
        let refusal = JobSessionRefusal::VersionConflict { version: 1 };
        let refused = session.patch(&JobSessionPatch::default(), Some(2));
        assert_eq!(refused, Err(refusal.clone()));
        assert_eq!(session.replace(&state(), Some(0)), Err(refusal));
        assert_eq!(session, before);
    }

    #[test]
    fn what_cannot_be_is_refused_and_changes_nothing() {
        let bad = [
            JobSessionState {
                hold_off: -1,
                ..state()
            },
            JobSessionState {
                hold_off: HOLD_OFF_LIMIT + 1,
                ..state()
            },
            JobSessionState { tag: -1, ..state() },
            JobSessionState {
                tag: TAG_LIMIT + 1,
                ..state()
            },
            JobSessionState {
                description: Some("x".repeat(DESCRIPTION_LIMIT + 1)),
                ..state()
            },
            JobSessionState {
                description: Some("\0".to_owned()),
                ..state()
            },
            JobSessionState {
                schedule: schedule(&json!({"schedule_moon": "full"})),
                ..state()
            },
            JobSessionState {
                schedule: schedule(&json!({"schedule_hour": "\0"})),
                ..state()
            },
        ];
        let mut session = session();
        let before = session.clone();
        for bad in bad {
            let refused = session.replace(&bad, None);
            assert!(
                matches!(refused, Err(JobSessionRefusal::Invalid { .. })),
                "{bad:?}"
            );
            assert!(Session::new("s", "demo", "alice", &bad, 0).is_err());
        }
        assert_eq!(session, before);
        let limits = JobSessionState {
            description: Some("x".repeat(DESCRIPTION_LIMIT)),
            hold_off: HOLD_OFF_LIMIT,
            tag: TAG_LIMIT,
            ..state()
        };
        session.replace(&limits, None).unwrap();
        assert_eq!(session.runs.tag, TAG_LIMIT);
    }

    #[test]
    fn a_tag_only_rises() {
        let mut session = session();
        for (given, tag) in [(5, 5), (3, 5), (0, 5), (6, 6)] {
            session
                .replace(
                    &JobSessionState {
                        tag: given,
                        ..state()
                    },
                    None,
                )
                .unwrap();
            assert_eq!(session.runs.tag, tag);
        }
        // Another session of that id had runs: their tags are not used again.
        let again = Session::new("s", "demo", "alice", &state(), 6).unwrap();
        assert_eq!(again.runs.tag, 6);
    }
}
