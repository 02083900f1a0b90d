//! What could not be handled is kept, as it came.

use muster_storage::dead_letters::{self, DeadLetter, NewDeadLetter};

use crate::fixture::{Store, on_both_engines};

on_both_engines!(
    letters_keep_every_byte,
    filing_again_is_the_same_letter,
    letters_are_listed_replayed_and_discarded
);

fn letter(sequence: i64) -> NewDeadLetter {
    NewDeadLetter {
        stream: "COMMANDS".to_owned(),
        stream_sequence: sequence,
        subject: "muster.cmd.session.v1.open".to_owned(),
        headers: r#"{"Nats-Msg-Id":["a"]}"#.to_owned(),
        payload: format!("{{\"number\":{sequence}}}").into_bytes(),
        error: "no such project".to_owned(),
        deliveries: 1,
        filed_at: 1_000 * sequence,
    }
}

async fn file(store: &Store, letter: NewDeadLetter) -> i64 {
    let mut transaction = store.database.begin().await.unwrap();
    let id = dead_letters::file(&mut transaction, letter).await.unwrap();
    transaction.commit().await.unwrap();
    id
}

async fn letters_keep_every_byte(store: Store) {
    let payloads: [&[u8]; 5] = [
        b"",
        b"{}",
        "\u{0}zero".as_bytes(),
        &[0xff, 0xfe, 0x00, 0x80],
        "é☃".as_bytes(),
    ];
    for (payload, sequence) in payloads.into_iter().zip(1..) {
        let new = NewDeadLetter {
            payload: payload.to_vec(),
            error: "zero \u{0} byte".to_owned(),
            ..letter(sequence)
        };
        let id = file(&store, new.clone()).await;
        let found = dead_letters::get(&store.database, id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            found,
            DeadLetter {
                id,
                stream: new.stream,
                stream_sequence: sequence,
                subject: new.subject,
                headers: new.headers,
                payload: payload.to_vec(),
                error: "zero \u{fffd} byte".to_owned(),
                deliveries: 1,
                filed_at: new.filed_at,
                replayed_at: None,
            }
        );
    }
    assert_eq!(dead_letters::get(&store.database, 999).await.unwrap(), None);
}

async fn filing_again_is_the_same_letter(store: Store) {
    let id = file(&store, letter(1)).await;
    let again = NewDeadLetter {
        error: "still none".to_owned(),
        deliveries: 9,
        filed_at: 77_000,
        ..letter(1)
    };
    assert_eq!(file(&store, again).await, id);
    let found = dead_letters::get(&store.database, id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (found.error.as_str(), found.deliveries, found.filed_at),
        ("still none", 9, 1_000)
    );

    // Another message at the same place of a stream that was made anew is another letter.
    let other = NewDeadLetter {
        payload: b"another".to_vec(),
        ..letter(1)
    };
    assert_ne!(file(&store, other).await, id);
    assert_eq!(dead_letters::count(&store.database).await.unwrap(), 2);
}

async fn letters_are_listed_replayed_and_discarded(store: Store) {
    let database = &store.database;
    assert_eq!(dead_letters::count(database).await.unwrap(), 0);
    let mut ids = Vec::new();
    for sequence in 1..=5 {
        ids.push(file(&store, letter(sequence)).await);
    }
    let mut transaction = database.begin().await.unwrap();
    assert!(
        dead_letters::mark_replayed(&mut transaction, ids[1], 123)
            .await
            .unwrap()
    );
    assert!(
        !dead_letters::mark_replayed(&mut transaction, 999, 123)
            .await
            .unwrap()
    );
    assert!(
        dead_letters::discard(&mut transaction, ids[3])
            .await
            .unwrap()
    );
    assert!(
        !dead_letters::discard(&mut transaction, ids[3])
            .await
            .unwrap()
    );
    transaction.commit().await.unwrap();
    assert_eq!(dead_letters::count(database).await.unwrap(), 3);

    for (include_replayed, expected) in [
        (false, vec![ids[0], ids[2], ids[4]]),
        (true, vec![ids[0], ids[1], ids[2], ids[4]]),
    ] {
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = dead_letters::list(database, after, 2, include_replayed)
                .await
                .unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            assert!(page.len() <= 2);
            seen.extend(page.iter().map(|letter| letter.id));
        }
        assert_eq!(seen, expected);
    }
    assert_eq!(
        dead_letters::get(database, ids[1])
            .await
            .unwrap()
            .unwrap()
            .replayed_at,
        Some(123)
    );
}
