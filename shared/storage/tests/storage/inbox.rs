//! What has been handled is handled once.

use muster_storage::inbox::{self, InboxRecord};
use muster_storage::{Database, Engine};

use crate::fixture::{Store, on_both_engines, until_waiting_for_locks};

on_both_engines!(
    a_message_is_recorded_once,
    of_two_at_once_one_records_it,
    one_that_is_undone_leaves_it_to_the_other,
    old_records_are_forgotten_bit_by_bit,
    a_command_whose_outcome_is_to_come_is_not_forgotten,
);

fn record(number: i64) -> InboxRecord {
    InboxRecord {
        id: format!("message {number:04}"),
        fingerprint: (number % 2 == 0).then(|| format!("print {number}")),
        outcome: (number % 3 == 0).then(|| r#"{"done":true}"#.to_owned()),
        received_at: 1_000_000 * number,
    }
}

fn ids(numbers: impl Iterator<Item = i64>) -> Vec<String> {
    numbers.map(|number| record(number).id).collect()
}

fn sorted<T: Ord>(mut values: Vec<T>) -> Vec<T> {
    values.sort();
    values
}

async fn a_message_is_recorded_once(store: Store) {
    let database = &store.database;
    let mut transaction = database.begin().await.unwrap();
    assert_eq!(
        inbox::recorded(&mut transaction, &ids(1..=3))
            .await
            .unwrap(),
        []
    );
    let first: Vec<_> = (1..=20).map(record).collect();
    assert_eq!(
        sorted(inbox::record(&mut transaction, &first).await.unwrap()),
        ids(1..=20)
    );
    transaction.commit().await.unwrap();

    let mut transaction = database.begin().await.unwrap();
    let second: Vec<_> = (11..=40)
        .map(|number| InboxRecord {
            outcome: Some("another".to_owned()),
            ..record(number)
        })
        .collect();
    assert_eq!(
        sorted(inbox::record(&mut transaction, &second).await.unwrap()),
        ids(21..=40)
    );
    let mut found = inbox::recorded(&mut transaction, &ids(15..=25))
        .await
        .unwrap();
    found.sort_by(|one, other| one.id.cmp(&other.id));
    let expected: Vec<_> = (15..=20)
        .map(record)
        .chain(second[10..15].iter().cloned())
        .collect();
    assert_eq!(found, expected);
    assert_eq!(
        inbox::record(&mut transaction, &[]).await.unwrap(),
        Vec::<String>::new()
    );
    transaction.rollback().await.unwrap();

    assert_eq!(
        inbox::find(database, &record(6).id).await.unwrap(),
        Some(record(6))
    );
    assert_eq!(inbox::find(database, &record(21).id).await.unwrap(), None);
}

/// Records message 1 in a transaction of its own; the ids that were new.
async fn record_one(database: Database) -> Vec<String> {
    let mut transaction = database.begin().await.unwrap();
    let new = inbox::record(&mut transaction, &[record(1)]).await.unwrap();
    transaction.commit().await.unwrap();
    new
}

async fn of_two_at_once_one_records_it(store: Store) {
    let mut first = store.database.begin().await.unwrap();
    assert_eq!(
        inbox::record(&mut first, &[record(1)]).await.unwrap(),
        ids(1..=1)
    );
    let second = tokio::spawn(record_one(store.database.clone()));
    if store.database.engine() == Engine::Postgres {
        until_waiting_for_locks(&store, 1).await;
    }
    assert!(!second.is_finished());
    first.commit().await.unwrap();
    assert_eq!(second.await.unwrap(), Vec::<String>::new());
}

async fn one_that_is_undone_leaves_it_to_the_other(store: Store) {
    let mut first = store.database.begin().await.unwrap();
    assert_eq!(
        inbox::record(&mut first, &[record(1)]).await.unwrap(),
        ids(1..=1)
    );
    let second = tokio::spawn(record_one(store.database.clone()));
    if store.database.engine() == Engine::Postgres {
        until_waiting_for_locks(&store, 1).await;
    }
    first.rollback().await.unwrap();
    assert_eq!(second.await.unwrap(), ids(1..=1));
}

fn handled(number: i64) -> InboxRecord {
    InboxRecord {
        outcome: Some("null".to_owned()),
        ..record(number)
    }
}

async fn old_records_are_forgotten_bit_by_bit(store: Store) {
    let mut transaction = store.database.begin().await.unwrap();
    inbox::record(&mut transaction, &(1..=10).map(handled).collect::<Vec<_>>())
        .await
        .unwrap();
    let before = handled(8).received_at;
    assert_eq!(
        inbox::forget_before(&mut transaction, before, 5)
            .await
            .unwrap(),
        5
    );
    let mut left = inbox::recorded(&mut transaction, &ids(1..=10))
        .await
        .unwrap();
    left.sort_by_key(|record| record.received_at);
    assert_eq!(left.first(), Some(&handled(6)), "the oldest go first");
    assert_eq!(
        inbox::forget_before(&mut transaction, before, 5)
            .await
            .unwrap(),
        2
    );
    assert_eq!(
        inbox::forget_before(&mut transaction, before, 5)
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        inbox::recorded(&mut transaction, &ids(1..=10))
            .await
            .unwrap()
            .len(),
        3
    );
}

/// Whoever waits for it would never be told, and sent again it would begin anew.
async fn a_command_whose_outcome_is_to_come_is_not_forgotten(store: Store) {
    let mut transaction = store.database.begin().await.unwrap();
    let begun = InboxRecord {
        outcome: None,
        ..record(1)
    };
    let records = [begun.clone(), handled(2), handled(3)];
    inbox::record(&mut transaction, &records).await.unwrap();
    let forgotten = inbox::forget_before(&mut transaction, i64::MAX, 2)
        .await
        .unwrap();
    assert_eq!(forgotten, 2);
    let left = inbox::recorded(&mut transaction, &ids(1..=3))
        .await
        .unwrap();
    assert_eq!(left, [begun]);
}
