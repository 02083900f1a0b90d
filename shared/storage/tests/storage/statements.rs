//! Values, single statements, sets of rows, composed lists.

use muster_storage::{Bind, ColumnType, ComposedSql, SetStatement};
use sqlx::FromRow;

use crate::fixture::{Store, on_both_engines};

#[derive(Debug, Clone, PartialEq, FromRow)]
struct Thing {
    name: String,
    note: Option<String>,
    size: Option<i64>,
    load: Option<f64>,
    live: Option<bool>,
}

const INSERT: &str =
    "INSERT INTO things (name, note, size, load, live) VALUES ($1, $2, $3, $4, $5)";
const ALL: &str = "SELECT name, note, size, load, live FROM things ORDER BY id";

static INSERT_SET: SetStatement = SetStatement::new(
    "INSERT INTO things (name, note, size, load, live) SELECT r.name, r.note, r.size, r.load, r.live FROM {rows} \
     WHERE true ON CONFLICT (name) DO NOTHING RETURNING name",
    &[
        ("name", ColumnType::Text),
        ("note", ColumnType::Text),
        ("size", ColumnType::Integer),
        ("load", ColumnType::Double),
        ("live", ColumnType::Boolean),
    ],
);
static SIZE_SET: SetStatement = SetStatement::new(
    "UPDATE things SET size = r.size, live = r.live FROM {rows} WHERE things.name = r.name",
    &[
        ("name", ColumnType::Text),
        ("size", ColumnType::Integer),
        ("live", ColumnType::Boolean),
    ],
);
static DELETE_SET: SetStatement = SetStatement::new(
    "DELETE FROM things WHERE name IN (SELECT r.name FROM {rows})",
    &[("name", ColumnType::Text)],
);
static READ_SET: SetStatement = SetStatement::new(
    "SELECT t.name, t.note, t.size, t.load, t.live FROM {rows} JOIN things AS t ON t.name = r.name",
    &[("name", ColumnType::Text)],
);

fn thing(number: i64) -> Thing {
    Thing {
        name: format!("thing {number}"),
        note: (number % 2 == 0).then(|| "é, \"quoted\" {braces} \\ NULL ☃".to_owned()),
        size: (number % 3 != 0).then_some(number * 1_000_000_007),
        load: (number % 5 != 0).then(|| f64::from(i32::try_from(number).unwrap()) / 3.0),
        live: [Some(true), Some(false), None][usize::try_from(number % 3).unwrap()],
    }
}

fn row(thing: &Thing) -> Vec<Bind> {
    vec![
        (&thing.name).into(),
        thing.note.as_deref().into(),
        thing.size.into(),
        thing.load.into(),
        thing.live.into(),
    ]
}

on_both_engines!(
    values_come_back_as_they_went_in,
    sets_of_every_size_come_back,
    a_set_says_what_it_changed,
    a_set_with_nothing_in_it_does_nothing,
    rows_that_do_not_fit_are_refused,
    lists_are_put_together,
    reads_find_one_or_none,
);

async fn values_come_back_as_they_went_in(store: Store) {
    let mut things: Vec<Thing> = (1..=6).map(thing).collect();
    things.push(Thing {
        name: String::new(),
        note: Some(String::new()),
        size: Some(0),
        load: Some(-0.0),
        live: None,
    });
    things.push(Thing {
        size: Some(i64::MAX),
        load: Some(f64::MAX),
        ..thing(7)
    });
    things.push(Thing {
        size: None,
        load: Some(f64::MIN_POSITIVE),
        ..thing(8)
    });
    // A whole number stays a double.
    things.push(Thing {
        load: Some(4.0),
        ..thing(9)
    });

    let mut transaction = store.database.begin().await.unwrap();
    for thing in &things {
        assert_eq!(transaction.execute(INSERT, &row(thing)).await.unwrap(), 1);
    }
    assert_eq!(
        transaction.fetch_all::<Thing>(ALL, &[]).await.unwrap(),
        things
    );
    transaction.commit().await.unwrap();
    assert_eq!(
        store.database.fetch_all::<Thing>(ALL, &[]).await.unwrap(),
        things
    );
}

async fn sets_of_every_size_come_back(store: Store) {
    for size in (0..=34).chain([64, 100]) {
        let things: Vec<Thing> = (1..=size).map(thing).collect();
        let rows: Vec<_> = things.iter().map(row).collect();

        let mut transaction = store.database.begin().await.unwrap();
        let mut names: Vec<(String,)> = transaction.fetch_set(&INSERT_SET, &rows).await.unwrap();
        names.sort();
        let mut expected: Vec<_> = things.iter().map(|thing| (thing.name.clone(),)).collect();
        expected.sort();
        assert_eq!(names, expected);
        transaction.commit().await.unwrap();

        let keys: Vec<Vec<Bind>> = things
            .iter()
            .map(|thing| vec![(&thing.name).into()])
            .collect();
        let mut read: Vec<Thing> = store.database.fetch_set(&READ_SET, &keys).await.unwrap();
        read.sort_by_key(|thing| things.iter().position(|other| other.name == thing.name));
        assert_eq!(read, things);

        let mut transaction = store.database.begin().await.unwrap();
        assert_eq!(
            transaction.execute_set(&DELETE_SET, &keys).await.unwrap(),
            u64::try_from(size).unwrap()
        );
        assert_eq!(
            transaction
                .fetch_set::<Thing>(&READ_SET, &keys)
                .await
                .unwrap(),
            []
        );
        transaction.commit().await.unwrap();
    }
}

async fn a_set_says_what_it_changed(store: Store) {
    let mut transaction = store.database.begin().await.unwrap();
    let first: Vec<_> = (1..=20).map(|number| row(&thing(number))).collect();
    let second: Vec<_> = (11..=30).map(|number| row(&thing(number))).collect();
    assert_eq!(
        transaction.execute_set(&INSERT_SET, &first).await.unwrap(),
        20
    );
    let mut inserted: Vec<(String,)> = transaction.fetch_set(&INSERT_SET, &second).await.unwrap();
    inserted.sort();
    assert_eq!(
        inserted,
        (21..=30)
            .map(|number| (thing(number).name,))
            .collect::<Vec<_>>()
    );

    let changes: Vec<Vec<Bind>> = (29..=33)
        .map(|number| vec![thing(number).name.into(), Bind::Integer(None), true.into()])
        .collect();
    assert_eq!(
        transaction.execute_set(&SIZE_SET, &changes).await.unwrap(),
        2
    );
    let updated: Vec<(Option<i64>, bool)> = transaction
        .fetch_all(
            "SELECT size, live FROM things WHERE name = $1 OR name = $2",
            &["thing 29".into(), "thing 30".into()],
        )
        .await
        .unwrap();
    assert_eq!(updated, [(None, true), (None, true)]);
}

async fn a_set_with_nothing_in_it_does_nothing(store: Store) {
    let mut transaction = store.database.begin().await.unwrap();
    assert_eq!(transaction.execute_set(&INSERT_SET, &[]).await.unwrap(), 0);
    assert_eq!(
        transaction
            .fetch_set::<Thing>(&READ_SET, &[])
            .await
            .unwrap(),
        []
    );
    transaction.commit().await.unwrap();
    assert_eq!(
        store
            .database
            .fetch_set::<Thing>(&READ_SET, &[])
            .await
            .unwrap(),
        []
    );
    let mut snapshot = store.database.snapshot().await.unwrap();
    assert_eq!(
        snapshot.fetch_set::<Thing>(&READ_SET, &[]).await.unwrap(),
        []
    );
}

async fn rows_that_do_not_fit_are_refused(store: Store) {
    let mut transaction = store.database.begin().await.unwrap();
    let short: Vec<Bind> = vec!["a".into()];
    let wrong: Vec<Bind> = vec![1_i64.into()];
    assert!(
        transaction
            .execute_set(&INSERT_SET, &[short])
            .await
            .is_err()
    );
    assert!(
        transaction
            .fetch_set::<Thing>(&READ_SET, std::slice::from_ref(&wrong))
            .await
            .is_err()
    );
    assert!(
        store
            .database
            .fetch_set::<Thing>(&READ_SET, &[wrong])
            .await
            .is_err()
    );
}

async fn lists_are_put_together(store: Store) {
    let mut transaction = store.database.begin().await.unwrap();
    let rows: Vec<_> = (1..=30).map(|number| row(&thing(number))).collect();
    transaction.execute_set(&INSERT_SET, &rows).await.unwrap();
    transaction.commit().await.unwrap();

    let list = |live: bool| {
        let mut sql = ComposedSql::new().push("SELECT name FROM things WHERE size > $1");
        let mut binds = vec![Bind::from(10 * 1_000_000_007_i64)];
        if live {
            binds.push(true.into());
            sql = sql.push(" AND live = ").push_place(binds.len());
        }
        (sql.push(" ORDER BY id LIMIT 3"), binds)
    };
    let mut snapshot = store.database.snapshot().await.unwrap();
    for (live, expected) in [
        (false, ["thing 11", "thing 13", "thing 14"]),
        (true, ["", "", ""]),
    ] {
        let (sql, binds) = list(live);
        let names: Vec<(String,)> = store
            .database
            .fetch_composed(sql.clone(), &binds)
            .await
            .unwrap();
        assert_eq!(
            names,
            snapshot
                .fetch_composed::<(String,)>(sql, &binds)
                .await
                .unwrap()
        );
        let names: Vec<_> = names.iter().map(|(name,)| name.as_str()).collect();
        // Only things whose number is divisible by 3 are live, and those have no size.
        assert_eq!(
            names,
            expected
                .into_iter()
                .filter(|name| !name.is_empty())
                .collect::<Vec<_>>()
        );
    }
}

const ONE: &str = "SELECT name, note, size, load, live FROM things WHERE name = $1";
const SUM: &str =
    "SELECT COUNT(*), CAST(SUM(size) AS BIGINT), MAX(load) FROM things WHERE name = $1";

async fn reads_find_one_or_none(store: Store) {
    let mut transaction = store.database.begin().await.unwrap();
    transaction.execute(INSERT, &row(&thing(1))).await.unwrap();
    transaction.commit().await.unwrap();

    for (name, found) in [("thing 1", Some(thing(1))), ("thing 2", None)] {
        let binds = [name.into()];
        assert_eq!(
            store
                .database
                .fetch_optional::<Thing>(ONE, &binds)
                .await
                .unwrap(),
            found
        );
        let mut snapshot = store.database.snapshot().await.unwrap();
        assert_eq!(
            snapshot.fetch_optional::<Thing>(ONE, &binds).await.unwrap(),
            found
        );
        assert_eq!(
            snapshot.fetch_all::<Thing>(ONE, &binds).await.unwrap(),
            Vec::from_iter(found.clone())
        );
        let mut transaction = store.database.begin().await.unwrap();
        assert_eq!(
            transaction
                .fetch_optional::<Thing>(ONE, &binds)
                .await
                .unwrap(),
            found
        );
        let sum: Option<(i64, Option<i64>, Option<f64>)> =
            transaction.fetch_optional(SUM, &binds).await.unwrap();
        let (size, load) = (
            found.as_ref().and_then(|thing| thing.size),
            found.as_ref().and_then(|thing| thing.load),
        );
        assert_eq!(sum, Some((i64::from(found.is_some()), size, load)));
    }
}
