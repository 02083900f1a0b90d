//! Job events as they come, in whatever order.

use std::{sync::Arc, time::Duration};

use muster_contract::job_archive::{Job, JobState, ListJobs};
use muster_platform::{ManualClock, Timestamp, site::Site};
use muster_storage::{Database, dead_letters};
use serde_json::{Value, json};

use super::{
    Producers,
    carrying_out::{EARLY_STOP_BYTES, Fact, carry_out},
    early_stops::{ExpireEarlyStops, stop_the_awaited},
    reading::read_all,
};
use crate::{
    commands::start_job::start_jobs,
    queries::list_jobs::list_jobs,
    testing::{DAY, NOON, clusters, everything, on_both_engines, start, token},
};

const NOW: Timestamp = Timestamp::from_seconds(NOON + 1_000);

fn producers() -> Producers {
    let site = r#"
        [[project]]
        name = "demo"
        [[project]]
        name = "other"
        [[producer]]
        name = "slurm"
        project = "demo"
        job_events = "jobs"
        [[producer]]
        name = "elsewhere"
        project = "other"
        job_events = "others"
        node_states = "others"
    "#;
    Producers::of_site(&Site::parse(site, std::path::Path::new("site.toml")).unwrap())
}

fn line(function: &str, body: &Value) -> String {
    let body = body.to_string().replace('\\', "\\\\").replace('"', "\\\"");
    format!("job,function={function},hostname=slurm1 event=\"{body}\" 1675944000000000000\n")
}

fn started(number: i64, start_time: i64) -> String {
    let body = json!({
        "jobId": number, "user": "alice", "project": "physics", "cluster": "alpha", "numNodes": 1,
        "resources": [{"hostname": "a01"}], "startTime": start_time, "jobState": null,
    });
    line("start_job", &body)
}

/// As cc-slurm-adapter says it: without a start time.
fn stopped(number: i64, stop_time: i64) -> String {
    let body =
        json!({"jobId": number, "cluster": "alpha", "jobState": "failed", "stopTime": stop_time});
    line("stop_job", &body)
}

fn stopped_of(number: i64, start_time: i64, stop_time: i64) -> String {
    let body = json!({"jobId": number, "startTime": start_time, "stopTime": stop_time});
    line("stop_job", &body)
}

/// What happened, and what was refused, of messages on the subject `jobs` in one batch.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    started: Vec<i64>,
    stopped: Vec<i64>,
    refused: Vec<String>,
}

async fn take(database: &Database, messages: &[String]) -> Seen {
    take_on(database, "jobs", messages).await
}

async fn take_on(database: &Database, subject: &str, messages: &[String]) -> Seen {
    let (producers, clusters) = (producers(), clusters());
    let read: Vec<(&str, &[u8])> = messages
        .iter()
        .map(|message| (subject, message.as_bytes()))
        .collect();
    let (told, refused) = read_all(&read, &producers, &clusters, NOW);
    let mut transaction = database.begin().await.unwrap();
    let done = carry_out(&mut transaction, &clusters, &told, NOW)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let mut seen = Seen::default();
    for (_, fact) in done.facts {
        match fact {
            Fact::Started(event) => seen.started.push(event.job_id),
            Fact::Stopped(event) => seen.stopped.push(event.job_id),
        }
    }
    seen.refused = refused.into_iter().map(|refused| refused.reason).collect();
    seen.refused
        .extend(done.refused.into_iter().map(|(_, reason)| reason));
    seen
}

async fn jobs(database: &Database) -> Vec<(i64, i64, JobState, i64)> {
    let question = ListJobs { ..everything() };
    let jobs: Vec<Job> = list_jobs(database, NOW, &token(), question)
        .await
        .unwrap()
        .unwrap();
    let mut jobs: Vec<_> = jobs
        .iter()
        .map(|job| (job.job_id, job.start_time, job.state, job.duration))
        .collect();
    jobs.sort_by_key(|job| (job.0, job.1));
    jobs
}

async fn waiting(database: &Database) -> i64 {
    let mut transaction = database.begin().await.unwrap();
    let count = crate::store::early_stops::count(&mut transaction, 1_000)
        .await
        .unwrap();
    transaction.rollback().await.unwrap();
    count
}

fn done(started: &[i64], stopped: &[i64]) -> Seen {
    Seen {
        started: started.to_vec(),
        stopped: stopped.to_vec(),
        refused: vec![],
    }
}

on_both_engines! {
    async fn jobs_start_and_stop_in_whatever_order_they_are_told_of(database) {
        // Both in one message, in one batch, and the wrong way round.
        let both = started(1, NOON) + &stopped(1, NOON + 60);
        assert_eq!(take(database, &[both]).await, done(&[1], &[1]));
        assert_eq!(take(database, &[started(2, NOON), stopped(2, NOON + 60)]).await, done(&[2], &[2]));
        let wrong_way_round = take(database, &[stopped(3, NOON + 60), stopped_of(4, NOON, NOON + 9), started(3, NOON)]).await;
        assert_eq!(wrong_way_round, done(&[3], &[3]));
        assert_eq!(waiting(database).await, 1);
        // One that comes a batch later, and one that comes over HTTP.
        assert_eq!(take(database, &[started(4, NOON), stopped(5, NOON + 7)]).await, done(&[4], &[4]));
        let mut transaction = database.begin().await.unwrap();
        let caller = token();
        let command = start(5, NOON);
        let results = start_jobs(&mut transaction, &clusters(), &[(&caller, &command)]).await.unwrap();
        let job = results[0].as_ref().unwrap();
        let events = stop_the_awaited(&mut transaction, &[job]).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!((events[0].0, events[0].1.id, events[0].1.duration), (0, job.id, 7));
        assert_eq!(waiting(database).await, 0);
        let failed = |number, duration| (number, NOON, JobState::Failed, duration);
        let completed = (4, NOON, JobState::Completed, 9);
        assert_eq!(jobs(database).await, [failed(1, 60), failed(2, 60), failed(3, 60), completed, failed(5, 7)]);
    }

    async fn what_is_told_twice_is_nothing_new(database) {
        let all = [started(1, NOON), stopped(1, NOON + 60)];
        take(database, &all).await;
        assert_eq!(take(database, &all).await, Seen::default());
        assert_eq!(take(database, &all[1..]).await, Seen::default());
        let refused = take(database, &[started(1, NOON + 5), stopped(1, NOON + 30)]).await.refused;
        assert!(refused[0].contains("less than a day before"), "{refused:?}");
        assert!(refused[1].contains("has already been stopped"), "{refused:?}");
        assert_eq!(waiting(database).await, 0);
    }

    async fn a_number_that_is_used_again_is_another_job(database) {
        take(database, &[started(1, NOON), stopped(1, NOON + 60)]).await;
        // Its stop comes first, and can be of no job that is there.
        let again = take(database, &[stopped(1, NOON + 2 * DAY + 5)]).await;
        assert_eq!((again, waiting(database).await), (Seen::default(), 1));
        assert_eq!(take(database, &[started(1, NOON + 2 * DAY)]).await, done(&[1], &[1]));
        let durations: Vec<i64> = jobs(database).await.iter().map(|job| job.3).collect();
        assert_eq!(durations, [60, 5]);
        // Of a job that started after it stopped it is not the stop.
        take(database, &[stopped(9, NOON)]).await;
        assert_eq!(take(database, &[started(9, NOON + 1)]).await, done(&[9], &[]));
        assert_eq!(waiting(database).await, 1);
    }

    async fn each_subject_is_of_one_project(database) {
        take(database, &[started(1, NOON)]).await;
        // Nobody else's job is there.
        assert_eq!(take_on(database, "others", &[stopped(1, NOON + 5)]).await, Seen::default());
        assert_eq!(jobs(database).await[0].2, JobState::Running);
        let refused = take_on(database, "nobodys", &[started(2, NOON)]).await.refused;
        assert_eq!(refused, ["no producer of the site has \"nobodys\""]);
        let others = take_on(database, "others", &[started(3, NOON)]).await;
        assert_eq!((others, jobs(database).await.len()), (done(&[3], &[]), 1));
    }

    async fn what_cannot_be_done_is_said_and_the_rest_is_done(database) {
        let unknown = line("start_job", &json!({"jobId": 8, "user": "a", "cluster": "gamma", "numNodes": 1, "resources": [{"hostname": "x"}]}));
        let message = unknown + &started(1, NOON) + "job,function=start_job event=\"{\"\n"
            + &line("stop_job", &json!({"jobId": 7, "cluster": "gamma", "stopTime": 5}));
        let seen = take(database, &[message, "{}".to_owned(), stopped(1, NOON - 1)]).await;
        assert_eq!((&seen.started[..], &seen.stopped[..]), (&[1][..], &[][..]));
        assert_eq!(seen.refused.len(), 5, "{:?}", seen.refused);
        for (reason, expected) in seen.refused.iter().zip([
            "EOF while parsing", "no such cluster: gamma", "no line protocol", "no such cluster: gamma", "is before",
        ]) {
            assert!(reason.contains(expected), "{reason}");
        }
    }

    async fn states_of_nodes_are_recorded_and_the_latest_counts(database) {
        let told = |state: &str, second: i64, cluster: &str| {
            let body = json!({"cluster": cluster, "nodes": [{"hostname": "a01", "states": [state], "cpusAllocated": 4}]});
            let body = body.to_string().replace('"', "\\\"");
            format!("nodestate event=\"{body}\" {}", (NOON + second) * 1_000_000_000)
        };
        let seen = take(database, &[told("allocated", 20, "alpha"), told("idle", 10, "alpha"), told("idle", 10, "gamma")]).await;
        assert_eq!(seen.refused, ["no such cluster: gamma"]);
        let sql = "SELECT state FROM node_state WHERE hostname = 'a01'";
        let states: Vec<(String,)> = database.fetch_all(sql, &[]).await.unwrap();
        assert_eq!(states, [("allocated".to_owned(),)]);
        // One from the future does not stay.
        take(database, &[told("down", 1_000_000, "alpha"), started(1, NOON)]).await;
        let states: Vec<(String,)> = database.fetch_all(sql, &[]).await.unwrap();
        assert_eq!(states, [("down".to_owned(),)]);
    }

    async fn a_stop_does_not_wait_for_ever(database) {
        take(database, &[stopped(1, NOON), stopped(2, NOON)]).await;
        let clock = Arc::new(ManualClock::new(NOW));
        let age = Duration::from_hours(1);
        let expiry = ExpireEarlyStops { clock: clock.clone(), age };
        for (passed, letters) in [(0, 0), (3_600, 0), (3_601, 2), (9_999, 2)] {
            clock.set(NOW.plus(Duration::from_secs(passed)));
            let mut transaction = database.begin().await.unwrap();
            assert!(!expiry.expire(&mut transaction).await.unwrap());
            transaction.commit().await.unwrap();
            assert_eq!(dead_letters::count(database).await.unwrap(), letters, "{passed}");
        }
        let letters = dead_letters::list(database, None, 9, false).await.unwrap();
        assert_eq!(letters[0].subject, "jobs");
        assert!(letters.iter().any(|letter| letter.payload == stopped(1, NOON).trim().as_bytes()));
        assert!(letters[0].error.contains("within 1h"), "{}", letters[0].error);
        assert_eq!(waiting(database).await, 0);
    }

    async fn a_long_stop_does_not_wait(database) {
        let body = |length: usize| json!({"jobId": 1, "stopTime": NOON, "jobState": "failed", "cluster": "alpha"}).to_string() + &" ".repeat(length);
        let line = |length: usize| {
            let body = body(length).replace('"', "\\\"");
            format!("job,function=stop_job event=\"{body}\"")
        };
        let fits = EARLY_STOP_BYTES - line(0).len();
        assert_eq!(take(database, &[line(fits)]).await, Seen::default());
        let refused = take(database, &[line(fits + 1)]).await.refused;
        assert!(refused[0].contains("is not kept"), "{refused:?}");
        assert_eq!(waiting(database).await, 1);
    }
}
