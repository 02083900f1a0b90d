use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::job_sessions::domain::backup_job::tests::{job, map};

fn change(document: &Value) -> JobChange {
    JobChange::read(&map(document)).unwrap()
}

#[test]
fn a_new_job_has_what_schedulers_look_at() {
    let document = json!({"client_id": "node", "job_actions": [], "session_id": "s", "session_tag": 7, "job_schedule": {"schedule_hour": "3"}});
    let job = change(&document).new_job("demo", "j", "alice", 1_700_000_000_999_999);
    let expected = json!({
        "event": "", "status": "", "result": "", "schedule_hour": "3",
        "time_created": 1_700_000_000, "time_started": -1, "time_ended": -1,
    });
    assert_eq!(job.schedule, map(&expected));
    // It comes into a session by being added to it.
    assert_eq!((job.session_id, job.session_tag, job.version), (None, 0, 1));
    assert_eq!(job.document, map(&json!({"description": null})));
}

#[test]
fn what_is_no_job_is_refused() {
    for bad in [
        json!({"name": "x"}),
        json!({"job_id": ""}),
        json!({"job_id": 1}),
        json!({"client_id": "no de"}),
        json!({"job_schedule": []}),
        json!({"job_schedule": {"event": "dance"}}),
        json!({"job_actions": {}}),
        json!({"job_actions": [1]}),
        json!({"job_actions": [{"action_id": "a b"}]}),
        json!({"job_actions": vec![json!({}); JOB_ACTION_LIMIT + 1]}),
        json!({"description": 1}),
        json!({"description": "x".repeat(256)}),
        json!({"description": "\0"}),
        json!({"session_tag": "1"}),
        json!({"session_id": 1}),
        json!({"_version": null}),
        json!({"action_defaults": {"mode": "tape"}}),
        json!({"user_credentials": {"trust_id": "t"}}),
    ] {
        assert!(JobChange::read(&map(&bad)).is_err(), "{bad}");
    }
    let most = json!({"job_actions": vec![json!({}); JOB_ACTION_LIMIT]});
    assert!(JobChange::read(&map(&most)).is_ok());
    assert!(change(&json!({"client_id": "node"})).check_whole().is_err());
    assert!(change(&json!({"job_actions": []})).check_whole().is_err());
}

#[test]
fn a_bare_rename_keeps_everything_else() {
    let schedule =
        json!({"event": "start", "status": "running", "result": "", "schedule_hour": "3"});
    let mut there = job(&schedule);
    there.document = map(&json!({"description": "old", "action_defaults": {"mode": "fs"}}));
    change(&json!({"description": "new"})).patch(&mut there);
    assert_eq!(there.schedule, map(&schedule));
    let document = json!({"description": "new", "action_defaults": {"mode": "fs"}});
    assert_eq!((there.document.clone(), there.version), (map(&document), 2));
    change(&json!({"description": null})).patch(&mut there);
    assert_eq!(there.document["description"], Value::Null);
}

#[test]
fn a_patch_merges_the_schedule_key_by_key() {
    let mut there =
        job(&json!({"event": "start", "status": "", "result": "", "schedule_hour": "3"}));
    let patch = json!({"job_schedule": {"status": "running", "event": "", "schedule_minute": "5", "current_pid": 7}});
    change(&patch).patch(&mut there);
    let expected = json!({"event": "", "status": "running", "result": "", "schedule_hour": "3", "schedule_minute": "5", "current_pid": 7});
    assert_eq!(there.schedule, map(&expected));
}

#[test]
fn a_scheduler_s_copy_does_not_undo_the_session() {
    let mut there = job(&json!({"schedule_hour": "3"}));
    there.enter("s", 4, &map(&json!({"schedule_interval": "1 days"})));
    // It has not seen that the job is in a session.
    let copy = json!({"job_schedule": {"event": "", "status": "running", "schedule_hour": "3"}, "session_id": "", "session_tag": 0});
    change(&copy).patch(&mut there);
    assert_eq!(
        (there.session_id.as_deref(), there.session_tag),
        (Some("s"), 4)
    );
    assert_eq!(
        schedule::times(&there.schedule),
        map(&json!({"schedule_interval": "1 days"}))
    );
    assert_eq!(there.schedule["status"], json!("running"));
    // Now it has.
    change(&json!({"session_id": "s", "session_tag": 5})).patch(&mut there);
    assert_eq!(there.session_tag, 5);
    // It has not seen that the job has left the session.
    there.leave();
    let copy = json!({"job_schedule": {"event": "", "status": "scheduled", "schedule_interval": "1 days"}, "session_id": "s", "session_tag": 5});
    change(&copy).patch(&mut there);
    assert_eq!((there.session_id.as_deref(), there.session_tag), (None, 0));
    assert_eq!(
        schedule::times(&there.schedule),
        map(&json!({"schedule_hour": "3"}))
    );
    assert_eq!(there.schedule["status"], json!("scheduled"));
}

#[test]
fn one_in_the_place_of_another_stays_in_the_session() {
    let mut there = job(&json!({"schedule_hour": "3", "time_created": 5}));
    there.enter("s", 4, &map(&json!({"schedule_interval": "1 days"})));
    let document = json!({"client_id": "other", "job_actions": [], "description": "d", "job_schedule": {"schedule_minute": "9"}});
    change(&document).replace(&mut there);
    assert_eq!(
        (there.client_id.as_str(), there.session_id.as_deref()),
        ("other", Some("s"))
    );
    assert_eq!(there.schedule["schedule_interval"], json!("1 days"));
    assert_eq!(there.schedule["time_created"], json!(5));
    let copy = json!({"client_id": "other", "job_actions": [], "session_id": "s", "job_schedule": there.schedule.clone()});
    change(&copy).replace(&mut there);
    there.leave();
    assert_eq!(
        schedule::times(&there.schedule),
        map(&json!({"schedule_minute": "9"}))
    );
}

#[test]
fn signals() {
    let mut there = job(&json!({"event": "", "status": "completed", "result": "fail"}));
    assert!(signal(&mut there, JobSignal::Stop));
    assert_eq!(
        there.schedule,
        map(&json!({"event": "stop", "status": "completed", "result": "fail"}))
    );
    assert!(!signal(&mut there, JobSignal::Stop));
    assert!(signal(&mut there, JobSignal::Start));
    assert_eq!(
        there.schedule,
        map(&json!({"event": "start", "status": "", "result": ""}))
    );
    assert!(!signal(&mut there, JobSignal::Start));
    assert!(signal(&mut there, JobSignal::Abort));
    assert_eq!(there.version, 4);
}

/// Something that happens to a job.
#[derive(Debug, Clone)]
enum Step {
    Enter(&'static str),
    Leave,
    /// The hour and the session of a patch.
    Patch(Option<u8>, Option<&'static str>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let session = || prop_oneof![Just("s"), Just("t")];
    let said = prop_oneof![Just(None), Just(Some("")), Just(Some("s")), Just(Some("t"))];
    let step = prop_oneof![
        session().prop_map(Step::Enter),
        Just(Step::Leave),
        (prop::option::of(0..24_u8), said).prop_map(|(hour, session)| Step::Patch(hour, session)),
    ];
    prop::collection::vec(step, 0..24)
}

proptest! {
    #[test]
    fn a_job_never_loses_its_own_times_nor_the_keys_of_schedulers(steps in steps()) {
        let mut there = job(&json!({"schedule_hour": "0"}));
        // The model: the hour that the job has for itself, and where it is.
        let (mut own, mut session) = ("0".to_owned(), "");
        let mut version = there.version;
        for step in steps {
            match step {
                Step::Enter(name) => {
                    there.enter(name, 1, &map(&json!({"schedule_hour": name})));
                    session = name;
                }
                Step::Leave if session.is_empty() => continue,
                Step::Leave => {
                    there.leave();
                    session = "";
                }
                Step::Patch(hour, said) => {
                    let mut patch = json!({"job_schedule": {}});
                    if let Some(hour) = hour {
                        patch["job_schedule"]["schedule_hour"] = json!(hour.to_string());
                    }
                    if let Some(said) = said {
                        patch["session_id"] = json!(said);
                    }
                    change(&patch).patch(&mut there);
                    if session.is_empty() && said.is_none_or(str::is_empty) {
                        own = hour.map_or(own, |hour| hour.to_string());
                    }
                }
            }
            let shown = if session.is_empty() { own.as_str() } else { session };
            prop_assert_eq!(&there.schedule["schedule_hour"], &json!(shown));
            prop_assert_eq!(there.session_id.as_deref().unwrap_or_default(), session);
            for key in [EVENT, STATUS, RESULT] {
                prop_assert!(there.schedule[key].is_string());
            }
            prop_assert!(there.version > version);
            version = there.version;
        }
    }
}
