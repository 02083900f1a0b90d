//! Stopping in order: what is under way is finished and published, and the rest goes to the next instance without delay.

use std::time::Duration;

use futures_util::future::join_all;
use muster_storage::{Database, StorageOptions, outbox};
use muster_testkit::{DEADLINE, eventually};

use crate::common::{
    Engine, World, ingress::done, messages::Act, numbered, on_both_databases, service::MIGRATIONS,
};

on_both_databases!(
    the_batch_at_hand_is_finished_and_the_rest_is_given_back,
    a_service_may_be_stopped_at_any_time,
);

async fn the_batch_at_hand_is_finished_and_the_rest_is_given_back(engine: Engine) {
    let world = World::new(engine).await;
    // Longer than anybody here waits: what is not given back, nobody gets.
    world.set_acknowledge_wait(Duration::from_mins(10)).await;
    let service = world.service().await;
    let ingress = world.ingress().await;
    ingress.write("first").await;
    let held = tokio::spawn({
        let ingress = ingress.clone();
        async move { done(ingress.send("held", Act::WaitAtGate).await) }
    });
    world.steering.reach_gate(1).await;
    // Fetched ahead, more than one batch of them, and not to be touched any more.
    let mut names = numbered("note", 150);
    let rest: Vec<_> = names
        .iter()
        .map(|name| {
            let (ingress, name) = (ingress.clone(), name.clone());
            tokio::spawn(async move { done(ingress.send(name, Act::Write).await) })
        })
        .collect();
    world.see_stored(151).await;
    service.trigger();
    world.steering.open_gate();
    service.stop().await;
    held.await.unwrap();
    assert_eq!(world.steering.runs(), 2, "nothing new was taken up");
    world
        .see_events(&["first".to_owned(), "held".to_owned()])
        .await;
    assert_eq!(unpublished(&world).await, 0, "nothing is left to a sweep");
    let service = world.service().await;
    join_all(rest).await;
    names.extend(["first".to_owned(), "held".to_owned()]);
    names.sort();
    assert_eq!(service.names().await, names);
    world.see_all_settled().await;
}

async fn unpublished(world: &World) -> i64 {
    let options = StorageOptions::new(world.location.clone());
    let database = Database::open(&options, &MIGRATIONS).await.unwrap();
    let (rows, _) = outbox::unpublished_stats(&database).await.unwrap();
    database.close().await;
    rows
}

async fn a_service_may_be_stopped_at_any_time(engine: Engine) {
    const SENDERS: usize = 8;
    let world = World::new(engine).await;
    let ingress = world.ingress().await;
    let names = numbered("note", 800);
    let senders: Vec<_> = names
        .chunks(names.len() / SENDERS)
        .map(|names| {
            let (ingress, names) = (ingress.clone(), names.to_vec());
            tokio::spawn(async move {
                for name in names {
                    ingress.write(name).await;
                }
            })
        })
        .collect();
    for some in [100, 300, 500] {
        let service = world.service().await;
        eventually(DEADLINE, "some notes", async || {
            (service.number("SELECT COUNT(*) FROM notes").await >= some).then_some(())
        })
        .await
        .unwrap();
        service.stop().await;
    }
    let service = world.service().await;
    for sender in senders {
        sender.await.unwrap();
    }
    assert_eq!(service.names().await, names);
    assert!(service.dead_letters().await.is_empty());
    world.see_events(&names).await;
    world.see_all_settled().await;
}
