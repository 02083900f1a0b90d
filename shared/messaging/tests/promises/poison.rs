//! Rules 1 and 5: what cannot be processed is put aside with its error, alone, and nothing is stuck.

use std::time::Duration;

use async_nats::HeaderMap;
use futures_util::future::join_all;
use muster_contract::{Command, Message, Service, headers};
use muster_messaging::SendError;
use muster_testkit::{DEADLINE, eventually};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{
    Engine, World,
    ingress::{Ingress, PATIENCE, done, new_id},
    messages::{Act, Forbidden, NoteWritten, WriteNote},
    numbered, on_both_databases,
    service::TestService,
};

on_both_databases!(
    one_that_fails,
    one_that_breaks_a_constraint,
    one_that_panics,
    one_that_emits_too_much,
    messages_that_cannot_be_read,
    one_delivered_too_often_is_put_aside,
    one_delivered_too_often_that_was_carried_out_is_answered,
    one_that_kills_its_service_takes_no_others_along,
);

/// Of the right kind and the wrong shape.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Malformed {
    nonsense: u32,
}

impl Message for Malformed {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = WriteNote::NAME;
}

impl Command for Malformed {
    type Reply = NoteWritten;
    type Refusal = Forbidden;
}

/// Of a kind that nobody takes.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Unknown {}

impl Message for Unknown {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "test-unknown";
}

impl Command for Unknown {
    type Reply = NoteWritten;
    type Refusal = Forbidden;
}

/// Holds the service up at the gate, so that what is sent meanwhile comes to it in one batch.
async fn hold(world: &World, ingress: &Ingress) -> tokio::task::JoinHandle<()> {
    ingress.write("first").await;
    let sender = ingress.clone();
    let held = tokio::spawn(async move {
        done(sender.send("held", Act::WaitAtGate).await);
    });
    world.steering.reach_gate(1).await;
    held
}

/// The poison stands between good ones: wherever the service ends a batch, since it waits for nothing, the poison has
/// company in its own.
async fn one_among_64(engine: Engine, poison: Act, error: &str) {
    let world = World::new(engine).await;
    // What is delivered again and again is carried out alone, and here that has to be for the poison's sake.
    world.set_acknowledge_wait(Duration::from_mins(1)).await;
    let service = world.service().await;
    let ingress = world.ingress().await;
    let held = hold(&world, &ingress).await;
    let mut names = numbered("note", 63);
    let (before, after) = names.split_at(32);
    let send = |name: &str, act| {
        let (ingress, name) = (ingress.clone(), name.to_owned());
        tokio::spawn(async move { ingress.send(name, act).await })
    };
    let mut good: Vec<_> = before.iter().map(|name| send(name, Act::Write)).collect();
    world.see_stored(33).await;
    let bad = send("poison", poison);
    world.see_stored(34).await;
    good.extend(after.iter().map(|name| send(name, Act::Write)));
    world.see_delivered(&service, 65).await;
    world.steering.open_gate();
    held.await.unwrap();
    for outcome in good {
        done(outcome.await.unwrap());
    }
    let bad = bad.await.unwrap();
    assert!(matches!(bad, Err(SendError::DeadLettered)), "{bad:?}");
    let batches = world.steering.batches();
    assert!(
        batches
            .iter()
            .any(|batch| batch.len() > 1 && batch.iter().any(|name| name == "poison")),
        "it was in a batch with others first: {batches:?}"
    );
    names.extend(["first".to_owned(), "held".to_owned()]);
    names.sort();
    assert_eq!(service.names().await, names);
    let letters = service.dead_letters().await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert!(letters[0].1.contains(error), "{letters:?}");
    world.see_events(&names).await;
    world.see_all_settled().await;
}

async fn one_that_fails(engine: Engine) {
    one_among_64(engine, Act::Fail, "on purpose").await;
}

async fn one_that_breaks_a_constraint(engine: Engine) {
    one_among_64(engine, Act::Violate, "constraint").await;
}

async fn one_that_panics(engine: Engine) {
    one_among_64(engine, Act::Panic, "panicked: on purpose").await;
}

async fn one_that_emits_too_much(engine: Engine) {
    one_among_64(engine, Act::EmitTooMuch, "longer than").await;
}

async fn messages_that_cannot_be_read(engine: Engine) {
    let world = World::new(engine).await;
    let service = world.service().await;
    let ingress = world.ingress().await;
    let held = hold(&world, &ingress).await;
    let context = world.jetstream().await;
    let id = || (headers::MESSAGE_ID, new_id().to_string());
    let schema = || (headers::SCHEMA, WriteNote::schema());
    let unreadable = [
        vec![],
        vec![id()],
        vec![schema()],
        vec![schema(), (headers::MESSAGE_ID, "x".to_owned())],
        vec![schema(), id(), (headers::PRINCIPAL, "x".to_owned())],
        vec![schema(), id(), (headers::DEADLINE, "x".to_owned())],
    ];
    for pairs in &unreadable {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.insert(*name, value.as_str());
        }
        let publication = context.publish_with_headers(WriteNote::subject(), map, "\u{0}".into());
        publication.await.unwrap().await.unwrap();
    }
    let mut names = numbered("note", 8);
    let good = join_all(names.iter().map(|name| ingress.write(name)));
    let malformed = Malformed { nonsense: 1 };
    let sending = async {
        tokio::join!(
            good,
            ingress.send_command(&malformed, new_id(), None, PATIENCE),
            ingress.send_command(&Unknown {}, new_id(), None, PATIENCE),
        )
    };
    let release = async {
        world.see_stored(17).await;
        world.steering.open_gate();
    };
    let ((_, malformed, unknown), ()) = tokio::join!(sending, release);
    held.await.unwrap();
    for outcome in [malformed, unknown] {
        assert!(
            matches!(outcome, Err(SendError::DeadLettered)),
            "{outcome:?}"
        );
    }
    names.extend(["first".to_owned(), "held".to_owned()]);
    names.sort();
    assert_eq!(service.names().await, names);
    world.see_all_settled().await;
    let mut errors: Vec<String> = service
        .dead_letters()
        .await
        .into_iter()
        .map(|(_, error)| error)
        .collect();
    errors.sort();
    let begin_with = [
        "nobody here takes messages of the kind job-archive.test-unknown/1",
        "the body: missing field `name`",
        "the header Muster-Deadline: invalid digit",
        "the header Muster-Message-Id is missing",
        "the header Muster-Message-Id is missing",
        "the header Muster-Message-Id: invalid",
        "the header Muster-Principal: expected value",
        "the header Muster-Schema is missing",
    ];
    assert_eq!(errors.len(), begin_with.len(), "{errors:#?}");
    for (error, begin) in errors.iter().zip(begin_with) {
        assert!(error.starts_with(begin), "{errors:#?}");
    }
}

async fn one_delivered_too_often_is_put_aside(engine: Engine) {
    let world = World::new(engine).await;
    let ingress = world.ingress().await;
    let sending = tokio::spawn({
        let ingress = ingress.clone();
        async move { ingress.send("note", Act::Write).await }
    });
    world.see_stored(1).await;
    world.deliver_in_vain(8).await;
    let service = world.service().await;
    let outcome = sending.await.unwrap();
    assert!(
        matches!(outcome, Err(SendError::DeadLettered)),
        "{outcome:?}"
    );
    world.see_all_settled().await;
    let letters = service.dead_letters().await;
    assert!(letters[0].1.contains("over and over"), "{letters:?}");
    assert_eq!(world.steering.runs(), 0);
    // One delivery fewer, and it is tried.
    service.kill();
    let sending = tokio::spawn({
        let ingress = ingress.clone();
        async move { ingress.send("another", Act::WaitAtGate).await }
    });
    world.see_stored(1).await;
    world.deliver_in_vain(7).await;
    let service = world.service().await;
    world.steering.open_gate();
    done(sending.await.unwrap());
    assert_eq!(service.dead_letters().await.len(), 1);
}

async fn one_delivered_too_often_that_was_carried_out_is_answered(engine: Engine) {
    let world = World::new(engine).await;
    let service = world.service().await;
    let ingress = world.ingress().await;
    let command = WriteNote::new("note", Act::Write);
    let id = new_id();
    let send = async || ingress.send_command(&command, id, None, PATIENCE).await;
    let first = done(send().await);
    world.see_all_settled().await;
    service.stop().await;
    let delivering = async {
        world.see_stored(1).await;
        world.deliver_in_vain(8).await;
        world.service().await
    };
    let (again, service) = tokio::join!(send(), delivering);
    assert_eq!(done(again), first);
    assert_eq!(service.names().await, ["note"]);
    assert!(service.dead_letters().await.is_empty());
    world.see_all_settled().await;
}

/// A handler that never comes back stands for one that brings the process down: the test kills the service then.
async fn one_that_kills_its_service_takes_no_others_along(engine: Engine) {
    let world = World::new(engine).await;
    world.set_acknowledge_wait(Duration::from_millis(300)).await;
    let ingress = world.ingress().await;
    let names = numbered("note", 20);
    let send = |name: &str, act| {
        let (ingress, name) = (ingress.clone(), name.to_owned());
        tokio::spawn(async move { ingress.send(name, act).await })
    };
    let mut good = Vec::new();
    for name in &names[..10] {
        good.push(send(name, Act::Write));
    }
    world.see_stored(10).await;
    let killer = send("killer", Act::WaitAtGate);
    world.see_stored(11).await;
    for name in &names[10..] {
        good.push(send(name, Act::Write));
    }
    world.see_stored(21).await;
    let service = kill_until_settled(&world).await;
    for outcome in good {
        done(outcome.await.unwrap());
    }
    let outcome = killer.await.unwrap();
    assert!(
        matches!(outcome, Err(SendError::DeadLettered)),
        "{outcome:?}"
    );
    assert_eq!(service.names().await, names);
    assert_eq!(service.dead_letters().await.len(), 1);
    world.see_events(&names).await;
}

async fn kill_until_settled(world: &World) -> TestService {
    for _ in 0..12 {
        let before = world.steering.at_gate();
        let service = world.service().await;
        let settled = eventually(DEADLINE, "a kill or the end", async || {
            if world.steering.at_gate() > before {
                return Some(false);
            }
            (world.stored().await == 0).then_some(true)
        });
        if settled.await.unwrap() {
            return service;
        }
        service.kill();
    }
    panic!("it was not put aside: {}", world.stored().await);
}
