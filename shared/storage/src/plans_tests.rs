//! No statement of this crate reads a table to its end.

use muster_testkit::{PostgresServer, TemporaryDirectory, skip};
use sqlx::migrate::Migrator;

use crate::{
    Bind, Database, Location, SetStatement, StorageOptions, dead_letters, inbox, late_outcomes,
    origins, outbox,
};

static MIGRATIONS: Migrator = sqlx::migrate!("tests/migrations");

/// A full run of the longest length, and shorter ones.
const ROWS: usize = 16 + 8 + 4 + 2 + 1;

async fn nothing_is_read_to_its_end(database: &Database) {
    let text = || Bind::from("a");
    let number = || Bind::from(1_i64);
    let statements: [(&'static str, Vec<Bind>); 12] = [
        (inbox::FIND, vec![text()]),
        (inbox::FORGET_BEFORE, vec![number(), number()]),
        (outbox::UNPUBLISHED, vec![number(), number()]),
        (outbox::LAST_PUBLISHED, vec![text()]),
        (
            outbox::PUBLISHED_FROM,
            vec![text(), number(), number(), text(), number()],
        ),
        (outbox::UNPUBLISHED_STATS, vec![]),
        (outbox::FORGET_PUBLISHED_BEFORE, vec![number(), number()]),
        (dead_letters::LIST_WAITING, vec![number(), number()]),
        (dead_letters::COUNT, vec![]),
        (late_outcomes::UNTOLD, vec![number(), number()]),
        (late_outcomes::FORGET_BEFORE, vec![number(), number()]),
        (origins::FORGET_BEFORE, vec![number(), number()]),
    ];
    for (sql, binds) in statements {
        check(sql, &database.plan(sql, &binds).await.unwrap());
    }
    let sets: [(&'static SetStatement, Vec<Bind>); 10] = [
        (&inbox::RECORDED, vec![text()]),
        (
            &outbox::MARK_PUBLISHED,
            vec![text(), number(), number(), number()],
        ),
        (&outbox::MARK_LOST, vec![text(), number()]),
        (&origins::NOTE, vec![text(), text(), number()]),
        (&origins::FIND, vec![text()]),
        (&late_outcomes::AWAIT, vec![text(), text(), number()]),
        (&late_outcomes::HOLD, vec![text()]),
        (&late_outcomes::SETTLE, vec![text(), text()]),
        (&late_outcomes::MARK_SETTLED, vec![text(), number()]),
        (&late_outcomes::FORGET_TOLD, vec![text()]),
    ];
    for (statement, row) in sets {
        check(
            statement.postgres_text(),
            &database
                .plan_set(statement, &vec![row; ROWS])
                .await
                .unwrap(),
        );
    }
}

fn check(sql: &str, plan: &[String]) {
    assert!(!plan.is_empty());
    for table in [
        "inbox",
        "i",
        "outbox",
        "dead_letters",
        "reply_addresses",
        "a",
    ] {
        let scans = |line: &&String| {
            // A table that is read through an index which leaves most of it out is not read to its end.
            let scanned =
                line.trim().trim_start_matches("SCAN ") != line.trim() && !line.contains("USING");
            (scanned && line.split_whitespace().any(|word| word == table))
                || line.contains(&format!("Seq Scan on {table}"))
        };
        assert_eq!(plan.iter().find(scans), None, "{sql}\n{}", plan.join("\n"));
    }
    // SQLite would make an index for one statement rather than use none.
    assert!(
        !plan.iter().any(|line| line.contains("AUTOMATIC")),
        "{sql}\n{}",
        plan.join("\n")
    );
    if std::env::var_os("MUSTER_TEST_SHOW_PLANS").is_some() {
        println!("{sql}\n    {}\n", plan.join("\n    "));
    }
}

#[tokio::test]
async fn nothing_is_read_to_its_end_on_sqlite() {
    let directory = TemporaryDirectory::new("plans").unwrap();
    let options = StorageOptions::new(Location::Sqlite(directory.join("test.sqlite")));
    let database = Database::open(&options, &MIGRATIONS).await.unwrap();
    nothing_is_read_to_its_end(&database).await;
    database.close().await;
}

#[tokio::test]
async fn nothing_is_read_to_its_end_on_postgresql() {
    if let Err(reason) = PostgresServer::available() {
        return skip("plans on PostgreSQL", &reason);
    }
    let url = PostgresServer::shared()
        .await
        .unwrap()
        .create_database()
        .await
        .unwrap();
    let options = StorageOptions::new(Location::Postgres {
        url,
        schema: "part".to_owned(),
    });
    let database = Database::open(&options, &MIGRATIONS).await.unwrap();
    nothing_is_read_to_its_end(&database).await;
    database.close().await;
}
