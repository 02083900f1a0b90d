//! One text means the same on both engines, whatever the rows.

use muster_storage::{Bind, ColumnType, Database, Engine, SetStatement};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sqlx::FromRow;

use crate::fixture::Store;

const CASES: u32 = 64;

static UPSERT: SetStatement = SetStatement::new(
    "INSERT INTO things (name, note, size, load, live) SELECT r.name, r.note, r.size, r.load, r.live FROM {rows} \
     WHERE true ON CONFLICT (name) DO UPDATE SET size = COALESCE(excluded.size, things.size), load = excluded.load, \
     note = COALESCE(things.note, '') || excluded.note, live = NOT excluded.live RETURNING name, size",
    &[
        ("name", ColumnType::Text),
        ("note", ColumnType::Text),
        ("size", ColumnType::Integer),
        ("load", ColumnType::Double),
        ("live", ColumnType::Boolean),
    ],
);

#[derive(Debug, PartialEq, FromRow)]
struct Thing {
    name: String,
    note: Option<String>,
    size: Option<i64>,
    load: Option<f64>,
    live: Option<bool>,
}

/// Rows with different names of a few, so that later sets meet earlier ones.
fn set() -> impl Strategy<Value = Vec<Vec<Bind>>> {
    let text = any::<String>().prop_map(|text| text.replace('\0', ""));
    let row = (
        proptest::option::of(text),
        proptest::option::of(0..=i64::MAX),
        proptest::option::of(proptest::num::f64::NORMAL | proptest::num::f64::ZERO),
        any::<Option<bool>>(),
    );
    proptest::collection::btree_map(0..40_i32, row, 0..40).prop_map(|rows| {
        rows.into_iter()
            .map(|(name, (note, size, load, live))| {
                vec![
                    name.to_string().into(),
                    note.into(),
                    size.into(),
                    load.into(),
                    live.into(),
                ]
            })
            .collect()
    })
}

/// What an engine makes of two sets: what it returned, and what it then holds.
async fn outcome(
    database: &Database,
    sets: &[Vec<Vec<Bind>>],
) -> (Vec<(String, Option<i64>)>, Vec<Thing>) {
    let mut transaction = database.begin().await.unwrap();
    let mut returned = Vec::new();
    for rows in sets {
        returned.extend(transaction.fetch_set(&UPSERT, rows).await.unwrap());
    }
    returned.sort();
    let held = transaction
        .fetch_all(
            "SELECT name, note, size, load, live FROM things ORDER BY CAST(name AS BIGINT)",
            &[],
        )
        .await
        .unwrap();
    transaction.rollback().await.unwrap();
    (returned, held)
}

#[test]
fn any_sets_have_the_same_effect() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sqlite = runtime
        .block_on(Store::open(Engine::Sqlite, "sameness"))
        .unwrap();
    let Some(postgres) = runtime.block_on(Store::open(Engine::Postgres, "sameness with SQLite"))
    else {
        return;
    };
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        cases: CASES,
        ..Config::default()
    });
    let result = runner.run(&(set(), set()), |(first, second)| {
        let sets = [first, second];
        let of_sqlite = runtime.block_on(outcome(&sqlite.database, &sets));
        let of_postgres = runtime.block_on(outcome(&postgres.database, &sets));
        prop_assert_eq!(of_sqlite, of_postgres);
        Ok(())
    });
    runtime.block_on(async {
        sqlite.database.close().await;
        postgres.database.close().await;
    });
    result.unwrap();
}
