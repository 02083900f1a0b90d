//! Producers publish on core NATS, as cc-slurm-adapter does: what they say takes effect once, or becomes a dead letter.

#![cfg(test)]

use std::path::Path;

use futures_util::StreamExt;
use muster_contract::{
    Message, Outcome, Principal, Query, Role, Service,
    dead_letters::{DeadLetter, DeadLetterFilter, DeadLetterId},
    job_archive::{JobStarted, JobState, JobStopped, ListDeadLetters, ReplayDeadLetter},
    topology::Limits,
};
use muster_job_archive::{ArchiveFiles, ArchivePlace, MIGRATIONS, Producers, SiteClusters, start};
use muster_platform::{Drained, Shutdown, Timestamp, settings::JobArchiveSettings, site::Site};
use muster_testkit::{DEADLINE, ServiceWorld, TemporaryDirectory, eventually};

const START: i64 = 1_675_944_000;
const NOW: Timestamp = Timestamp::from_seconds(START + 3_600);

const SITE: &str = r#"
    [[project]]
    name = "demo"
    [[producer]]
    name = "slurm"
    project = "demo"
    job_events = "jobs"
"#;

/// The service with an archive of its own.
struct System {
    world: ServiceWorld,
    _archive: TemporaryDirectory,
}

impl std::ops::Deref for System {
    type Target = ServiceWorld;

    fn deref(&self) -> &ServiceWorld {
        &self.world
    }
}

async fn system() -> System {
    let cluster = r#"{"name": "alpha", "subClusters": [{"name": "main", "nodes": "a[01-10]"}]}"#;
    let clusters = SiteClusters::new(vec![cluster.to_owned()]).unwrap();
    let site = Site::parse(SITE, Path::new("site.toml")).unwrap();
    let limits = Limits {
        producers: site.producer_subjects(),
        ..Limits::default()
    };
    let producers = Producers::of_site(&site);
    let archive = TemporaryDirectory::new("archive").unwrap();
    let place = ArchivePlace::Directory(archive.path().to_owned());
    let files = ArchiveFiles::open(place).unwrap();
    let service = async |foundation, tasks: &Shutdown| {
        let settings = JobArchiveSettings::default();
        start(foundation, clusters, producers, files, &settings, tasks).await
    };
    let world =
        ServiceWorld::start_with(Service::JobArchive, &MIGRATIONS, &[], &limits, NOW, service);
    System {
        world: world.await.unwrap(),
        _archive: archive,
    }
}

fn operator() -> Principal {
    Principal {
        name: "operator".to_owned(),
        domain: "default".to_owned(),
        project: "demo".to_owned(),
        roles: vec![Role::Admin],
    }
}

async fn ask<Q: Query>(world: &ServiceWorld, query: &Q) -> Q::Answer {
    let Outcome::Done(answer) = world.ask(&operator(), query).await.unwrap() else {
        panic!("{} was refused", Q::schema());
    };
    answer
}

async fn dead_letters(world: &ServiceWorld, count: usize) -> Vec<DeadLetter> {
    let filter = DeadLetterFilter {
        after: 0,
        limit: 10,
        include_replayed: false,
    };
    eventually(DEADLINE, "dead letters", async || {
        let page = ask(world, &ListDeadLetters(filter.clone())).await;
        (page.dead_letters.len() == count).then_some(page.dead_letters)
    })
    .await
    .unwrap()
}

fn line(function: &str, body: &str) -> String {
    let body = body.replace('"', "\\\"");
    format!("job,function={function},hostname=s1 event=\"{body}\" 1675944000000000000\n")
}

fn started(number: i64) -> String {
    let body = format!(
        r#"{{"jobId":{number},"user":"alice","cluster":"alpha","numNodes":1,"resources":[{{"hostname":"a03"}}],"startTime":{START}}}"#
    );
    line("start_job", &body)
}

fn stopped(number: i64, state: &str) -> String {
    let stop = START + 60;
    let body =
        format!(r#"{{"jobId":{number},"cluster":"alpha","stopTime":{stop},"jobState":"{state}"}}"#);
    line("stop_job", &body)
}

#[tokio::test]
async fn what_producers_publish_takes_effect_or_becomes_a_dead_letter() {
    let world = system().await;
    let client = world.client.client();
    let subject = |fact: &str| format!("muster.evt.job-archive.v1.demo.{fact}");
    let mut starts = client.subscribe(subject("job.started")).await.unwrap();
    let mut stops = client.subscribe(subject("job.stopped")).await.unwrap();
    client.flush().await.unwrap();
    let publish = async |message: String| {
        client.publish("jobs", message.into()).await.unwrap();
        client.flush().await.unwrap();
    };

    // The stop first, and in a message of its own.
    publish(stopped(7, "node_fail")).await;
    publish(started(7)).await;
    let event: JobStarted = serde_json::from_slice(&starts.next().await.unwrap().payload).unwrap();
    assert_eq!((event.job_id, event.sub_cluster.as_str()), (7, "main"));
    let event: JobStopped = serde_json::from_slice(&stops.next().await.unwrap().payload).unwrap();
    assert_eq!((event.duration, event.state), (60, JobState::NodeFail));

    // Of a message with three lines, the one that is of no use is put aside.
    let bad = stopped(8, "gone");
    publish(started(8) + &bad + &started(9)).await;
    let letters = dead_letters(&world, 1).await;
    assert_eq!(letters[0].stream, "MUSTER_JOB_EVENTS");
    assert_eq!(letters[0].subject, "jobs");
    assert_eq!(letters[0].payload, bad.trim());
    assert!(
        letters[0].error.contains("invalid job state: \"gone\""),
        "{}",
        letters[0].error
    );
    let mut seen = Vec::new();
    for _ in 0..2 {
        let event = starts.next().await.unwrap();
        let event: JobStarted = serde_json::from_slice(&event.payload).unwrap();
        seen.push(event.job_id);
    }
    assert_eq!(seen, [8, 9]);

    // Published again it finds its way, and ends where it did.
    let replay = ReplayDeadLetter(DeadLetterId { id: letters[0].id });
    let outcome = world.send(&operator(), &replay).await.unwrap();
    assert!(
        matches!(outcome, Outcome::Done(_)),
        "{}",
        ReplayDeadLetter::schema()
    );
    let again = eventually(DEADLINE, "the letter again", async || {
        let mut letters = dead_letters(&world, 1).await;
        let letter = letters.pop()?;
        (letter.subject == "muster.cmd.job-archive.replayed-production").then_some(letter)
    })
    .await
    .unwrap();
    assert_eq!(again.payload, bad.trim());
    assert_eq!(world.world.tasks.drain(DEADLINE).await, Drained::Clean);
}
