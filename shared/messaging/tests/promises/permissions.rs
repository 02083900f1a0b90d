//! With the permissions made from the contract the parts can do their work, and nothing else.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use muster_contract::{
    AgentQuestion as _, Command, Outcome, Part, Query, Service, Signal as _,
    agent::{AgentBeat, ExecuteCode},
    dead_letters::{DeadLetterFilter, DeadLetterId},
    job_archive::{
        DiscardDeadLetter, JobPage, JobState, JobStopped, ListDeadLetters, ListJobs,
        ListJobsRefusal, ReplayDeadLetter, StartJob, StopJob, StopJobRefusal, StopTarget,
    },
    session::{self, ComputeSessionChanged},
    topology::{EVENT_STREAM, Limits},
};
use muster_messaging::{
    AnswerQuery, Asked, Broker, BrokerOptions, Effects, EventTail, HandleCommand, HandlerError,
    OutcomeOf, React, Request, Running, SendError, ServiceBuilder, topology,
};
use muster_platform::{Health, Shutdown};
use muster_storage::Transaction;
use muster_testkit::{DEADLINE, eventually};
use nkeys::KeyPair;

use crate::common::{
    Engine, World,
    handlers::Steering,
    ingress::{Ingress, PATIENCE, new_id, principal},
    keys::{Keys, foundation},
    on_both_databases,
    probe::Probe,
};

on_both_databases!(the_parts_can_do_their_work);

/// Emits an event and refuses, since a reply would need a whole job. Fails until it is repaired.
struct Stopping(Steering);

impl HandleCommand<StopJob> for Stopping {
    async fn handle(
        &self,
        _transaction: &mut Transaction,
        requests: &[Request<StopJob>],
        effects: &mut Effects,
    ) -> Result<Vec<OutcomeOf<StopJob>>, HandlerError> {
        let mut outcomes = Vec::new();
        for request in requests {
            let fails = request.body.state == JobState::Failed;
            if fails && !self.0.is_repaired() {
                return Err(HandlerError::Permanent("on purpose".to_owned()));
            }
            let event = JobStopped {
                id: 1,
                tenant: "demo".to_owned(),
                job_id: 1,
                cluster: "fritz".to_owned(),
                start_time: 1,
                stop_time: request.body.stop_time,
                duration: 1,
                state: request.body.state,
            };
            effects.emit(&request.context, &event)?;
            outcomes.push(Outcome::Refused(StopJobRefusal::NotFound));
        }
        Ok(outcomes)
    }
}

struct Listing;

impl AnswerQuery<ListJobs> for Listing {
    async fn answer(
        &self,
        _asked: Asked<ListJobs>,
    ) -> Result<Outcome<JobPage, ListJobsRefusal>, HandlerError> {
        Ok(Outcome::Done(JobPage { jobs: Vec::new() }))
    }
}

/// What the service of sessions does with an event of the job archive. One of a failed job fails until it is repaired.
#[derive(Clone)]
struct Following(Steering, Arc<Mutex<Vec<JobState>>>);

impl Following {
    /// Waits until events with these states were taken. (Some are seen twice, in a transaction that was undone.)
    async fn see(&self, states: &[JobState]) {
        eventually(DEADLINE, "the reactions", async || {
            let seen = self.1.lock().unwrap();
            states
                .iter()
                .all(|state| seen.contains(state))
                .then_some(())
        })
        .await
        .unwrap();
    }
}

impl React<JobStopped> for Following {
    async fn react(
        &self,
        _transaction: &mut Transaction,
        events: &[Request<JobStopped>],
        _effects: &mut Effects,
    ) -> Result<(), HandlerError> {
        for event in events {
            let state = event.body.state;
            if state == JobState::Failed && !self.0.is_repaired() {
                return Err(HandlerError::Permanent("on purpose".to_owned()));
            }
            self.1.lock().unwrap().push(state);
        }
        Ok(())
    }
}

fn stop_job(state: JobState) -> StopJob {
    StopJob {
        target: StopTarget::Id(1),
        stop_time: 2,
        state,
    }
}

fn list_jobs() -> ListJobs {
    ListJobs {
        states: Vec::new(),
        cluster: None,
        project: None,
        start_from: None,
        start_to: None,
        page_size: None,
        page: 1,
        with_meta_data: false,
    }
}

async fn archive(world: &World, keys: &Keys, health: &Health, shutdown: &Shutdown) -> Running {
    let foundation = foundation(world, keys, Service::JobArchive, health).await;
    ServiceBuilder::new(Service::JobArchive, foundation)
        .command::<StopJob>(Stopping(world.steering.clone()))
        .query::<ListJobs>(Listing)
        .dead_letters::<ListDeadLetters, ReplayDeadLetter, DiscardDeadLetter>()
        .run(shutdown)
        .await
        .unwrap()
}

/// The service of sessions, which reacts to events of the archive.
async fn sessions(
    world: &World,
    keys: &Keys,
    following: Following,
    health: &Health,
    shutdown: &Shutdown,
) -> Running {
    let foundation = foundation(world, keys, Service::Session, health).await;
    ServiceBuilder::new(Service::Session, foundation)
        .react::<JobStopped>(following)
        .dead_letters::<session::ListDeadLetters, session::ReplayDeadLetter, session::DiscardDeadLetter>()
        .run(shutdown)
        .await
        .unwrap()
}

async fn waiting_at_sessions(operator: &Ingress) -> Option<i64> {
    let query = session::ListDeadLetters(DeadLetterFilter {
        after: 0,
        limit: 10,
        include_replayed: false,
    });
    let Outcome::Done(page) = operator.queries.ask(&query, None, PATIENCE).await.unwrap();
    page.dead_letters.first().map(|letter| letter.id)
}

async fn the_parts_can_do_their_work(engine: Engine) {
    let keys = Keys::new();
    let mut world = World::around(keys.server().await, engine, Limits::default()).await;
    let operator = keys.client(&world, Part::Operator).await;
    topology::apply(&operator.broker, &world.limits, &[])
        .await
        .unwrap();
    let (health, shutdown) = (Health::new(), Shutdown::new());
    let _archive = archive(&world, &keys, &health, &shutdown).await;
    let repair = Steering::new();
    let following = Following(repair.clone(), Arc::default());
    let _sessions = sessions(&world, &keys, following.clone(), &health, &shutdown).await;
    let ingress = keys.client(&world, Part::Ingress).await;

    // It may listen to what the contract has it listen to; that the log at the end has to show.
    let _tail = EventTail::<ComputeSessionChanged>::start(&ingress.broker, &shutdown)
        .await
        .unwrap();
    stop(&ingress, JobState::Completed).await.unwrap();
    see_events(&operator, 1).await;
    let page = ingress
        .queries
        .ask(&list_jobs(), Some(&principal()), PATIENCE)
        .await;
    assert!(matches!(page, Ok(Outcome::Done(JobPage { jobs })) if jobs.is_empty()));

    // Dead letters.
    let outcome = stop(&ingress, JobState::Failed).await;
    assert!(
        matches!(outcome, Err(SendError::DeadLettered)),
        "{outcome:?}"
    );
    let query = ListDeadLetters(DeadLetterFilter {
        after: 0,
        limit: 10,
        include_replayed: false,
    });
    let Outcome::Done(page) = operator.queries.ask(&query, None, PATIENCE).await.unwrap();
    world.steering.repair();
    let id = page.dead_letters[0].id;
    let replay = ReplayDeadLetter(DeadLetterId { id });
    let replayed = operator
        .send_command(&replay, new_id(), None, PATIENCE)
        .await;
    assert!(matches!(replayed, Ok(Outcome::Done(_))), "{replayed:?}");
    see_events(&operator, 2).await;

    // An event of another service, put aside and taken up again.
    following.see(&[JobState::Completed]).await;
    let id = eventually(DEADLINE, "a dead letter", async || {
        waiting_at_sessions(&operator).await
    })
    .await
    .unwrap();
    repair.repair();
    let replay = session::ReplayDeadLetter(DeadLetterId { id });
    let replayed = operator
        .send_command(&replay, new_id(), None, PATIENCE)
        .await;
    assert!(matches!(replayed, Ok(Outcome::Done(_))), "{replayed:?}");
    following
        .see(&[JobState::Completed, JobState::Failed])
        .await;

    // Everything anew after the broker was away: the consumer, and a look at what is still there.
    world.nats.kill_hard().unwrap();
    world.nats.restart().await.unwrap();
    ingress.see_connected(true).await;
    stop(&ingress, JobState::Cancelled).await.unwrap();
    see_events(&operator, 3).await;
    let all = [JobState::Completed, JobState::Failed, JobState::Cancelled];
    following.see(&all).await;
    eventually(DEADLINE, "health", async || {
        let snapshot = serde_json::to_string(&health.snapshot()).unwrap();
        (!snapshot.contains("degraded") && health.ready()).then_some(())
    })
    .await
    .unwrap();

    // Any NATS client that may can discover the service.
    operator.see_connected(true).await;
    let client = operator.broker.client();
    let pong = client
        .request("$SRV.PING.job-archive", "".into())
        .await
        .unwrap();
    let pong: serde_json::Value = serde_json::from_slice(&pong.payload).unwrap();
    assert_eq!(pong["name"], "job-archive");
    let info = client
        .request("$SRV.INFO.job-archive", "".into())
        .await
        .unwrap();
    let info = String::from_utf8_lossy(&info.payload).into_owned();
    assert!(info.contains(&ListJobs::subject()), "{info}");
    shutdown.drain(DEADLINE).await;
    let log = world.nats.log();
    assert!(!log.contains("Violation"), "{log}");
}

async fn stop(ingress: &Ingress, state: JobState) -> Result<(), SendError> {
    let command = stop_job(state);
    let outcome = ingress
        .send_command(&command, new_id(), None, PATIENCE)
        .await?;
    assert_eq!(outcome, Outcome::Refused(StopJobRefusal::NotFound));
    Ok(())
}

async fn see_events(operator: &Ingress, count: u64) {
    eventually(DEADLINE, "events", async || {
        let stream = operator
            .broker
            .jetstream()
            .get_stream(EVENT_STREAM)
            .await
            .ok()?;
        (stream.cached_info().state.messages == count).then_some(())
    })
    .await
    .unwrap();
}

pub(crate) const STREAMS: [&str; 6] = [
    "$JS.API.STREAM.CREATE.MUSTER_EVENTS",
    "$JS.API.STREAM.UPDATE.MUSTER_EVENTS",
    "$JS.API.STREAM.DELETE.MUSTER_EVENTS",
    "$JS.API.STREAM.PURGE.MUSTER_EVENTS",
    "$JS.API.STREAM.MSG.DELETE.MUSTER_EVENTS",
    "$JS.API.CONSUMER.CREATE.MUSTER_COMMANDS_JOB_ARCHIVE",
];

#[tokio::test]
async fn a_service_can_do_nothing_else() {
    let keys = Keys::new();
    let server = keys.server().await;
    let mut probe = Probe::new(&keys, &server, Part::JobArchive).await;
    probe.cannot_publish(&STREAMS).await;
    probe
        .cannot_publish(&[
            "muster.cmd.session.v1.open",
            "muster.evt.session.v1.demo.opened",
            "muster.evt.job-archive.v1.demo.job.unknown",
            ListJobs::subject().as_str(),
            ExecuteCode::subject("a").as_str(),
            AgentBeat::subject("a").as_str(),
            "$JS.API.CONSUMER.DELETE.MUSTER_COMMANDS_JOB_ARCHIVE.job-archive",
            "$JS.API.STREAM.NAMES",
        ])
        .await;
    probe
        .cannot_subscribe(&[
            "muster.rpl.ingress.a",
            "_INBOX.ingress.>",
            "muster.agt.*.beat",
            "muster.agt.*.order.>",
            "muster.agt.*.ask.execute-code",
            "muster.evt.>",
            ">",
        ])
        .await;
}

#[tokio::test]
async fn the_ingress_can_do_nothing_else() {
    let keys = Keys::new();
    let server = keys.server().await;
    let mut probe = Probe::new(&keys, &server, Part::Ingress).await;
    probe.cannot_publish(&STREAMS).await;
    probe
        .cannot_publish(&[
            ReplayDeadLetter::subject().as_str(),
            DiscardDeadLetter::subject().as_str(),
            ListDeadLetters::subject().as_str(),
            "muster.cmd.job-archive.v1.unknown",
            "muster.evt.job-archive.v1.demo.job.stopped",
            "muster.rpl.ingress.a",
            AgentBeat::subject("a").as_str(),
            "muster.agt.a.ask.unknown",
            "muster.agt.a.order.stop-container",
            "$JS.API.CONSUMER.MSG.NEXT.MUSTER_COMMANDS_JOB_ARCHIVE.job-archive",
            "$JS.API.STREAM.MSG.GET.MUSTER_EVENTS",
        ])
        .await;
    probe
        .cannot_subscribe(&[
            StartJob::subject().as_str(),
            "muster.cmd.>",
            "muster.agt.*.beat",
            "muster.agt.*.ask.execute-code",
            "muster.evt.>",
            "muster.evt.session.v1.*.compute-session.unknown",
            "_INBOX.job-archive.>",
            "_INBOX.>",
            "muster.rpl.job-archive.a",
        ])
        .await;
}

#[tokio::test]
async fn strangers_are_not_let_in() {
    let keys = Keys::new();
    let server = keys.server().await;
    assert!(server.client().await.is_err());
    let world = World::around(server, Engine::Sqlite, Limits::default()).await;
    let stranger = Broker::connect(BrokerOptions {
        url: world.nats.url(),
        part: Part::Ingress,
        key_seed: Some(KeyPair::new_user().seed().unwrap()),
        instance: "a".to_owned(),
        connect_deadline: Duration::from_millis(100),
    });
    assert!(stranger.await.is_err());
}
