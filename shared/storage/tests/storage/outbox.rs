//! What is to be published, and what the broker has had.

use muster_storage::outbox::{self, Mark, NewOutboxRecord, OutboxRecord};

use crate::fixture::{Store, on_both_engines};

on_both_engines!(
    rows_wait_until_they_are_marked,
    what_a_stream_has_had_is_read_backwards,
    what_a_stream_has_lost_waits_again,
    published_rows_are_forgotten_bit_by_bit,
);

fn row(number: i64, stream: &str) -> NewOutboxRecord {
    NewOutboxRecord {
        id: format!("{stream}-{number:04}"),
        stream: stream.to_owned(),
        messages: format!("[{{\"number\":{number}}}]"),
        message_count: 2,
        created_at: 1_000 * number,
    }
}

fn mark(number: i64, stream: &str, last_sequence: i64) -> Mark {
    Mark {
        id: row(number, stream).id,
        published_at: 1_000 * number + 5,
        first_sequence: last_sequence - 1,
        last_sequence,
    }
}

fn numbers(rows: &[OutboxRecord]) -> Vec<i64> {
    rows.iter().map(|row| row.created_at / 1_000).collect()
}

async fn append(store: &Store, rows: impl Iterator<Item = NewOutboxRecord>) {
    let mut transaction = store.database.begin().await.unwrap();
    outbox::append(&mut transaction, &rows.collect::<Vec<_>>())
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

async fn mark_all(store: &Store, marks: impl Iterator<Item = Mark>) -> u64 {
    let mut transaction = store.database.begin().await.unwrap();
    let marked = outbox::mark_published(&mut transaction, &marks.collect::<Vec<_>>())
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    marked
}

async fn rows_wait_until_they_are_marked(store: Store) {
    let database = &store.database;
    assert_eq!(
        outbox::unpublished_stats(database).await.unwrap(),
        (0, None)
    );
    append(&store, (1..=20).rev().map(|number| row(number, "EVENTS"))).await;
    assert_eq!(
        outbox::unpublished_stats(database).await.unwrap(),
        (20, Some(1_000))
    );

    let first = outbox::unpublished(database, 10_001, 4).await.unwrap();
    assert_eq!(numbers(&first), [1, 2, 3, 4]);
    let new = row(1, "EVENTS");
    assert_eq!(
        first[0],
        OutboxRecord {
            id: new.id,
            stream: new.stream,
            messages: new.messages,
            message_count: 2,
            created_at: 1_000,
            published_at: None,
            first_sequence: None,
            last_sequence: None,
        }
    );
    assert_eq!(
        outbox::unpublished(database, 10_001, 40)
            .await
            .unwrap()
            .len(),
        10
    );

    let missing = mark(99, "EVENTS", 99);
    let marks = (1..=19)
        .map(|number| mark(number, "EVENTS", 2 * number))
        .chain([missing]);
    assert_eq!(mark_all(&store, marks).await, 19);
    assert_eq!(
        numbers(&outbox::unpublished(database, i64::MAX, 40).await.unwrap()),
        [20]
    );
    assert_eq!(
        outbox::unpublished_stats(database).await.unwrap(),
        (1, Some(20_000))
    );
}

async fn what_a_stream_has_had_is_read_backwards(store: Store) {
    let database = &store.database;
    assert_eq!(
        outbox::last_published(database, "EVENTS").await.unwrap(),
        None
    );
    append(&store, (1..=10).map(|number| row(number, "EVENTS"))).await;
    append(&store, (1..=3).map(|number| row(number, "OTHER"))).await;
    assert_eq!(
        outbox::last_published(database, "EVENTS").await.unwrap(),
        None
    );
    // Rows 8 and 9 once had the same place, as after a broker that forgot.
    let place = |number: i64| if number == 9 { 16 } else { 2 * number };
    mark_all(
        &store,
        (1..=9).map(|number| mark(number, "EVENTS", place(number))),
    )
    .await;
    mark_all(
        &store,
        (1..=3).map(|number| mark(number, "OTHER", 100 + number)),
    )
    .await;

    assert_eq!(
        outbox::last_published(database, "EVENTS").await.unwrap(),
        Some(16)
    );
    assert_eq!(
        outbox::last_published(database, "OTHER").await.unwrap(),
        Some(103)
    );
    let mut seen = Vec::new();
    let mut page = outbox::published_from(database, "EVENTS", 7, None, 2)
        .await
        .unwrap();
    while let Some(last) = page.last().cloned() {
        assert!(page.len() <= 2);
        seen.extend(page);
        let before = Some((last.last_sequence.unwrap(), last.id.as_str()));
        page = outbox::published_from(database, "EVENTS", 7, before, 2)
            .await
            .unwrap();
    }
    assert_eq!(numbers(&seen), [9, 8, 7, 6, 5, 4]);
    assert_eq!(seen[5].first_sequence, Some(7));
    assert_eq!(seen[5].last_sequence, Some(8));
    assert_eq!(seen[5].published_at, Some(4_005));

    // Published again, at another place.
    assert_eq!(
        mark_all(&store, [mark(4, "EVENTS", 50)].into_iter()).await,
        1
    );
    assert_eq!(
        outbox::last_published(database, "EVENTS").await.unwrap(),
        Some(50)
    );
}

async fn published_rows_are_forgotten_bit_by_bit(store: Store) {
    append(&store, (1..=10).map(|number| row(number, "EVENTS"))).await;
    mark_all(
        &store,
        (2..=9).map(|number| mark(number, "EVENTS", 2 * number)),
    )
    .await;
    let mut transaction = store.database.begin().await.unwrap();
    assert_eq!(
        outbox::forget_published_before(&mut transaction, 8_005, 4)
            .await
            .unwrap(),
        4
    );
    assert_eq!(
        outbox::forget_published_before(&mut transaction, 8_005, 4)
            .await
            .unwrap(),
        2
    );
    assert_eq!(
        outbox::forget_published_before(&mut transaction, 8_005, 4)
            .await
            .unwrap(),
        0
    );
    transaction.commit().await.unwrap();
    // What was never published stays, however old.
    assert_eq!(
        numbers(
            &outbox::unpublished(&store.database, i64::MAX, 40)
                .await
                .unwrap()
        ),
        [1, 10]
    );
    assert_eq!(
        outbox::published_from(&store.database, "EVENTS", 0, None, 40)
            .await
            .unwrap()
            .len(),
        2
    );
}

async fn what_a_stream_has_lost_waits_again(store: Store) {
    append(&store, (1..=3).map(|number| row(number, "EVENTS"))).await;
    mark_all(
        &store,
        (1..=3).map(|number| mark(number, "EVENTS", 10 * number)),
    )
    .await;
    // The second was published anew before it was found to be lost.
    mark_all(&store, std::iter::once(mark(2, "EVENTS", 40))).await;
    let lost = [mark(2, "EVENTS", 20), mark(3, "EVENTS", 30)];
    let mut transaction = store.database.begin().await.unwrap();
    let changed = outbox::mark_lost(&mut transaction, &lost).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(changed, 1);
    let database = &store.database;
    let waiting = outbox::unpublished(database, i64::MAX, 10).await.unwrap();
    assert_eq!(numbers(&waiting), [3]);
    assert_eq!(
        (waiting[0].first_sequence, waiting[0].last_sequence),
        (None, None)
    );
    let highest = outbox::last_published(database, "EVENTS").await.unwrap();
    assert_eq!(highest, Some(40));
}
