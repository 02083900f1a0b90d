//! What is no longer needed is forgotten, and what is needed is not.

use std::{sync::Arc, time::Duration};

use muster_platform::{Clock as _, ManualClock, SystemClock};
use muster_testkit::{DEADLINE, eventually};

use crate::common::{
    Engine, World,
    ingress::{PATIENCE, done, new_id},
    messages::{Act, WriteNote},
    numbered, on_both_databases, see_marked,
    service::{Setup, TestService},
};

on_both_databases!(old_rows_are_deleted);

const DAY: Duration = Duration::from_hours(24);

async fn old_rows_are_deleted(engine: Engine) {
    let world = World::new(engine).await;
    // Not before the time of the sender, who says until when a reply is of use.
    let clock = ManualClock::new(SystemClock.now());
    let start = async || {
        TestService::start(Setup {
            clock: Arc::new(clock.clone()),
            ..world.setup()
        })
        .await
    };
    let service = start().await;
    let ingress = world.ingress().await;
    let id = new_id();
    let command = WriteNote::new("note", Act::Write);
    let send = async || done(ingress.send_command(&command, id, None, PATIENCE).await);
    let first = send().await;
    for name in numbered("old", 5) {
        ingress.write(name).await;
    }
    see_marked(&service, 6).await;
    insert_unpublished(&service).await;
    service.stop().await;

    // A day and a bit: published rows go, outcomes stay.
    clock.advance(DAY + Duration::from_secs(1));
    let service = start().await;
    see_rows(&service, 6, 1).await;
    clock.set(SystemClock.now());
    assert_eq!(send().await, first);
    service.stop().await;

    // Eight days: outcomes go too. What is not published is never forgotten.
    clock.advance(DAY * 8);
    let service = start().await;
    see_rows(&service, 0, 1).await;
    assert_eq!(service.names().await.len(), 6);
}

async fn see_rows(service: &TestService, inbox: i64, outbox: i64) {
    eventually(DEADLINE, "old rows to be deleted", async || {
        let found = (
            service.number("SELECT COUNT(*) FROM inbox").await,
            service.number("SELECT COUNT(*) FROM outbox").await,
        );
        (found == (inbox, outbox)).then_some(())
    })
    .await
    .unwrap();
}

/// A row that cannot be published: there is no such stream.
async fn insert_unpublished(service: &TestService) {
    let row = muster_storage::outbox::NewOutboxRecord {
        id: new_id().to_string(),
        stream: "NOWHERE".to_owned(),
        messages: serde_json::json!([{
            "id": new_id(), "subject": "nowhere", "headers": [], "payload": {"json": {}},
        }])
        .to_string(),
        message_count: 1,
        created_at: 0,
    };
    let database = service.database();
    service
        .run(async move {
            let mut transaction = database.begin().await.unwrap();
            muster_storage::outbox::append(&mut transaction, &[row])
                .await
                .unwrap();
            transaction.commit().await.unwrap();
        })
        .await;
}
