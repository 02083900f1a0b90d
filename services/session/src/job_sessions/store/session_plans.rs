//! How the engines run the statements of sessions and their runs: by an index, however many there are.

use muster_contract::session::{FieldValue, ListFilter, ListJobSessions};
use muster_storage::{Bind, Database, Engine, SetStatement};

use super::{forgetting, history, left_runs, list_runs, list_sessions, sessions};
use crate::testing::DATABASES;

const TABLES: [&str; 8] = [
    "job_session",
    "session_job",
    "session_run",
    "run_job",
    "backup_job",
    "backup_client",
    "run",
    "later",
];

fn check(database: &Database, what: &str, plan: &[String]) {
    let scans = |line: &String| match database.engine() {
        Engine::Sqlite => {
            let read = line.strip_prefix("SCAN ");
            let table = read.and_then(|read| read.split(' ').next());
            table.is_some_and(|table| TABLES.contains(&table))
        }
        Engine::Postgres => line.contains("Seq Scan"),
    };
    assert!(!plan.iter().any(scans), "{what}: {plan:#?}");
}

async fn nothing_is_read_to_its_end(database: &Database) {
    let text = || Bind::from("x");
    let number = || Bind::from(1_i64);
    let flag = || Bind::from(true);
    let sets: [(&str, &'static SetStatement, Vec<Bind>); 13] = [
        ("sessions", &sessions::BY_KEY, vec![text(), text()]),
        ("members", &sessions::MEMBERS, vec![number()]),
        (
            "update",
            &sessions::UPDATE,
            vec![
                number(),
                number(),
                text(),
                text(),
                number(),
                number(),
                text(),
                text(),
                number(),
                number(),
                flag(),
                number(),
            ],
        ),
        ("delete", &sessions::DELETE, vec![number()]),
        ("remove", &sessions::REMOVE_MEMBERS, vec![number(), text()]),
        (
            "forget jobs of runs",
            &forgetting::FORGET_JOBS,
            vec![text(), text(), number()],
        ),
        (
            "forget runs",
            &forgetting::FORGET_RUNS,
            vec![text(), text(), number()],
        ),
        ("tags", &history::LAST_TAGS, vec![text(), text()]),
        ("left", &left_runs::LEFT, vec![text(), text(), text()]),
        (
            "whereabouts",
            &history::WHEREABOUTS,
            vec![text(), text(), text()],
        ),
        (
            "jobs of runs",
            &list_runs::JOBS,
            vec![text(), text(), number()],
        ),
        (
            "save runs",
            &history::SAVE_RUNS,
            vec![text(), text(), number(), number(), number(), text(), text()],
        ),
        (
            "save members",
            &sessions::SAVE_MEMBERS,
            vec![
                number(),
                text(),
                number(),
                text(),
                number(),
                text(),
                text(),
                number(),
                number(),
            ],
        ),
    ];
    for (what, statement, row) in sets {
        let plan = database.plan_set(statement, &[row]).await.unwrap();
        check(database, what, &plan);
    }
    let others: [(&str, &'static str, Vec<Bind>); 5] = [
        ("due", sessions::DUE, vec![number(), number()]),
        ("ended", forgetting::ENDED, vec![number(), number()]),
        (
            "runs",
            list_runs::RUNS,
            vec![text(), text(), number(), number()],
        ),
        (
            "run",
            list_runs::RUN,
            vec![text(), text(), number(), number(), number()],
        ),
        ("known", list_runs::IS_KNOWN, vec![text(), text()]),
    ];
    for (what, statement, binds) in others {
        let plan = database.plan(statement, &binds).await.unwrap();
        check(database, what, &plan);
    }
}

async fn no_list_reads_to_the_end(database: &Database) {
    let question = ListJobSessions {
        tenant: Some("t".to_owned()),
        ..ListJobSessions::default()
    };
    let field = FieldValue {
        field: "session_id".to_owned(),
        value: "s".into(),
    };
    let found = ListJobSessions {
        filter: ListFilter {
            matching: vec![field],
            ..ListFilter::default()
        },
        ..question.clone()
    };
    for question in [question, found] {
        let (sql, binds) = list_sessions::statement(&question, 7, 3, 10);
        let text: &'static str = sql.as_str().to_owned().leak();
        let plan = database.plan(text, &binds).await.unwrap();
        check(database, "list", &plan);
    }
}

#[tokio::test]
async fn on_sqlite() {
    let database = DATABASES.sqlite().await.unwrap();
    nothing_is_read_to_its_end(&database.database).await;
    no_list_reads_to_the_end(&database.database).await;
}

#[tokio::test]
async fn on_postgres() {
    if let Some(database) = DATABASES.postgres().await.unwrap() {
        nothing_is_read_to_its_end(&database.database).await;
        no_list_reads_to_the_end(&database.database).await;
    }
}
