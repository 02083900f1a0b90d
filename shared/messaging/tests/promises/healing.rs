//! Rule 4: what the broker acknowledged and lost is published again, once, whoever has filled the gap.

use muster_contract::{Message, Service, headers, topology::EVENT_STREAM};
use muster_platform::{Clock as _, SystemClock};
use muster_storage::outbox::{self, Mark, NewOutboxRecord};
use muster_testkit::{ChaosProxy, StoreSnapshot};

use crate::common::{
    Engine, World,
    ingress::{Ingress, new_id},
    messages::{Act, WriteNote},
    numbered, on_both_databases, see_marked,
    service::TestService,
};

on_both_databases!(
    the_tail_is_published_again,
    the_tail_is_published_again_when_others_have_filled_the_gap,
    the_tail_is_published_again_behind_what_another_replica_published_since,
    a_service_that_starts_later_publishes_the_tail_again,
    a_stream_that_was_deleted_meanwhile_is_filled_again,
    a_stream_that_is_deleted_before_its_publishers_eyes_is_filled_again,
    an_onward_command_that_may_be_lost_is_sent_again,
);

/// More than are looked up together.
const LOST: usize = 100;
const KEPT: usize = 20;

fn kept() -> Vec<String> {
    numbered("kept", KEPT)
}

fn all() -> Vec<String> {
    [kept(), numbered("lost", LOST)].concat()
}

/// Has notes written, each in a batch of its own, and waits until the outbox knows where their events are.
async fn write(service: &TestService, ingress: &Ingress, names: &[String]) {
    let before = service.number("SELECT COUNT(*) FROM outbox").await;
    for name in names {
        ingress.write(name).await;
    }
    see_marked(service, before + i64::try_from(names.len()).unwrap()).await;
}

/// Has the first notes written, keeps what the broker has on its disk then, and has the others written.
async fn prepare(world: &mut World, service: &TestService) -> StoreSnapshot {
    let ingress = world.ingress().await;
    write(service, &ingress, &kept()).await;
    world.see_all_settled().await;
    world.nats.stop().await.unwrap();
    let snapshot = world.nats.store_snapshot().unwrap();
    world.nats.restart().await.unwrap();
    ingress.see_connected(true).await;
    write(service, &ingress, &numbered("lost", LOST)).await;
    world.see_all_settled().await;
    world.see_events(&all()).await;
    snapshot
}

async fn lose_the_tail(world: &mut World, snapshot: &StoreSnapshot) {
    world.nats.kill_hard().unwrap();
    world.nats.restore_store(snapshot).unwrap();
    world.nats.restart().await.unwrap();
}

/// Publishes events of somebody else's.
async fn fill(world: &World, names: &[String]) {
    let context = world.jetstream().await;
    for name in names {
        let body = serde_json::json!({"name": name, "padding": ""}).to_string();
        let mut map = async_nats::HeaderMap::new();
        map.insert(headers::BROKER_MESSAGE_ID, name.as_str());
        let subject = "muster.evt.job-archive.v1.demo.test-filler";
        let publication = context.publish_with_headers(subject, map, body.into());
        publication.await.unwrap().await.unwrap();
    }
}

async fn the_tail_is_published_again(engine: Engine) {
    let mut world = World::new(engine).await;
    let service = world.service().await;
    let snapshot = prepare(&mut world, &service).await;
    lose_the_tail(&mut world, &snapshot).await;
    world.see_events(&all()).await;
    see_marked(&service, i64::try_from(KEPT + LOST).unwrap()).await;
    assert_eq!(service.names().await, all());
    // Once more: the places that are noted now are the new ones.
    lose_the_tail(&mut world, &snapshot).await;
    world.see_events(&all()).await;
}

async fn the_tail_is_published_again_when_others_have_filled_the_gap(engine: Engine) {
    let mut world = World::new(engine).await;
    let proxy = ChaosProxy::start(world.nats.address()).unwrap();
    let service = TestService::start(world.setup_through(proxy.address())).await;
    let snapshot = prepare(&mut world, &service).await;
    proxy.cut();
    lose_the_tail(&mut world, &snapshot).await;
    let fillers = numbered("filler", LOST + 50);
    fill(&world, &fillers).await;
    proxy.resume();
    world.see_events(&[all(), fillers].concat()).await;
}

async fn the_tail_is_published_again_behind_what_another_replica_published_since(engine: Engine) {
    let mut world = World::new(engine).await;
    let proxy = ChaosProxy::start(world.nats.address()).unwrap();
    let service = TestService::start(world.setup_through(proxy.address())).await;
    let snapshot = prepare(&mut world, &service).await;
    proxy.cut();
    lose_the_tail(&mut world, &snapshot).await;
    let fillers = numbered("filler", LOST + 50);
    fill(&world, &fillers).await;
    // As another replica would: published, and marked in the table that the two share.
    let place = i64::try_from(KEPT + LOST + 51).unwrap();
    let id = new_id();
    let message = serde_json::json!({
        "id": id, "subject": "x", "headers": [], "payload": {"json": {}},
    });
    insert(
        &service,
        EVENT_STREAM,
        &[message],
        place,
        SystemClock.now().as_micros(),
    )
    .await;
    fill(&world, &[id.to_string()]).await;
    proxy.resume();
    let names = [all(), fillers, vec![id.to_string()]].concat();
    world.see_events(&names).await;
}

async fn a_service_that_starts_later_publishes_the_tail_again(engine: Engine) {
    let mut world = World::new(engine).await;
    let service = world.service().await;
    let snapshot = prepare(&mut world, &service).await;
    service.stop().await;
    lose_the_tail(&mut world, &snapshot).await;
    let service = world.service().await;
    world.see_events(&all()).await;
    see_marked(&service, i64::try_from(KEPT + LOST).unwrap()).await;
}

async fn a_stream_that_was_deleted_meanwhile_is_filled_again(engine: Engine) {
    let world = World::new(engine).await;
    let proxy = ChaosProxy::start(world.nats.address()).unwrap();
    let service = TestService::start(world.setup_through(proxy.address())).await;
    let ingress = world.ingress().await;
    write(&service, &ingress, &all()).await;
    proxy.cut();
    let context = world.jetstream().await;
    context.delete_stream(EVENT_STREAM).await.unwrap();
    // The service is back before the stream is.
    proxy.resume();
    muster_testkit::eventually(
        muster_testkit::DEADLINE,
        "the service to look",
        async || {
            let health = serde_json::to_string(&service.health.snapshot()).unwrap();
            health
                .contains("checking what the broker still has")
                .then_some(())
        },
    )
    .await
    .unwrap();
    world.apply_topology().await;
    world.see_events(&all()).await;
}

async fn a_stream_that_is_deleted_before_its_publishers_eyes_is_filled_again(engine: Engine) {
    let world = World::new(engine).await;
    let service = world.service().await;
    let ingress = world.ingress().await;
    write(&service, &ingress, &kept()).await;
    let context = world.jetstream().await;
    context.delete_stream(EVENT_STREAM).await.unwrap();
    world.apply_topology().await;
    ingress.write("new").await;
    world
        .see_events(&[kept(), vec!["new".to_owned()]].concat())
        .await;
}

async fn an_onward_command_that_may_be_lost_is_sent_again(engine: Engine) {
    let world = World::new(engine).await;
    let service = world.service().await;
    let ingress = world.ingress().await;
    ingress.write("first").await;
    let now = SystemClock.now();
    let old = now.minus(std::time::Duration::from_hours(1));
    // Its place in the work queue was taken by another and that is gone, as every message is once it was carried out.
    for (name, published_at) in [("lost", now), ("carried out", old)] {
        let message = serde_json::json!({
            "id": new_id(),
            "subject": <WriteNote as muster_contract::Command>::subject(),
            "headers": [[headers::SCHEMA, WriteNote::schema()]],
            "payload": {"json": WriteNote::new(name, Act::Write)},
        });
        let stream = Service::JobArchive.command_stream();
        insert(&service, stream, &[message], 1, published_at.as_micros()).await;
    }
    service.stop().await;
    let service = world.service().await;
    let names = ["first".to_owned(), "lost".to_owned()];
    world.see_events(&names).await;
    world.see_all_settled().await;
    assert_eq!(service.names().await, names);
}

/// Adds a row that was published.
async fn insert(
    service: &TestService,
    stream: &str,
    messages: &[serde_json::Value],
    sequence: i64,
    published_at: i64,
) {
    let row = NewOutboxRecord {
        id: new_id().to_string(),
        stream: stream.to_owned(),
        messages: serde_json::to_string(messages).unwrap(),
        message_count: i64::try_from(messages.len()).unwrap(),
        created_at: published_at,
    };
    let mark = Mark {
        id: row.id.clone(),
        published_at,
        first_sequence: sequence,
        last_sequence: sequence,
    };
    let database = service.database();
    service
        .run(async move {
            let mut transaction = database.begin().await.unwrap();
            outbox::append(&mut transaction, &[row]).await.unwrap();
            outbox::mark_published(&mut transaction, &[mark])
                .await
                .unwrap();
            transaction.commit().await.unwrap();
        })
        .await;
}
