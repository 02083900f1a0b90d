//! Events take effect once in the services they are for, and one that cannot be processed holds up no others.

use std::time::Duration;

use futures_util::future::join_all;
use muster_contract::{Outcome, Part, dead_letters::DeadLetterId, job_archive::ReplayDeadLetter};
use muster_testkit::{ChaosProxy, DEADLINE, eventually};

use crate::common::{
    Engine, World,
    ingress::{Ingress, PATIENCE, new_id},
    later::Due,
    messages::Act,
    numbered, on_both_databases, on_postgres,
    service::{Setup, TestService},
};

on_both_databases!(
    events_take_effect_once_whoever_dies,
    a_service_that_is_new_catches_up,
    one_that_fails_is_put_aside_and_can_be_replayed,
);

const NEVER: Duration = Duration::from_hours(1);

async fn world(engine: Engine) -> World {
    let world = World::new(engine).await;
    world.make_event_consumer().await;
    world
}

fn setup(world: &World) -> Setup {
    world.setup_later(NEVER, &Due::default())
}

async fn seen(service: &TestService) -> Vec<String> {
    let mut names: Vec<String> = service
        .fetch::<(String,)>("SELECT name FROM seen")
        .await
        .into_iter()
        .map(|(name,)| name)
        .collect();
    names.sort();
    names
}

async fn see_seen(service: &TestService, names: &[String]) {
    let mut last = Vec::new();
    let all = eventually(DEADLINE, "the reactions", async || {
        last = seen(service).await;
        (last.len() >= names.len()).then_some(())
    })
    .await;
    assert!(all.is_ok(), "{last:?}");
    assert_eq!(last, names);
}

/// Waits until the consumer has nothing left.
async fn see_all_taken(world: &World) {
    let context = world.jetstream().await;
    eventually(DEADLINE, "no event to be left", async || {
        let stream = context.get_stream("MUSTER_EVENTS").await.unwrap();
        let info = stream.consumer_info("job-archive").await.unwrap();
        (info.num_pending == 0 && info.num_ack_pending == 0).then_some(())
    })
    .await
    .unwrap();
}

async fn write_all(ingress: &Ingress, names: &[String]) {
    join_all(names.iter().map(|name| ingress.write(name))).await;
}

async fn events_take_effect_once_whoever_dies(engine: Engine) {
    let world = world(engine).await;
    // First the events: a reaction at the gate may hold the only transaction that can write.
    let without = world.service().await;
    let ingress = world.ingress().await;
    let mut names = numbered("gate", 30);
    write_all(&ingress, &names).await;
    world.see_events(&names).await;
    without.stop().await;
    let proxy = ChaosProxy::start(world.nats.address()).unwrap();
    let dying = TestService::start(Setup {
        broker_url: format!("nats://{}", proxy.address()),
        ..setup(&world)
    })
    .await;
    world.steering.reach_gate(1).await;
    // Committed without an acknowledgement that reaches the broker: all of it comes again.
    proxy.cut();
    world.steering.open_gate();
    eventually(DEADLINE, "a commit", async || {
        (!seen(&dying).await.is_empty()).then_some(())
    })
    .await
    .unwrap();
    dying.kill();
    let service = TestService::start(setup(&world)).await;
    let more = numbered("note", 30);
    write_all(&ingress, &more).await;
    names.extend(more);
    see_seen(&service, &names).await;
    see_all_taken(&world).await;
    assert_eq!(seen(&service).await, names);
    assert!(service.dead_letters().await.is_empty());
}

async fn a_service_that_is_new_catches_up(engine: Engine) {
    let world = world(engine).await;
    let without = world.service().await;
    let ingress = world.ingress().await;
    let names = numbered("note", 100);
    write_all(&ingress, &names).await;
    world.see_events(&names).await;
    assert!(seen(&without).await.is_empty());
    without.stop().await;
    let service = TestService::start(setup(&world)).await;
    see_seen(&service, &names).await;
    see_all_taken(&world).await;
    service.stop().await;
}

async fn one_that_fails_is_put_aside_and_can_be_replayed(engine: Engine) {
    let world = world(engine).await;
    let service = TestService::start(setup(&world)).await;
    let ingress = world.ingress().await;
    let mut names = numbered("note", 20);
    let ((), poison) = tokio::join!(
        write_all(&ingress, &names),
        ingress.send("poison", Act::Write)
    );
    assert!(matches!(poison, Ok(Outcome::Done(_))), "{poison:?}");
    see_seen(&service, &names).await;
    let filed = eventually(DEADLINE, "a dead letter", async || {
        service.dead_letters().await.pop()
    })
    .await
    .unwrap();
    assert_eq!(filed.1, "on purpose");
    see_all_taken(&world).await;
    let before = world.events().await.len();

    world.steering.repair();
    let operator = Ingress::start(world.client_setup(Part::Operator)).await;
    for _ in 0..2 {
        let replay = ReplayDeadLetter(DeadLetterId { id: filed.0 });
        let replayed = operator
            .send_command(&replay, new_id(), None, PATIENCE)
            .await;
        assert!(matches!(replayed, Ok(Outcome::Done(_))), "{replayed:?}");
    }
    names.push("poison".to_owned());
    see_seen(&service, &names).await;
    world.see_all_settled().await;
    assert_eq!(seen(&service).await, names, "replayed twice it counts once");
    assert!(service.dead_letters().await.is_empty());
    assert_eq!(
        world.events().await.len(),
        before,
        "it concerns nobody else once more"
    );
}

mod two_replicas {
    use super::*;

    on_postgres!(they_share_the_events);

    async fn they_share_the_events(engine: Engine) {
        let world = world(engine).await;
        let one = TestService::start(setup(&world)).await;
        let two = TestService::start(Setup {
            instance: "two".to_owned(),
            ..setup(&world)
        })
        .await;
        let ingress = world.ingress().await;
        let names = numbered("note", 300);
        for names in names.chunks(50) {
            write_all(&ingress, names).await;
        }
        see_seen(&one, &names).await;
        see_all_taken(&world).await;
        assert_eq!(seen(&two).await, names);
        assert!(one.dead_letters().await.is_empty());
        two.stop().await;
        one.stop().await;
    }
}
