//! Statements whose results nobody asks for, which SQLite gets together with the next; and several reads in one.

use muster_storage::{Bind, ColumnType, SetStatement, StorageError, ThreeSets, Transaction};

use crate::fixture::{Store, on_both_engines};

static INSERT: SetStatement = SetStatement::new(
    "INSERT INTO things (name, size) SELECT r.name, r.size FROM {rows} WHERE true",
    &[("name", ColumnType::Text), ("size", ColumnType::Integer)],
);
static RESIZE: SetStatement = SetStatement::new(
    "UPDATE things SET size = r.size FROM {rows} WHERE things.name = r.name",
    &[("name", ColumnType::Text), ("size", ColumnType::Integer)],
);
static DELETE: SetStatement = SetStatement::new(
    "DELETE FROM things WHERE name IN (SELECT r.name FROM {rows})",
    &[("name", ColumnType::Text)],
);
static NAMES: SetStatement = SetStatement::new(
    "SELECT t.name FROM {rows} JOIN things AS t ON t.name = r.name",
    &[("name", ColumnType::Text)],
);
static SIZES: SetStatement = SetStatement::new(
    "SELECT t.name, t.size FROM {rows} JOIN things AS t ON t.name = r.name",
    &[("name", ColumnType::Text)],
);
/// Reads the rows twice, so that no other statement can be in its text.
static TWICE: SetStatement = SetStatement::new(
    "SELECT t.size FROM {rows} JOIN things AS t ON t.name = r.name WHERE r.name IN (SELECT r.name FROM {rows})",
    &[("name", ColumnType::Text)],
);

const ALL: &str = "SELECT name, size FROM things ORDER BY size";
const COUNT: &str = "SELECT COUNT(*) FROM things";
const ONE: &str = "SELECT size FROM things WHERE name = $1";

on_both_engines!(
    what_is_written_is_there_for_what_comes_next,
    what_is_written_comes_in_its_turn,
    one_row_that_is_not_changed_undoes_all,
    a_broken_constraint_undoes_all,
    what_is_not_committed_is_not_there,
    several_reads_see_the_same,
);

fn sized(numbers: impl IntoIterator<Item = i64>, factor: i64) -> Vec<Vec<Bind>> {
    let rows = numbers.into_iter();
    rows.map(|number| vec![name(number).into(), (number * factor).into()])
        .collect()
}

fn named(numbers: impl IntoIterator<Item = i64>) -> Vec<Vec<Bind>> {
    let rows = numbers.into_iter();
    rows.map(|number| vec![name(number).into()]).collect()
}

fn name(number: i64) -> String {
    format!("thing {number}")
}

async fn count(transaction: &mut Transaction) -> i64 {
    let (count,) = transaction
        .fetch_optional(COUNT, &[])
        .await
        .unwrap()
        .unwrap();
    count
}

async fn what_is_written_is_there_for_what_comes_next(store: Store) {
    for rows in [0, 1, 2, 3, 16, 17, 64, 65, 200, 700] {
        let mut transaction = store.database.begin().await.unwrap();
        transaction
            .write_set(&INSERT, &sized(1..=rows, 1))
            .await
            .unwrap();
        let found: Vec<(String, i64)> = transaction.fetch_all(ALL, &[]).await.unwrap();
        let expected: Vec<_> = (1..=rows).map(|number| (name(number), number)).collect();
        assert_eq!(found, expected);

        transaction
            .change_set(&RESIZE, &sized(1..=rows, 2), "things")
            .await
            .unwrap();
        let first: Option<(i64,)> = transaction
            .fetch_optional(ONE, &[name(1).into()])
            .await
            .unwrap();
        assert_eq!(first, (rows > 0).then_some((2,)));

        transaction
            .write_set(&RESIZE, &sized(1..=rows, 3))
            .await
            .unwrap();
        let mut found: Vec<(String, i64)> = transaction
            .fetch_set(&SIZES, &named(1..=rows))
            .await
            .unwrap();
        found.sort_by_key(|(_, size)| *size);
        let expected: Vec<_> = (1..=rows)
            .map(|number| (name(number), number * 3))
            .collect();
        assert_eq!(found, expected);

        transaction
            .write_set(&RESIZE, &sized(1..=rows, 4))
            .await
            .unwrap();
        let mut found: Vec<(i64,)> = transaction
            .fetch_set(&TWICE, &named(1..=rows))
            .await
            .unwrap();
        found.sort_unstable();
        let expected: Vec<_> = (1..=rows).map(|number| (number * 4,)).collect();
        assert_eq!(found, expected);

        // Only what this one changes is counted.
        transaction
            .write_set(&INSERT, &sized([-1, 0], 0))
            .await
            .unwrap();
        let deleted = transaction
            .execute_set(&DELETE, &named(0..=rows))
            .await
            .unwrap();
        assert_eq!(i64::try_from(deleted).unwrap(), rows + 1);
        transaction.write_set(&DELETE, &named([-1])).await.unwrap();
        transaction.commit().await.unwrap();
        let left: Option<(i64,)> = store.database.fetch_optional(COUNT, &[]).await.unwrap();
        assert_eq!(left, Some((0,)));
    }
}

async fn what_is_written_comes_in_its_turn(store: Store) {
    let mut transaction = store.database.begin().await.unwrap();
    // More than go together.
    for number in 1..=30 {
        transaction
            .write_set(&INSERT, &sized([number, 100], 1))
            .await
            .unwrap();
        transaction
            .write_set(&RESIZE, &sized([number], 7))
            .await
            .unwrap();
        transaction.write_set(&DELETE, &named([100])).await.unwrap();
    }
    assert_eq!(count(&mut transaction).await, 30);
    transaction.commit().await.unwrap();
    let found: Vec<(String, i64)> = store.database.fetch_all(ALL, &[]).await.unwrap();
    let expected: Vec<_> = (1..=30).map(|number| (name(number), number * 7)).collect();
    assert_eq!(found, expected);
}

async fn one_row_that_is_not_changed_undoes_all(store: Store) {
    let ends = [
        "commit",
        "read",
        "read of a set",
        "many writes",
        "what breaks a constraint",
    ];
    for ends_with in ends {
        let mut transaction = store.database.begin().await.unwrap();
        transaction
            .write_set(&INSERT, &sized(1..=3, 1))
            .await
            .unwrap();
        let changed = transaction
            .change_set(&RESIZE, &sized(1..=4, 2), "things")
            .await;
        let result = match (changed, ends_with) {
            (Err(error), _) => Err(error),
            (Ok(()), "commit") => transaction.commit().await,
            (Ok(()), "read") => transaction
                .fetch_all::<(String, i64)>(ALL, &[])
                .await
                .map(drop),
            (Ok(()), "read of a set") => {
                let rows = named([1]);
                transaction
                    .fetch_set::<(String,)>(&NAMES, &rows)
                    .await
                    .map(drop)
            }
            // Which there is only because the row was not as it was read.
            (Ok(()), "what breaks a constraint") => {
                let written = transaction.write_set(&INSERT, &sized([1], 1)).await;
                written.and(transaction.commit().await)
            }
            (Ok(()), _) => {
                let mut result = Ok(());
                for _ in 0..20 {
                    result = result.and(transaction.write_set(&RESIZE, &sized([1], 5)).await);
                }
                result
            }
        };
        assert!(
            matches!(result, Err(StorageError::Conflict(_))),
            "{ends_with}: {result:?}"
        );
        let left: Option<(i64,)> = store.database.fetch_optional(COUNT, &[]).await.unwrap();
        assert_eq!(left, Some((0,)), "{ends_with}");
    }
}

async fn a_broken_constraint_undoes_all(store: Store) {
    let mut transaction = store.database.begin().await.unwrap();
    transaction
        .write_set(&INSERT, &sized(1..=3, 1))
        .await
        .unwrap();
    let written = transaction.write_set(&INSERT, &sized(3..=5, 1)).await;
    let failed = written.is_err();
    let result = match written {
        Ok(()) => transaction
            .fetch_all::<(String, i64)>(ALL, &[])
            .await
            .map(drop),
        Err(error) => Err(error),
    };
    assert!(
        result
            .as_ref()
            .is_err_and(StorageError::is_unique_violation),
        "{result:?}"
    );
    if !failed {
        assert!(
            transaction
                .write_set(&INSERT, &sized([9], 1))
                .await
                .is_err()
        );
    }
    assert!(transaction.commit().await.is_err());

    // And where nothing is between it and the commit.
    let mut transaction = store.database.begin().await.unwrap();
    let written = transaction.write_set(&INSERT, &sized([1, 1], -1)).await;
    let result = match written {
        Ok(()) => transaction.commit().await,
        Err(error) => Err(error),
    };
    assert!(
        matches!(result, Err(StorageError::Constraint { .. })),
        "{result:?}"
    );

    let mut transaction = store.database.begin().await.unwrap();
    assert_eq!(count(&mut transaction).await, 0);
    transaction
        .write_set(&INSERT, &sized([1], 1))
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

async fn what_is_not_committed_is_not_there(store: Store) {
    for ends_with in ["drop", "rollback", "drop after reading"] {
        let mut transaction = store.database.begin().await.unwrap();
        transaction
            .write_set(&INSERT, &sized(1..=3, 1))
            .await
            .unwrap();
        match ends_with {
            "drop" => drop(transaction),
            "rollback" => transaction.rollback().await.unwrap(),
            _ => {
                assert_eq!(count(&mut transaction).await, 3);
                drop(transaction);
            }
        }
        let mut next = store.database.begin().await.unwrap();
        assert_eq!(count(&mut next).await, 0, "{ends_with}");
    }
}

async fn several_reads_see_the_same(store: Store) {
    for (there, wanted) in [(0, 3), (1, 1), (2, 5), (20, 17), (150, 140)] {
        let mut transaction = store.database.begin().await.unwrap();
        transaction
            .write_set(&INSERT, &sized(1..=there, 1))
            .await
            .unwrap();
        let statements = [&NAMES, &TWICE, &SIZES];
        let (mut names, mut twice, mut sizes): ThreeSets<(String,), (i64,), (String, i64)> =
            transaction
                .fetch_sets(statements, &named(1..=wanted))
                .await
                .unwrap();
        let expected: Vec<i64> = (1..=there.min(wanted)).collect();
        names.sort_by_key(|(name,)| (name.len(), name.clone()));
        twice.sort_unstable();
        sizes.sort_by_key(|(_, size)| *size);
        assert!(
            names
                .into_iter()
                .eq(expected.iter().map(|number| (name(*number),)))
        );
        assert!(
            twice
                .into_iter()
                .eq(expected.iter().map(|number| (*number,)))
        );
        assert!(
            sizes
                .into_iter()
                .eq(expected.iter().map(|number| (name(*number), *number)))
        );
        let none: ThreeSets<(String,), (i64,), (String, i64)> =
            transaction.fetch_sets(statements, &[]).await.unwrap();
        assert_eq!(none, (vec![], vec![], vec![]));
        assert!(
            transaction
                .fetch_sets::<(String,), (i64,), (i64,)>(statements, &[vec![]])
                .await
                .is_err()
        );
    }
}
