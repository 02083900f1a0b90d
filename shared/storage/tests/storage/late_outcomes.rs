//! Outcomes that come after their command was begun, and who is told.

use muster_storage::inbox::{self, InboxRecord};
use muster_storage::late_outcomes::{self, LateOutcome, ReplyAddress, UntoldOutcome};
use muster_storage::{Database, Engine};

use crate::fixture::{Store, on_both_engines, until_waiting_for_locks};

on_both_engines!(
    the_first_outcome_stays_and_all_who_wait_are_named,
    more_than_sixteen_addresses_are_not_kept,
    who_was_not_told_is_found_until_forgotten,
    nobody_is_noted_between_an_outcome_and_its_telling,
);

fn begun(number: u32) -> InboxRecord {
    InboxRecord {
        id: format!("command {number:02}"),
        fingerprint: Some(format!("print {number}")),
        outcome: None,
        received_at: 1,
    }
}

fn waiting(command: u32, address: u32, deadline: i64) -> ReplyAddress {
    ReplyAddress {
        command_id: begun(command).id,
        address: format!("address {address:02}"),
        deadline,
    }
}

fn outcome(number: u32, text: &str) -> LateOutcome {
    LateOutcome {
        command_id: begun(number).id,
        outcome: text.to_owned(),
    }
}

async fn begin(database: &Database, commands: u32, addresses: &[ReplyAddress]) {
    let mut transaction = database.begin().await.unwrap();
    let records: Vec<_> = (1..=commands).map(begun).collect();
    inbox::record(&mut transaction, &records).await.unwrap();
    late_outcomes::await_outcomes(&mut transaction, addresses)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

/// The commands that were settled, and the addresses to tell.
async fn settle(
    database: &Database,
    outcomes: &[LateOutcome],
    now: i64,
) -> (Vec<String>, Vec<ReplyAddress>) {
    let mut transaction = database.begin().await.unwrap();
    let (settled, mut addresses) = late_outcomes::settle(&mut transaction, outcomes, now)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let mut ids: Vec<String> = settled.into_iter().map(|command| command.id).collect();
    ids.sort();
    addresses.sort_by(|one, other| {
        (&one.command_id, &one.address).cmp(&(&other.command_id, &other.address))
    });
    (ids, addresses)
}

async fn the_first_outcome_stays_and_all_who_wait_are_named(store: Store) {
    let database = &store.database;
    let addresses = [waiting(1, 1, 50), waiting(1, 2, 60), waiting(2, 1, 70)];
    begin(database, 20, &addresses).await;
    // Sent again: the later deadline counts, whichever comes first.
    begin(database, 0, &[waiting(1, 1, 90), waiting(1, 2, 10)]).await;

    let outcomes: Vec<_> = [1, 3, 99].map(|number| outcome(number, "first")).into();
    let (ids, told) = settle(database, &outcomes, 7).await;
    assert_eq!(ids, [begun(1).id, begun(3).id]);
    assert_eq!(told, [waiting(1, 1, 90), waiting(1, 2, 60)]);

    let outcomes: Vec<_> = (1..=20).map(|number| outcome(number, "second")).collect();
    let (ids, told) = settle(database, &outcomes, 8).await;
    assert_eq!(ids.len(), 18);
    assert_eq!(told, [waiting(2, 1, 70)]);
    let stored = inbox::find(database, &begun(1).id).await.unwrap().unwrap();
    assert_eq!(stored.outcome.as_deref(), Some("first"));
    assert_eq!(stored.fingerprint, begun(1).fingerprint);
    let stored = inbox::find(database, &begun(2).id).await.unwrap().unwrap();
    assert_eq!(stored.outcome.as_deref(), Some("second"));
    assert_eq!(
        inbox::find(database, &begun(99).id).await.unwrap(),
        None,
        "nobody has begun it"
    );
}

async fn more_than_sixteen_addresses_are_not_kept(store: Store) {
    let database = &store.database;
    for address in 1..=20 {
        begin(database, 1, &[waiting(1, address, 5)]).await;
    }
    let (_, told) = settle(database, &[outcome(1, "done")], 1).await;
    assert_eq!(told.len(), 16);
}

async fn who_was_not_told_is_found_until_forgotten(store: Store) {
    let database = &store.database;
    let addresses: Vec<_> = (1..=4).map(|number| waiting(number, 1, 100)).collect();
    begin(database, 4, &addresses).await;
    begin(database, 0, &[waiting(4, 2, 30)]).await;
    for (number, now) in [(1, 10), (2, 20), (3, 30)] {
        settle(database, &[outcome(number, "done")], now).await;
    }
    let untold = late_outcomes::untold(database, 30, 10).await.unwrap();
    let found = |number: u32| UntoldOutcome {
        command_id: begun(number).id,
        address: "address 01".to_owned(),
        deadline: 100,
        fingerprint: begun(number).fingerprint,
        outcome: Some("done".to_owned()),
    };
    assert_eq!(untold, [found(1), found(2)]);
    assert_eq!(
        late_outcomes::untold(database, 30, 1).await.unwrap(),
        [found(1)]
    );

    let mut transaction = database.begin().await.unwrap();
    // The fourth is not settled.
    let told: Vec<String> = [1, 4].map(|number| begun(number).id).into();
    let forgotten = late_outcomes::forget_told(&mut transaction, &told).await;
    assert_eq!(forgotten.unwrap(), 1);
    let forgotten = late_outcomes::forget_before(&mut transaction, 40, 10).await;
    assert_eq!(forgotten.unwrap(), 1, "nobody waits there any more");
    transaction.commit().await.unwrap();
    assert_eq!(
        late_outcomes::untold(database, 40, 10).await.unwrap(),
        [found(2), found(3)]
    );
    let (_, told) = settle(database, &[outcome(4, "done")], 50).await;
    assert_eq!(told, [waiting(4, 1, 100)]);
}

/// An address that is noted while the outcome is being stored would never be told.
async fn nobody_is_noted_between_an_outcome_and_its_telling(store: Store) {
    let database = &store.database;
    begin(database, 2, &[]).await;
    let mut noting = database.begin().await.unwrap();
    let both: Vec<String> = [1, 2].map(|number| begun(number).id).into();
    let mut held = late_outcomes::hold(&mut noting, &both).await.unwrap();
    held.sort();
    assert_eq!(held, both);
    late_outcomes::await_outcomes(&mut noting, &[waiting(1, 1, 9)])
        .await
        .unwrap();
    let settling = tokio::spawn({
        let database = database.clone();
        async move { settle(&database, &[outcome(1, "done")], 5).await }
    });
    if database.engine() == Engine::Postgres {
        until_waiting_for_locks(&store, 1).await;
    }
    assert!(!settling.is_finished());
    noting.commit().await.unwrap();
    let (_, told) = settling.await.unwrap();
    assert_eq!(told, [waiting(1, 1, 9)]);

    let mut late = database.begin().await.unwrap();
    let held = late_outcomes::hold(&mut late, &both).await.unwrap();
    assert_eq!(held, [begun(2).id], "the first has its outcome");
}
