//! Rule 3: what a commit has to say is published, once, whatever dies before it is.

use std::collections::HashSet;

use futures_util::future::join_all;
use muster_contract::headers;
use muster_testkit::{ChaosProxy, DEADLINE, eventually};

use crate::common::{
    Engine, World,
    ingress::{PATIENCE, done, new_id},
    messages::{Act, WriteNote},
    numbered, on_both_databases, see_marked,
    service::TestService,
};

on_both_databases!(
    events_are_published_once_under_ids_of_their_own,
    a_batch_may_speak_to_two_streams,
    a_service_that_dies_before_publishing_publishes_after_its_start,
    a_service_without_a_broker_publishes_when_it_is_back,
    more_events_than_may_be_in_flight_are_published,
);

async fn events_are_published_once_under_ids_of_their_own(engine: Engine) {
    let world = World::new(engine).await;
    let service = world.service().await;
    let ingress = world.ingress().await;
    let names = numbered("note", 100);
    let ids: Vec<_> = names.iter().map(|_| new_id()).collect();
    let sending = names.iter().zip(&ids).map(async |(name, id)| {
        let command = WriteNote::new(name, Act::Write);
        done(ingress.send_command(&command, *id, None, PATIENCE).await)
    });
    join_all(sending).await;
    world.see_events(&names).await;
    let rows = service.number("SELECT COUNT(*) FROM outbox").await;
    see_marked(&service, rows).await;
    let events = world.events().await;
    let mut causes = HashSet::new();
    for event in &events {
        let id = event.header(headers::MESSAGE_ID);
        assert_eq!(id, event.header(headers::BROKER_MESSAGE_ID));
        assert_eq!(
            event.header(headers::CAUSATION_ID),
            event.header(headers::CORRELATION_ID)
        );
        let schema = event.header(headers::SCHEMA);
        assert_eq!(schema, "job-archive.test-note.appeared/1");
        causes.insert(event.header(headers::CAUSATION_ID).to_owned());
    }
    let ids: HashSet<_> = ids.iter().map(ToString::to_string).collect();
    assert_eq!(causes, ids);
    // The table knows where they are.
    let places: Vec<(i64, i64, i64)> = service
        .fetch("SELECT message_count, first_sequence, last_sequence FROM outbox")
        .await;
    let count: i64 = places.iter().map(|(count, ..)| count).sum();
    assert_eq!(count, 100);
    let highest = places.iter().map(|(.., last)| *last).max();
    assert_eq!(highest, Some(100));
}

async fn a_batch_may_speak_to_two_streams(engine: Engine) {
    let world = World::new(engine).await;
    let service = world.service().await;
    let ingress = world.ingress().await;
    let names = numbered("note", 30);
    let sending = names.iter().map(async |name| {
        done(ingress.send(name, Act::WriteTwo).await);
    });
    join_all(sending).await;
    let mut all: Vec<String> = names.iter().map(|name| format!("{name}, too")).collect();
    all.extend(names);
    all.sort();
    world.see_events(&all).await;
    assert_eq!(service.names().await, all);
    world.see_all_settled().await;
}

/// Has five notes written by a service that has lost its broker in the middle of them, and returns when they are
/// committed.
async fn commit_without_broker(world: &World, service: &TestService, proxy: &ChaosProxy) {
    let ingress = world.ingress().await;
    ingress.write("first").await;
    world.see_events(&["first".to_owned()]).await;
    for name in numbered("note", 5) {
        let ingress = ingress.clone();
        tokio::spawn(async move { ingress.send(name, Act::WaitAtGate).await });
    }
    world.steering.reach_gate(1).await;
    world.see_stored(5).await;
    proxy.cut();
    eventually(DEADLINE, "the service to lose its broker", async || {
        let health = serde_json::to_string(&service.health.snapshot()).unwrap();
        health.contains("the broker is away").then_some(())
    })
    .await
    .unwrap();
    world.steering.open_gate();
    eventually(DEADLINE, "the commit", async || {
        (service.names().await.len() > 1).then_some(())
    })
    .await
    .unwrap();
}

fn all_six() -> Vec<String> {
    let mut names = numbered("note", 5);
    names.insert(0, "first".to_owned());
    names
}

async fn a_service_that_dies_before_publishing_publishes_after_its_start(engine: Engine) {
    let world = World::new(engine).await;
    let proxy = ChaosProxy::start(world.nats.address()).unwrap();
    let service = TestService::start(world.setup_through(proxy.address())).await;
    commit_without_broker(&world, &service, &proxy).await;
    service.kill();
    world.see_events(&["first".to_owned()]).await;
    let service = world.service().await;
    world.see_events(&all_six()).await;
    world.see_all_settled().await;
    assert_eq!(service.names().await, all_six());
}

async fn a_service_without_a_broker_publishes_when_it_is_back(engine: Engine) {
    let world = World::new(engine).await;
    let proxy = ChaosProxy::start(world.nats.address()).unwrap();
    let service = TestService::start(world.setup_through(proxy.address())).await;
    commit_without_broker(&world, &service, &proxy).await;
    proxy.resume();
    world.see_events(&all_six()).await;
    world.see_all_settled().await;
    assert_eq!(service.names().await, all_six());
    let rows = service.number("SELECT COUNT(*) FROM outbox").await;
    see_marked(&service, rows).await;
}

/// The client lets so many publications be on their way and no more; whoever sends all of them first and looks for the
/// acknowledgements then waits for ever.
async fn more_events_than_may_be_in_flight_are_published(engine: Engine) {
    const ROWS: usize = 70;
    const MESSAGES: usize = 256;
    let world = World::new(engine).await;
    let service = world.service().await;
    let rows = (0..ROWS).map(|row| {
        let messages = (0..MESSAGES)
            .map(|message| {
                let name = format!("{row:04} {message:04}");
                serde_json::json!({
                    "id": new_id(),
                    "subject": "muster.evt.job-archive.v1.demo.test-note.appeared",
                    "headers": [],
                    "payload": {"json": {"name": name, "padding": ""}},
                })
            })
            .collect::<Vec<_>>();
        muster_storage::outbox::NewOutboxRecord {
            id: new_id().to_string(),
            stream: "MUSTER_EVENTS".to_owned(),
            messages: serde_json::to_string(&messages).unwrap(),
            message_count: i64::try_from(MESSAGES).unwrap(),
            created_at: 0,
        }
    });
    let rows: Vec<_> = rows.collect();
    let database = service.database();
    service
        .run(async move {
            let mut transaction = database.begin().await.unwrap();
            muster_storage::outbox::append(&mut transaction, &rows)
                .await
                .unwrap();
            transaction.commit().await.unwrap();
        })
        .await;
    see_marked(&service, i64::try_from(ROWS).unwrap()).await;
    assert_eq!(world.events().await.len(), ROWS * MESSAGES);
}
