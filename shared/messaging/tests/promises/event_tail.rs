//! Whoever watches is told of events as they happen, and told when it may have missed some.

use muster_messaging::{EventListener, EventTail, Told};
use muster_platform::Shutdown;
use muster_testkit::DEADLINE;

use crate::common::{
    Engine, World,
    messages::{Act, NoteAppeared},
    numbered,
};

async fn next(listener: &mut EventListener<NoteAppeared>) -> Option<Told<NoteAppeared>> {
    tokio::time::timeout(DEADLINE, listener.next())
        .await
        .expect("something in time")
}

/// The name of the note that appeared, or `None` for a gap.
async fn appeared(listener: &mut EventListener<NoteAppeared>) -> Option<String> {
    match next(listener).await.expect("more to come") {
        Told::Event(event) => Some(event.name.clone()),
        Told::Gap => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_who_listen_are_told_of_what_happens_from_then_on() {
    let world = World::new(Engine::Sqlite).await;
    let _service = world.service().await;
    let ingress = world.ingress().await;
    let shutdown = Shutdown::new();
    let tail = EventTail::<NoteAppeared>::start(&ingress.broker, &shutdown)
        .await
        .unwrap();
    let mut first = tail.listen();
    ingress.write("before").await;
    assert_eq!(appeared(&mut first).await.as_deref(), Some("before"));
    let mut second = tail.clone().listen();
    let names = numbered("note", 20);
    for name in &names {
        ingress.write(name).await;
    }
    for listener in [&mut first, &mut second] {
        let mut told = Vec::new();
        for _ in &names {
            told.extend(appeared(listener).await);
        }
        told.sort();
        assert_eq!(told, names);
    }
    // One that is refused tells nothing, and when all is over nobody is left waiting.
    let _ = ingress.send("refused", Act::Refuse).await;
    shutdown.drain(DEADLINE).await;
    assert!(next(&mut first).await.is_none());
    assert!(next(&mut tail.listen()).await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_broker_was_away_there_is_a_gap() {
    let mut world = World::new(Engine::Sqlite).await;
    let _service = world.service().await;
    let ingress = world.ingress().await;
    let shutdown = Shutdown::new();
    let tail = EventTail::<NoteAppeared>::start(&ingress.broker, &shutdown)
        .await
        .unwrap();
    let mut listener = tail.listen();
    ingress.write("before").await;
    assert_eq!(appeared(&mut listener).await.as_deref(), Some("before"));
    world.nats.kill_hard().unwrap();
    world.nats.restart().await.unwrap();
    while appeared(&mut listener).await.is_some() {}
    ingress.see_connected(true).await;
    ingress.write("after").await;
    while appeared(&mut listener).await.as_deref() != Some("after") {}
}
