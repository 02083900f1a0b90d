//! The service as it runs: commands and queries through a real broker, events out of it.

#![cfg(test)]

use std::collections::BTreeMap;

use futures_util::StreamExt;
use muster_contract::{
    Command, Outcome, Principal, Query, Role, Service,
    job_archive::{
        JobDetails, JobPage, JobStarted, JobState, JobStopped, ListJobs, NodeSharing, Resource,
        StartJob, StartJobRefusal, StopJob, StopJobRefusal, StopTarget,
    },
};
use muster_job_archive::{ArchiveFiles, ArchivePlace, MIGRATIONS, Producers, SiteClusters, start};
use muster_messaging::OutcomeOf;
use muster_platform::{Drained, Shutdown, Timestamp, settings::JobArchiveSettings};
use muster_testkit::{DEADLINE, ServiceWorld, TemporaryDirectory};

/// What a job took when the clock was here.
const START: i64 = 1_675_944_000;
const NOW: Timestamp = Timestamp::from_seconds(START + 3_600);

struct System(
    ServiceWorld,
    #[expect(dead_code, reason = "kept while the service runs")] TemporaryDirectory,
);

impl System {
    async fn start() -> Self {
        let cluster =
            r#"{"name": "alpha", "subClusters": [{"name": "main", "nodes": "a[01-10]"}]}"#;
        let clusters = SiteClusters::new(vec![cluster.to_owned()]).unwrap();
        let archive = TemporaryDirectory::new("archive").unwrap();
        let place = ArchivePlace::Directory(archive.path().to_owned());
        let files = ArchiveFiles::open(place).unwrap();
        let settings = JobArchiveSettings::default();
        let service = async |foundation, tasks: &Shutdown| {
            start(
                foundation,
                clusters,
                Producers::default(),
                files,
                &settings,
                tasks,
            )
            .await
        };
        let world = ServiceWorld::start(Service::JobArchive, &MIGRATIONS, &[], NOW, service);
        Self(world.await.unwrap(), archive)
    }

    async fn send<C: Command>(&self, command: &C) -> OutcomeOf<C> {
        self.0.send(&caller(), command).await.unwrap()
    }

    async fn ask<Q: Query>(&self, query: &Q) -> Outcome<Q::Answer, Q::Refusal> {
        self.0.ask(&caller(), query).await.unwrap()
    }
}

fn caller() -> Principal {
    Principal {
        name: "token".to_owned(),
        domain: "default".to_owned(),
        project: "demo".to_owned(),
        roles: vec![Role::Api],
    }
}

fn job() -> StartJob {
    StartJob {
        job_id: 7,
        user: "alice".to_owned(),
        project: "physics".to_owned(),
        cluster: "alpha".to_owned(),
        sub_cluster: None,
        partition: "standard".to_owned(),
        array_job_id: 0,
        num_nodes: 1,
        num_hwthreads: 72,
        num_acc: 0,
        sharing: NodeSharing::None,
        monitoring_status: 1,
        smt: 1,
        state: JobState::Running,
        duration: 0,
        walltime: 7_200,
        start_time: START,
        details: JobDetails {
            resources: vec![Resource {
                hostname: "a03".to_owned(),
                ..Resource::default()
            }],
            ..JobDetails::default()
        },
        meta_data: BTreeMap::from([("jobName".to_owned(), "relaxation".to_owned())]),
        tags: vec![],
    }
}

fn everything() -> ListJobs {
    ListJobs {
        states: vec![],
        cluster: None,
        project: None,
        start_from: None,
        start_to: None,
        page_size: Some(25),
        page: 1,
        with_meta_data: true,
    }
}

#[tokio::test]
async fn a_job_goes_in_comes_back_and_is_told_of() {
    let system = System::start().await;
    let client = system.0.client.client();
    // Seen as they are published, which for one event can be more than once; the stream has it once.
    let subject = |fact: &str| format!("muster.evt.job-archive.v1.demo.{fact}");
    let mut starts = client.subscribe(subject("job.started")).await.unwrap();
    let mut stops = client.subscribe(subject("job.stopped")).await.unwrap();
    client.flush().await.unwrap();

    let Outcome::Done(started) = system.send(&job()).await else {
        panic!("the start was refused");
    };
    let event = starts.next().await.unwrap();
    let event: JobStarted = serde_json::from_slice(&event.payload).unwrap();
    assert_eq!((event.id, event.sub_cluster.as_str()), (started.id, "main"));

    let Outcome::Done(JobPage { jobs }) = system.ask(&everything()).await else {
        panic!("the list was refused");
    };
    // It has run for an hour.
    assert_eq!((jobs[0].id, jobs[0].duration), (started.id, 3_600));
    assert_eq!(jobs[0].details, job().details);
    assert_eq!(jobs[0].meta_data, Some(job().meta_data));

    let again = system.send(&job()).await;
    let (id, job_id) = (started.id, 7);
    assert_eq!(
        again,
        Outcome::Refused(StartJobRefusal::AlreadyExists { id, job_id })
    );

    let stop = StopJob {
        target: StopTarget::Id(id),
        stop_time: START + 60,
        state: JobState::Failed,
    };
    let Outcome::Done(stopped) = system.send(&stop).await else {
        panic!("the stop was refused");
    };
    assert_eq!((stopped.state, stopped.duration), (JobState::Failed, 60));
    let event = stops.next().await.unwrap();
    let event: JobStopped = serde_json::from_slice(&event.payload).unwrap();
    assert_eq!(
        (event.id, event.stop_time, event.duration),
        (id, START + 60, 60)
    );
    let state = JobState::Failed;
    assert_eq!(
        system.send(&stop).await,
        Outcome::Refused(StopJobRefusal::NotRunning { id, job_id, state })
    );
    assert_eq!(system.0.tasks.drain(DEADLINE).await, Drained::Clean);
}
