//! A command whose outcome comes later is begun once, and whoever waits for it is told, whatever dies in between.

use std::time::Duration;

use muster_messaging::SendError;
use muster_testkit::{ChaosProxy, DEADLINE, eventually};
use uuid::Uuid;

use crate::common::{
    Engine, World,
    ingress::{ClientSetup, Ingress, PATIENCE, done, new_id},
    later::Due,
    messages::{BeginNote, NoteWritten},
    on_both_databases,
    service::{Setup, TestService},
};

on_both_databases!(
    one_that_an_event_settles_is_answered,
    one_that_needs_no_time_is_answered_at_once,
    a_retry_waits_for_the_same_outcome,
    one_settled_by_a_service_that_died_before_telling_is_answered,
    one_told_over_a_connection_that_broke_is_told_again,
);

/// Nothing is due by time in these tests.
const NEVER: Duration = Duration::from_hours(1);

async fn world(engine: Engine) -> World {
    let world = World::new(engine).await;
    world.make_event_consumer().await;
    world
}

async fn service(world: &World) -> TestService {
    TestService::start(world.setup_later(NEVER, &Due::default())).await
}

type Sent = tokio::task::JoinHandle<Result<NoteWritten, SendError>>;

fn begin(ingress: &Ingress, name: &str, id: Uuid, fingerprint: Option<&'static str>) -> Sent {
    let (ingress, command) = (ingress.clone(), BeginNote::new(name));
    tokio::spawn(async move {
        let sent = ingress
            .send_command(&command, id, fingerprint, PATIENCE)
            .await;
        sent.map(|outcome| done(Ok(outcome)))
    })
}

fn note(name: &str, run: u64) -> NoteWritten {
    NoteWritten {
        name: name.to_owned(),
        run,
    }
}

async fn see_begun(service: &TestService, count: i64) {
    eventually(DEADLINE, "the command to be begun", async || {
        let begun = service.number("SELECT COUNT(*) FROM begun").await;
        (begun == count).then_some(())
    })
    .await
    .unwrap();
}

async fn see_no_addresses(service: &TestService) {
    eventually(DEADLINE, "all to be told", async || {
        let left = service.number("SELECT COUNT(*) FROM reply_addresses").await;
        (left == 0).then_some(())
    })
    .await
    .unwrap();
}

async fn one_that_an_event_settles_is_answered(engine: Engine) {
    let world = world(engine).await;
    let service = service(&world).await;
    let ingress = world.ingress().await;
    let id = new_id();
    let sent = begin(&ingress, "slow", id, None);
    see_begun(&service, 1).await;
    world.see_all_settled().await;
    assert!(!sent.is_finished());
    ingress.write("slow").await;
    assert_eq!(sent.await.unwrap().unwrap(), note("slow", 1));
    // A second event of the kind finds it settled.
    ingress.write("slow").await;
    // Asked for again it is what it was.
    let again = begin(&ingress, "slow", id, None).await.unwrap().unwrap();
    assert_eq!(again, note("slow", 1));
    see_begun(&service, 1).await;
    see_no_addresses(&service).await;
    assert!(service.dead_letters().await.is_empty());
    service.stop().await;
}

async fn one_that_needs_no_time_is_answered_at_once(engine: Engine) {
    let world = world(engine).await;
    let service = service(&world).await;
    let ingress = world.ingress().await;
    for name in ["at once", "in the same transaction"] {
        let sent = begin(&ingress, name, new_id(), None).await.unwrap();
        assert_eq!(sent.unwrap(), note(name, 1), "the first outcome stays");
    }
    see_no_addresses(&service).await;
}

async fn a_retry_waits_for_the_same_outcome(engine: Engine) {
    let world = world(engine).await;
    let service = service(&world).await;
    let ingress = world.ingress().await;
    let other = Ingress::start(ClientSetup {
        instance: "b",
        ..world.client_setup(muster_contract::Part::Ingress)
    })
    .await;
    let id = new_id();
    let first = begin(&ingress, "slow", id, Some("print"));
    see_begun(&service, 1).await;
    let second = begin(&other, "slow", id, Some("print"));
    let third = begin(&ingress, "slow", id, Some("print"));
    eventually(DEADLINE, "the second address", async || {
        let count = service.number("SELECT COUNT(*) FROM reply_addresses").await;
        (count == 2).then_some(())
    })
    .await
    .unwrap();
    let reused = begin(&other, "slow", id, Some("another")).await.unwrap();
    assert!(matches!(reused, Err(SendError::KeyReused)), "{reused:?}");
    world.see_all_settled().await;
    assert!(!first.is_finished() && !second.is_finished() && !third.is_finished());
    ingress.write("slow").await;
    for sent in [first, second, third] {
        assert_eq!(sent.await.unwrap().unwrap(), note("slow", 1));
    }
    see_begun(&service, 1).await;
}

/// Has a reaction settle a command, and stops at the moment when the outcome is stored and the service cannot tell it.
async fn settle_without_broker(world: &World, service: &TestService, proxy: &ChaosProxy) -> Sent {
    let ingress = world.ingress().await;
    let sent = begin(&ingress, "gate", new_id(), None);
    see_begun(service, 1).await;
    world.see_all_settled().await;
    ingress.write("gate").await;
    world.steering.reach_gate(1).await;
    proxy.cut();
    eventually(DEADLINE, "the service to lose its broker", async || {
        let health = serde_json::to_string(&service.health.snapshot()).unwrap();
        health.contains("the broker is away").then_some(())
    })
    .await
    .unwrap();
    world.steering.open_gate();
    eventually(DEADLINE, "the commit", async || {
        let seen = service.number("SELECT COUNT(*) FROM seen").await;
        (seen > 0).then_some(())
    })
    .await
    .unwrap();
    assert!(!sent.is_finished());
    sent
}

fn through(world: &World, proxy: &ChaosProxy) -> Setup {
    Setup {
        broker_url: format!("nats://{}", proxy.address()),
        ..world.setup_later(NEVER, &Due::default())
    }
}

async fn one_settled_by_a_service_that_died_before_telling_is_answered(engine: Engine) {
    let world = world(engine).await;
    let proxy = ChaosProxy::start(world.nats.address()).unwrap();
    let dying = TestService::start(through(&world, &proxy)).await;
    let sent = settle_without_broker(&world, &dying, &proxy).await;
    dying.kill();
    let service = service(&world).await;
    assert_eq!(sent.await.unwrap().unwrap(), note("gate", 1));
    see_no_addresses(&service).await;
    assert_eq!(service.number("SELECT COUNT(*) FROM seen").await, 1);
}

async fn one_told_over_a_connection_that_broke_is_told_again(engine: Engine) {
    let world = world(engine).await;
    let proxy = ChaosProxy::start(world.nats.address()).unwrap();
    let service = TestService::start(through(&world, &proxy)).await;
    let sent = settle_without_broker(&world, &service, &proxy).await;
    proxy.resume();
    assert_eq!(sent.await.unwrap().unwrap(), note("gate", 1));
    see_no_addresses(&service).await;
}
