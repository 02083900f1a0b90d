//! Streams and consumers are those of the contract.

use std::time::Duration;

use async_nats::jetstream::{consumer::pull, stream::Config};
use muster_contract::{
    Part, Service,
    topology::{EVENT_STREAM, Limits, command_consumer, streams},
};
use muster_messaging::topology::{apply, differences, keep_applied};
use muster_platform::Shutdown;
use muster_testkit::{DEADLINE, NatsServer, eventually};

use crate::common::{Engine, World, ingress::Ingress};

async fn world() -> (World, Ingress) {
    let nats = NatsServer::start().await.unwrap();
    let world = World::around(nats, Engine::Sqlite, Limits::default()).await;
    let operator = Ingress::start(world.client_setup(Part::Operator)).await;
    (world, operator)
}

#[tokio::test]
async fn applied_it_is_there_and_applied_again_nothing_changes() {
    let (world, operator) = world().await;
    let limits = Limits::default();
    let missing = differences(&operator.broker, &limits, &[]).await.unwrap();
    assert_eq!(missing.len(), streams(&limits).len());
    assert!(missing.iter().all(|difference| difference.found.is_none()));
    for _ in 0..2 {
        apply(&operator.broker, &limits, &[]).await.unwrap();
        let differences = differences(&operator.broker, &limits, &[]).await.unwrap();
        assert_eq!(differences, []);
    }
    let context = world.jetstream().await;
    for wanted in streams(&limits) {
        let found = context.get_stream(&wanted.name).await.unwrap();
        // What the server adds of its own is no matter of the contract.
        let found = found.cached_info().config.clone();
        let found = Config {
            metadata: wanted.metadata.clone(),
            max_messages: wanted.max_messages,
            max_messages_per_subject: wanted.max_messages_per_subject,
            max_message_size: wanted.max_message_size,
            max_consumers: wanted.max_consumers,
            consumer_limits: wanted.consumer_limits.clone(),
            compression: wanted.compression.clone(),
            allow_direct: wanted.allow_direct,
            ..found
        };
        assert_eq!(found, wanted);
    }
    let stream = context
        .get_stream(Service::JobArchive.command_stream())
        .await
        .unwrap();
    let info = stream.consumer_info("job-archive").await.unwrap().config;
    let wanted = command_consumer(Service::JobArchive);
    assert_eq!(info.durable_name, wanted.durable_name);
    assert_eq!(info.ack_policy, wanted.ack_policy);
    assert_eq!(info.ack_wait, wanted.ack_wait);
    assert_eq!(info.max_ack_pending, wanted.max_ack_pending);
    assert_eq!(info.max_deliver, wanted.max_deliver);
}

#[tokio::test]
async fn what_differs_is_told_and_put_right_without_loss() {
    let (world, operator) = world().await;
    let limits = Limits::default();
    apply(&operator.broker, &limits, &[]).await.unwrap();
    let context = world.jetstream().await;
    let publication = context.publish("muster.evt.job-archive.v1.x.y", "{}".into());
    publication.await.unwrap().await.unwrap();
    let changed = Limits {
        event_bytes: limits.event_bytes / 2,
        event_age: Duration::from_hours(1),
        ..limits
    };
    let found = differences(&operator.broker, &changed, &[]).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].stream, EVENT_STREAM);
    let text = found[0].found.as_deref().unwrap();
    assert!(
        text.contains("max_bytes is 4294967296 instead of 2147483648"),
        "{text}"
    );
    assert!(
        text.contains("max_age is 604800s instead of 3600s"),
        "{text}"
    );
    apply(&operator.broker, &changed, &[]).await.unwrap();
    assert_eq!(
        differences(&operator.broker, &changed, &[]).await.unwrap(),
        []
    );
    let stream = context.get_stream(EVENT_STREAM).await.unwrap();
    assert_eq!(stream.cached_info().state.messages, 1);
}

#[tokio::test]
async fn a_consumer_that_differs_is_told_and_put_right() {
    let (world, operator) = world().await;
    let limits = Limits::default();
    apply(&operator.broker, &limits, &[]).await.unwrap();
    let context = world.jetstream().await;
    let name = Service::JobArchive.command_stream();
    let config = pull::Config {
        max_deliver: 3,
        ..command_consumer(Service::JobArchive)
    };
    context
        .create_consumer_on_stream(config, name)
        .await
        .unwrap();
    let found = differences(&operator.broker, &limits, &[]).await.unwrap();
    let text = found[0].found.as_deref().unwrap();
    assert_eq!(
        text,
        "consumer job-archive's max_deliver is 3 instead of -1"
    );
    apply(&operator.broker, &limits, &[]).await.unwrap();
    assert_eq!(
        differences(&operator.broker, &limits, &[]).await.unwrap(),
        []
    );
    let stream = context.get_stream(name).await.unwrap();
    stream.delete_consumer("job-archive").await.unwrap();
    let found = differences(&operator.broker, &limits, &[]).await.unwrap();
    let text = found[0].found.as_deref().unwrap();
    assert_eq!(text, "consumer job-archive is missing");
}

#[tokio::test]
async fn kept_applied_it_comes_back_after_the_broker_lost_everything() {
    let (mut world, operator) = world().await;
    let limits = Limits::default();
    let shutdown = Shutdown::new();
    let keeping = keep_applied(
        operator.broker.clone(),
        limits.clone(),
        Vec::new(),
        shutdown.token(),
    );
    shutdown.spawn("topology", keeping);
    let see_it = async || {
        eventually(DEADLINE, "streams and consumers", async || {
            let differences = differences(&operator.broker, &limits, &[]).await.ok()?;
            differences.is_empty().then_some(())
        })
        .await
        .unwrap();
    };
    see_it().await;
    world.nats.kill_hard().unwrap();
    std::fs::remove_dir_all(world.nats.store_directory()).unwrap();
    world.nats.restart().await.unwrap();
    see_it().await;
    shutdown.drain(DEADLINE).await;
}

#[tokio::test]
async fn each_agent_has_a_consumer_of_its_own() {
    let (_world, operator) = world().await;
    let limits = Limits::default();
    let agents = ["a", "n1.dusty"].map(str::to_owned);
    apply(&operator.broker, &limits, &agents[..1])
        .await
        .unwrap();
    let found = differences(&operator.broker, &limits, &agents)
        .await
        .unwrap();
    let [difference] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(difference.stream, "MUSTER_AGENTS");
    let text = "consumer n1%2Edusty is missing";
    assert_eq!(difference.found.as_deref(), Some(text));
    apply(&operator.broker, &limits, &agents).await.unwrap();
    let found = differences(&operator.broker, &limits, &agents).await;
    assert_eq!(found.unwrap(), []);
    // One that is no more is left alone.
    apply(&operator.broker, &limits, &[]).await.unwrap();
    let found = differences(&operator.broker, &limits, &agents).await;
    assert_eq!(found.unwrap(), []);
}
