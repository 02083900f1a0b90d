//! Rule 7: whoever sends a command is told what became of it, or why that is not known.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use muster_contract::{Part, topology::Limits};
use muster_messaging::SendError;
use muster_testkit::{ChaosProxy, DEADLINE, NatsServer, eventually};

use crate::common::{
    Engine, World,
    ingress::{AT_ONCE, ClientSetup, Ingress, PATIENCE, done, new_id},
    messages::{Act, WriteNote},
    numbered, on_both_databases,
};

on_both_databases!(
    a_broker_that_is_away_is_told_at_once,
    a_full_stream_is_told_and_nothing_is_lost,
    a_full_list_of_waiters_is_told,
    after_the_deadline_it_still_runs_and_its_outcome_is_kept,
    the_shortest_deadlines_do_no_harm,
    a_command_that_is_too_long_is_refused,
    a_command_waits_for_its_stream,
    a_lost_reply_is_asked_for_again,
    a_broker_that_is_killed_loses_and_doubles_nothing,
);

async fn a_broker_that_is_away_is_told_at_once(engine: Engine) {
    let mut world = World::new(engine).await;
    let service = world.service().await;
    let ingress = world.ingress().await;
    world.nats.kill_hard().unwrap();
    ingress.see_connected(false).await;
    let started = Instant::now();
    let outcome = ingress.send("note", Act::Write).await;
    assert!(matches!(outcome, Err(SendError::BrokerAway)), "{outcome:?}");
    assert!(started.elapsed() < AT_ONCE);
    world.nats.restart().await.unwrap();
    ingress.see_connected(true).await;
    ingress.write("another").await;
    assert_eq!(service.names().await, ["another"], "nothing was sent");
}

async fn a_full_stream_is_told_and_nothing_is_lost(engine: Engine) {
    let limits = Limits {
        job_archive_command_bytes: 64 * 1024,
        ..Limits::default()
    };
    let world = World::with_limits(engine, limits).await;
    let ingress = world.ingress().await;
    let names: Vec<String> = numbered(&"x".repeat(8 * 1024), 16);
    // Time enough for the broker's word on each of them.
    let deadline = Duration::from_secs(3);
    let outcomes = join_all(names.iter().map(|name| {
        let command = WriteNote::new(name, Act::Write);
        let ingress = ingress.clone();
        async move {
            ingress
                .send_command(&command, new_id(), None, deadline)
                .await
        }
    }))
    .await;
    let mut stored = Vec::new();
    for (name, outcome) in names.iter().zip(outcomes) {
        match outcome {
            Err(SendError::StillRunning { .. }) => stored.push(name.clone()),
            Err(SendError::StreamFull) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!((1..16).contains(&stored.len()), "{} stored", stored.len());
    assert_eq!(world.stored().await, u64::try_from(stored.len()).unwrap());
    let service = world.service().await;
    world.see_all_settled().await;
    assert_eq!(service.names().await, stored);
    ingress.write("another").await;
}

async fn a_full_list_of_waiters_is_told(engine: Engine) {
    let world = World::new(engine).await;
    let ingress = Ingress::start(ClientSetup {
        waiter_limit: 4,
        ..world.client_setup(Part::Ingress)
    })
    .await;
    let names = numbered("note", 4);
    let waiting: Vec<_> = names
        .iter()
        .map(|name| {
            let (ingress, name) = (ingress.clone(), name.clone());
            tokio::spawn(async move { ingress.write(name).await })
        })
        .collect();
    ingress.see_waiting(4).await;
    let outcome = ingress.send("too many", Act::Write).await;
    let Err(SendError::TooManyWaiters { limit: 4 }) = outcome else {
        panic!("{outcome:?}");
    };
    let service = world.service().await;
    for waiting in waiting {
        waiting.await.unwrap();
    }
    assert_eq!(ingress.commands.waiting(), 0);
    ingress.write("one more").await;
    assert_eq!(service.names().await.len(), 5);
}

async fn after_the_deadline_it_still_runs_and_its_outcome_is_kept(engine: Engine) {
    let world = World::new(engine).await;
    let ingress = world.ingress().await;
    let id = new_id();
    let command = WriteNote::new("note", Act::WaitAtGate);
    let send = async |deadline| {
        ingress
            .send_command(&command, id, Some("a"), deadline)
            .await
    };
    let still_running = async || {
        let started = Instant::now();
        let outcome = send(Duration::from_millis(300)).await;
        let Err(SendError::StillRunning { id: running }) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(running, id);
        assert!(started.elapsed() < AT_ONCE);
    };
    // Nobody takes it; then somebody takes it and does not come to an end.
    still_running().await;
    let service = world.service().await;
    world.steering.reach_gate(1).await;
    still_running().await;
    let opening = async {
        ingress.see_waiting(1).await;
        world.steering.open_gate();
    };
    let (outcome, ()) = tokio::join!(send(PATIENCE), opening);
    let outcome = done(outcome);
    assert_eq!(done(send(PATIENCE).await), outcome);
    assert_eq!(service.names().await, ["note"]);
    world.see_all_settled().await;
}

async fn the_shortest_deadlines_do_no_harm(engine: Engine) {
    let mut world = World::new(engine).await;
    let ingress = world.ingress().await;
    let command = WriteNote::new("note", Act::Write);
    for nanoseconds in [0, 1, 1_000, 1_000_000] {
        let deadline = Duration::from_nanos(nanoseconds);
        let outcome = ingress
            .send_command(&command, new_id(), None, deadline)
            .await;
        assert!(
            matches!(outcome, Err(SendError::StillRunning { .. })),
            "{outcome:?}"
        );
    }
    let context = world.jetstream().await;
    let stream = muster_contract::Service::JobArchive.command_stream();
    context.delete_stream(stream).await.unwrap();
    see_no_stream(&ingress, Duration::from_millis(50)).await;
    world.nats.stop().await.unwrap();
}

/// Sends, with so short a deadline, until the answer is that nothing was sent. Where the broker's word that there is no
/// stream comes after the deadline, nobody can know.
async fn see_no_stream(ingress: &Ingress, deadline: Duration) {
    let command = WriteNote::new("nowhere", Act::Write);
    eventually(DEADLINE, "the broker's word in time", async || {
        let sending = ingress.send_command(&command, new_id(), None, deadline);
        match sending.await {
            Err(SendError::BrokerAway) => Some(()),
            Err(SendError::StillRunning { .. }) => None,
            other => panic!("{other:?}"),
        }
    })
    .await
    .unwrap();
}

async fn a_command_that_is_too_long_is_refused(engine: Engine) {
    let world = World::new(engine).await;
    let service = world.service().await;
    let ingress = world.ingress().await;
    let started = Instant::now();
    let outcome = ingress.send("x".repeat(9 * 1024 * 1024), Act::Write).await;
    let Err(SendError::TooLarge { limit }) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(started.elapsed() < AT_ONCE);
    // The longest that fits comes back whole.
    let overhead = serde_json::to_string(&WriteNote::new("", Act::Refuse))
        .unwrap()
        .len();
    let longest = "x".repeat(limit - overhead);
    let outcome = ingress.send(longest.clone(), Act::Refuse).await.unwrap();
    let muster_contract::Outcome::Refused(refusal) = outcome else {
        panic!("it was carried out");
    };
    assert_eq!(refusal.name, longest);
    assert!(service.names().await.is_empty());
    world.see_all_settled().await;
}

async fn a_command_waits_for_its_stream(engine: Engine) {
    let nats = NatsServer::start().await.unwrap();
    let world = World::around(nats, engine, Limits::default()).await;
    let ingress = world.ingress().await;
    see_no_stream(&ingress, Duration::from_millis(300)).await;
    let sending = tokio::spawn({
        let ingress = ingress.clone();
        async move { ingress.write("later").await }
    });
    ingress.see_waiting(1).await;
    world.apply_topology().await;
    let service = world.service().await;
    sending.await.unwrap();
    assert_eq!(service.names().await, ["later"]);
}

async fn a_lost_reply_is_asked_for_again(engine: Engine) {
    let world = World::new(engine).await;
    let service = world.service().await;
    let proxy = ChaosProxy::start(world.nats.address()).unwrap();
    let ingress = Ingress::start(ClientSetup {
        url: format!("nats://{}", proxy.address()),
        ..world.client_setup(Part::Ingress)
    })
    .await;
    let sending = tokio::spawn({
        let ingress = ingress.clone();
        async move { done(ingress.send("note", Act::WaitAtGate).await) }
    });
    world.steering.reach_gate(1).await;
    proxy.cut();
    ingress.see_connected(false).await;
    world.steering.open_gate();
    world.see_all_settled().await;
    assert!(!sending.is_finished());
    proxy.resume();
    let reply = sending.await.unwrap();
    assert_eq!(reply.run, 1, "the outcome it had the first time");
    assert_eq!(service.names().await, ["note"]);
    world.see_events(&["note".to_owned()]).await;
    world.see_all_settled().await;
}

async fn a_broker_that_is_killed_loses_and_doubles_nothing(engine: Engine) {
    const SENDERS: usize = 32;
    const EACH: usize = 25;
    let mut world = World::new(engine).await;
    let service = world.service().await;
    let ingress = world.ingress().await;
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| tokio::spawn(send_many(ingress.clone(), sender, EACH)))
        .collect();
    for some in [100, 300, 500] {
        eventually(DEADLINE, "some notes", async || {
            (service.number("SELECT COUNT(*) FROM notes").await >= some).then_some(())
        })
        .await
        .unwrap();
        world.nats.kill_hard().unwrap();
        world.nats.restart().await.unwrap();
    }
    let mut names = Vec::new();
    for sender in senders {
        names.extend(sender.await.unwrap());
    }
    names.sort();
    assert_eq!(service.names().await, names);
    assert!(service.dead_letters().await.is_empty());
    world.see_all_settled().await;
    world.see_events(&names).await;
}

/// Sends until each command has its outcome.
async fn send_many(ingress: Ingress, sender: usize, count: usize) -> Vec<String> {
    let names = numbered(&format!("sender {sender:02}"), count);
    let mut connection = ingress.broker.connection();
    for name in names.clone() {
        let id = new_id();
        let command = WriteNote::new(name, Act::Write);
        loop {
            let patience = Duration::from_secs(10);
            let outcome = ingress.send_command(&command, id, Some("a"), patience);
            match outcome.await {
                Err(SendError::BrokerAway | SendError::StillRunning { .. }) => {
                    connection.wait_for(|now| now.connected).await.unwrap();
                }
                other => {
                    done(other);
                    break;
                }
            }
        }
    }
    names
}
