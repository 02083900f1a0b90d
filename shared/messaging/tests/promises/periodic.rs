//! Work that is due by time is done, tells what it has to tell, and goes on after it failed.

use std::time::Duration;

use futures_util::future::join_all;
use muster_testkit::{DEADLINE, eventually};

use crate::common::{
    Engine, World,
    ingress::{Ingress, PATIENCE, done, new_id},
    later::Due,
    messages::{BeginNote, NoteWritten},
    numbered, on_both_databases,
    service::TestService,
};

on_both_databases!(
    what_is_due_is_done_at_once_while_there_is_more,
    it_goes_on_after_it_failed,
);

async fn see_begun(service: &TestService, count: i64) {
    eventually(DEADLINE, "the commands to be begun", async || {
        let begun = service.number("SELECT COUNT(*) FROM begun").await;
        (begun == count).then_some(())
    })
    .await
    .unwrap();
}

fn begin_all(ingress: &Ingress, names: &[String]) -> tokio::task::JoinHandle<Vec<NoteWritten>> {
    let (ingress, names) = (ingress.clone(), names.to_vec());
    tokio::spawn(async move {
        let sending = names.iter().map(async |name| {
            let command = BeginNote::new(name);
            done(
                ingress
                    .send_command(&command, new_id(), None, PATIENCE)
                    .await,
            )
        });
        join_all(sending).await
    })
}

fn names_of(notes: Vec<NoteWritten>) -> Vec<String> {
    notes.into_iter().map(|note| note.name).collect()
}

/// One run does one note, and in this test there is no second run by time.
async fn what_is_due_is_done_at_once_while_there_is_more(engine: Engine) {
    let world = World::new(engine).await;
    world.make_event_consumer().await;
    let due = Due::default();
    let hour = Duration::from_hours(1);
    let service = TestService::start(world.setup_later(hour, &due)).await;
    let ingress = world.ingress().await;
    let names = numbered("due", 10);
    let sent = begin_all(&ingress, &names);
    see_begun(&service, 10).await;
    world.see_all_settled().await;
    service.stop().await;
    assert!(!sent.is_finished());
    due.set();
    let before = due.runs();
    let service = TestService::start(world.setup_later(hour, &due)).await;
    assert_eq!(names_of(sent.await.unwrap()), names);
    world.see_events(&names).await;
    eventually(DEADLINE, "the last run", async || {
        (due.runs() == before + 11).then_some(())
    })
    .await
    .unwrap();
    service.stop().await;
}

async fn it_goes_on_after_it_failed(engine: Engine) {
    let world = World::new(engine).await;
    world.make_event_consumer().await;
    let due = Due::default();
    let soon = Duration::from_millis(50);
    let service = TestService::start(world.setup_later(soon, &due)).await;
    let ingress = world.ingress().await;
    let names = numbered("due", 5);
    let sent = begin_all(&ingress, &names);
    see_begun(&service, 5).await;
    due.fail(4);
    due.set();
    assert_eq!(names_of(sent.await.unwrap()), names);
    world.see_events(&names).await;
    eventually(DEADLINE, "it to be healthy again", async || {
        service.health.ready().then_some(())
    })
    .await
    .unwrap();
    let undone = service.number("SELECT COUNT(*) FROM begun WHERE NOT done");
    assert_eq!(undone.await, 0);
}
