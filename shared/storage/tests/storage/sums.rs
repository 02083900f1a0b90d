//! Many add to the same sums, each in an order of its own.

use muster_storage::{ColumnType, Database, SetStatement, Transaction};

use crate::fixture::{Store, on_both_engines};

static ADD: SetStatement = SetStatement::new(
    "INSERT INTO things (name, size, load) SELECT r.name, r.size, r.load FROM {rows} WHERE true \
     ON CONFLICT (name) DO UPDATE SET size = things.size + excluded.size, load = things.load + excluded.load",
    &[
        ("name", ColumnType::Text),
        ("size", ColumnType::Integer),
        ("load", ColumnType::Integer),
    ],
);

/// Transactions of each of those who add.
const ROUNDS: usize = 50;

on_both_engines!(nobody_waits_in_a_circle, what_is_undone_adds_nothing,);

fn add(transaction: &mut Transaction, name: &str, size: i64) {
    transaction.add_to_sums(&ADD, vec![name.to_owned()], &[size, 1]);
}

async fn sums(database: &Database) -> Vec<(String, i64, i64)> {
    let rows = "SELECT name, size, CAST(load AS BIGINT) FROM things ORDER BY name";
    database.fetch_all(rows, &[]).await.unwrap()
}

async fn nobody_waits_in_a_circle(store: Store) {
    let orders = [["a", "b", "c"], ["c", "b", "a"], ["b", "a", "b"]];
    let adding = orders.map(|names| {
        let database = store.database.clone();
        tokio::spawn(async move {
            for _ in 0..ROUNDS {
                let mut transaction = database.begin().await.unwrap();
                for name in names {
                    add(&mut transaction, name, 2);
                    // Others have their turn.
                    let one: Option<(i64,)> = transaction
                        .fetch_optional("SELECT CAST(1 AS BIGINT)", &[])
                        .await
                        .unwrap();
                    assert_eq!(one, Some((1,)));
                }
                transaction.commit().await.unwrap();
            }
        })
    });
    for one in adding {
        one.await.unwrap();
    }
    let times = |number: usize| i64::try_from(number * ROUNDS).unwrap();
    let expected = [("a", 3), ("b", 4), ("c", 2)];
    let expected =
        expected.map(|(name, number)| (name.to_owned(), 2 * times(number), times(number)));
    assert_eq!(sums(&store.database).await, expected);
}

async fn what_is_undone_adds_nothing(store: Store) {
    for end in ["drop", "rollback", "fail", "commit"] {
        let mut transaction = store.database.begin().await.unwrap();
        add(&mut transaction, end, 5);
        add(&mut transaction, end, -3);
        match end {
            "drop" => drop(transaction),
            "rollback" => transaction.rollback().await.unwrap(),
            "fail" => {
                assert!(transaction.execute("no statement", &[]).await.is_err());
                assert!(transaction.commit().await.is_err());
            }
            _ => transaction.commit().await.unwrap(),
        }
    }
    assert_eq!(sums(&store.database).await, [("commit".to_owned(), 2, 2)]);
}
