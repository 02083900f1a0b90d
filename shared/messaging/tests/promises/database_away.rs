//! Rule 1: while the database is away commands wait; none is put aside for it.

use std::time::Duration;

use muster_storage::Location;
use muster_testkit::{ChaosProxy, DEADLINE, PostgresServer, eventually};

use crate::common::{
    Engine, World,
    ingress::done,
    messages::Act,
    numbered, on_postgres,
    service::{Setup, TestService},
};

on_postgres!(
    commands_wait_for_their_database,
    a_long_wait_is_not_taken_for_a_poisonous_command,
    a_replica_without_a_database_leaves_commands_to_the_others,
);

/// A service whose database is reached through the proxy.
async fn setup(world: &World) -> (Setup, ChaosProxy) {
    let server = PostgresServer::shared().await.unwrap().address();
    let proxy = ChaosProxy::start(server).unwrap();
    let Location::Postgres { url, schema } = world.location.clone() else {
        panic!("not on PostgreSQL");
    };
    let url = url.replace(&server.to_string(), &proxy.address().to_string());
    let setup = Setup {
        location: Location::Postgres { url, schema },
        ..world.setup()
    };
    (setup, proxy)
}

async fn see_health(service: &TestService, text: &str) {
    eventually(DEADLINE, text, async || {
        let health = serde_json::to_string(&service.health.snapshot()).unwrap();
        health.contains(text).then_some(())
    })
    .await
    .unwrap();
}

async fn commands_wait_for_their_database(engine: Engine) {
    let world = World::new(engine).await;
    let (setup, proxy) = setup(&world).await;
    let service = TestService::start(setup).await;
    let ingress = world.ingress().await;
    ingress.write("first").await;
    proxy.cut();
    let mut names = numbered("note", 100);
    let sending: Vec<_> = names
        .iter()
        .map(|name| {
            let (ingress, name) = (ingress.clone(), name.clone());
            tokio::spawn(async move { done(ingress.send(name, Act::Write).await) })
        })
        .collect();
    world.see_stored(100).await;
    see_health(&service, "the database is away").await;
    assert!(sending.iter().all(|sending| !sending.is_finished()));
    proxy.resume();
    for sending in sending {
        sending.await.unwrap();
    }
    names.insert(0, "first".to_owned());
    assert_eq!(service.names().await, names);
    assert!(service.dead_letters().await.is_empty());
    world.see_events(&names).await;
    world.see_all_settled().await;
    assert!(service.health.ready());
    let health = serde_json::to_string(&service.health.snapshot()).unwrap();
    assert!(!health.contains("away"), "{health}");
}

/// Longer than the time in which a service says that it still works on a command.
const ACKNOWLEDGE_WAIT: Duration = Duration::from_millis(1_250);

/// The wait is as long as that for many deliveries, and then the service is started anew, as a supervisor might do.
async fn a_long_wait_is_not_taken_for_a_poisonous_command(engine: Engine) {
    let world = World::new(engine).await;
    world.set_acknowledge_wait(ACKNOWLEDGE_WAIT).await;
    let (setup, proxy) = setup(&world).await;
    let service = TestService::start(setup).await;
    let ingress = world.ingress().await;
    ingress.write("first").await;
    proxy.cut();
    let mut names = numbered("note", 10);
    let sending: Vec<_> = names
        .iter()
        .map(|name| {
            let (ingress, name) = (ingress.clone(), name.clone());
            tokio::spawn(async move {
                let command = crate::common::messages::WriteNote::new(name, Act::Write);
                let id = crate::common::ingress::new_id();
                let patience = Duration::from_mins(1);
                done(ingress.send_command(&command, id, None, patience).await)
            })
        })
        .collect();
    world.see_stored(10).await;
    see_health(&service, "the database is away").await;
    tokio::time::sleep(ACKNOWLEDGE_WAIT * 9).await;
    service.kill();
    proxy.resume();
    let service = world.service().await;
    for sending in sending {
        sending.await.unwrap();
    }
    names.insert(0, "first".to_owned());
    assert_eq!(service.names().await, names);
    assert!(service.dead_letters().await.is_empty());
}

async fn a_replica_without_a_database_leaves_commands_to_the_others(engine: Engine) {
    let world = World::new(engine).await;
    let (setup, proxy) = setup(&world).await;
    let lame = TestService::start(setup).await;
    let ingress = world.ingress().await;
    ingress.write("first").await;
    proxy.cut();
    let held = tokio::spawn({
        let ingress = ingress.clone();
        async move { done(ingress.send("held", Act::Write).await) }
    });
    see_health(&lame, "the database is away").await;
    let sound = TestService::start(Setup {
        instance: "two".to_owned(),
        ..world.setup()
    })
    .await;
    for name in numbered("note", 300) {
        ingress.write(name).await;
    }
    assert!(!held.is_finished(), "it is kept by the one that took it");
    lame.kill();
    held.await.unwrap();
    assert_eq!(sound.names().await.len(), 302);
    assert!(sound.dead_letters().await.is_empty());
}
