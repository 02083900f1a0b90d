//! How the engines run the statements: every read of a job is by an index, and a page is not sorted for. (PostgreSQL may
//! sort where a page has most of what a stream has: that costs no more than the page.)

use muster_contract::job_archive::JobState;
use muster_storage::{Bind, ColumnType, Database, Engine, SetStatement};

use super::{
    delete_jobs::{DELETE, OLD},
    detach_tags::{DETACH, TAG_NUMBERS, TAGGED},
    find_stops::FIND,
    finish_jobs::FINISH,
    hold_job::NEWEST,
    job_tags::TAGS,
    latest_starts::LATEST,
    list_statement::{Columns, Cursor, Slice, Statement, list_statement},
    places::{CLUSTERS_OF, TENANTS, TENANTS_AND_CLUSTERS},
    record_jobs::RECORD,
};
use crate::{
    domain::{
        scope::Scope,
        streams::{Filter, Place},
    },
    testing::{NOON, on_both_engines},
};

const JOBS: i64 = 20_000;

/// Enough jobs that reading all of them costs more than an index, in two tenants, on three clusters, in four states.
async fn fill(database: &Database) {
    let mut transaction = database.begin().await.unwrap();
    transaction
        .execute(
            "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < $1) \
             INSERT INTO job (tenant, job_id, cluster, sub_cluster, start_time, state, user_name, project, partition, \
                 array_job_id, num_nodes, num_hwthreads, num_acc, sharing, monitoring_status, smt, duration, walltime, \
                 details) \
             SELECT CASE n % 11 WHEN 0 THEN 'other' ELSE 'demo' END, n, \
                 CASE n % 3 WHEN 0 THEN 'alpha' WHEN 1 THEN 'beta' ELSE 'gamma' END, 'main', $2 + n, \
                 CASE WHEN n > $1 - 100 THEN 'running' WHEN n % 10 = 0 THEN 'failed' WHEN n % 7 = 0 THEN 'timeout' \
                     ELSE 'completed' END, \
                 CASE n % 5 WHEN 0 THEN 'alice' ELSE 'bob' END, CASE n % 4 WHEN 0 THEN 'physics' ELSE 'art' END, '', \
                 0, 1, 0, 0, 'none', 1, 0, 0, 0, '{\"resources\":[]}' FROM number",
            &[JOBS.into(), NOON.into()],
        )
        .await
        .unwrap();
    for sql in [
        "INSERT INTO tag (type, name, scope) VALUES ('kind', 'name', 'global')",
        "INSERT INTO job_tag (job, tag) SELECT job.id, tag.id FROM job CROSS JOIN tag WHERE job.job_id % 2 = 0",
        "ANALYZE",
    ] {
        transaction.execute(sql, &[]).await.unwrap();
    }
    transaction.commit().await.unwrap();
    if database.engine() == Engine::Postgres {
        // As its own housekeeping does: an index alone is enough where it has been.
        let none: Vec<(String,)> = database.fetch_all("VACUUM", &[]).await.unwrap();
        assert!(none.is_empty());
    }
}

fn filters() -> Vec<Filter> {
    let scopes = [
        Scope::All,
        Scope::Tenant("demo".to_owned()),
        Scope::User {
            tenant: "demo".to_owned(),
            user: "alice".to_owned(),
        },
    ];
    let states = [
        vec![],
        vec![JobState::Running],
        vec![JobState::Completed],
        vec![JobState::Completed, JobState::Failed],
    ];
    let mut filters = Vec::new();
    for scope in &scopes {
        for states in &states {
            for cluster in [None, Some("alpha".to_owned())] {
                for project in [None, Some("physics".to_owned())] {
                    filters.push(Filter {
                        scope: scope.clone(),
                        states: states.clone(),
                        cluster: cluster.clone(),
                        project,
                        start_from: NOON,
                        start_to: NOON + JOBS / 2,
                    });
                }
            }
        }
    }
    filters
}

fn places() -> Vec<Place> {
    let place = |tenant: &str, cluster: &str| Place {
        tenant: tenant.to_owned(),
        cluster: cluster.to_owned(),
    };
    ["alpha", "beta", "gamma"]
        .into_iter()
        .flat_map(|cluster| [place("demo", cluster), place("other", cluster)])
        .collect()
}

/// Steps that read a table of jobs to its end, or sort.
fn faults(engine: Engine, plan: &[String]) -> Vec<&String> {
    let is_fault = |step: &&String| match engine {
        Engine::Sqlite => step.starts_with("SCAN job") || step.contains("TEMP B-TREE"),
        Engine::Postgres => {
            let node = step.trim_start().trim_start_matches("->").trim_start();
            ["Sort  (", "Incremental Sort", "Seq Scan on job", "Bitmap"]
                .iter()
                .any(|fault| node.starts_with(fault))
        }
    };
    plan.iter().filter(is_fault).collect()
}

fn literal(bind: &Bind) -> String {
    match bind {
        Bind::Integer(Some(number)) => number.to_string(),
        Bind::Text(Some(text)) => format!("'{text}'"),
        other => panic!("{other:?}"),
    }
}

fn type_name(bind: &Bind) -> &'static str {
    match bind.column_type() {
        ColumnType::Text => "text",
        ColumnType::Integer => "bigint",
        other => panic!("{other:?}"),
    }
}

/// The plan that PostgreSQL uses from the sixth time on: it fits any values.
async fn generic_plan(database: &Database, sql: &str, binds: &[Bind]) -> Vec<String> {
    let list = |items: Vec<String>| items.join(", ");
    let types = list(
        binds
            .iter()
            .map(|bind| type_name(bind).to_owned())
            .collect(),
    );
    let values = list(binds.iter().map(literal).collect());
    let mut snapshot = database.snapshot().await.unwrap();
    for sql in [
        "SET LOCAL plan_cache_mode = force_generic_plan".to_owned(),
        format!("PREPARE list ({types}) AS {sql}"),
    ] {
        let none: Vec<(String,)> = snapshot.fetch_all(sql.leak(), &[]).await.unwrap();
        assert!(none.is_empty());
    }
    let explain = format!("EXPLAIN EXECUTE list ({values})");
    let plan: Vec<(String,)> = snapshot.fetch_all(explain.leak(), &[]).await.unwrap();
    let none: Vec<(String,)> = snapshot.fetch_all("DEALLOCATE list", &[]).await.unwrap();
    assert!(none.is_empty());
    plan.into_iter().map(|(step,)| step).collect()
}

async fn check(database: &Database, filter: &Filter, statement: Statement) {
    let sql = statement.sql.as_str().to_owned();
    let plan = database
        .plan(sql.clone().leak(), &statement.binds)
        .await
        .unwrap();
    let faults_of = |plan: &[String]| faults(database.engine(), plan).len();
    assert_eq!(
        faults_of(&plan),
        0,
        "{filter:?}\n{sql}\n{}",
        plan.join("\n")
    );
    assert!(
        plan.iter().any(|step| step.contains("job_by_")),
        "{}",
        plan.join("\n")
    );
    if database.engine() == Engine::Postgres {
        let plan = generic_plan(database, &sql, &statement.binds).await;
        assert_eq!(
            faults_of(&plan),
            0,
            "{filter:?}\n{sql}\n{}",
            plan.join("\n")
        );
    }
}

on_both_engines! {
    async fn every_list_is_a_merge_of_index_scans(database) {
        // SQLite has not seen what is in the table until somebody says ANALYZE; then it may plan otherwise.
        for filled in [false, true] {
            if filled {
                fill(database).await;
            } else if database.engine() == Engine::Postgres {
                continue;
            }
            for filter in filters() {
                let places = places();
                let streams = filter.streams(&places);
                let first = Cursor::first(&filter);
                let after = Cursor { start_time: NOON + JOBS / 3, id: JOBS / 3 };
                for (columns, slice) in [
                    (Columns::Job, Slice { after: first, skipped: 0, limit: 25 }),
                    (Columns::JobAndMetaData, Slice { after, skipped: 0, limit: 25 }),
                    (Columns::Cursor, Slice { after: first, skipped: 10, limit: 1 }),
                ] {
                    let engine = database.engine();
                    let statement = list_statement(engine, &filter, &streams, columns, slice);
                    check(database, &filter, statement).await;
                }
            }
        }
    }

    async fn tenants_and_clusters_are_found_by_jumps_in_an_index(database) {
        fill(database).await;
        let demo = Bind::from("demo");
        for (sql, binds) in [
            (TENANTS, &[][..]),
            (CLUSTERS_OF, &[demo][..]),
            (TENANTS_AND_CLUSTERS, &[][..]),
        ] {
            let plan = database.plan(sql, binds).await.unwrap();
            assert!(faults(database.engine(), &plan).is_empty(), "{}", plan.join("\n"));
        }
    }

    async fn what_is_removed_is_read_by_index(database) {
        fill(database).await;
        let (text, number) = (|value: &str| Bind::from(value), |value: i64| Bind::from(value));
        for (sql, binds) in [
            (OLD, vec![text("demo"), number(NOON), number(1), number(NOON + JOBS / 2), Bind::Text(None), number(500)]),
            (TAGGED, vec![number(1), number(500), number(500), text("demo"), Bind::Text(None)]),
            (NEWEST, vec![number(7), text("demo"), Bind::Text(None), text("alpha"), Bind::Integer(None)]),
        ] {
            let plan = database.plan(sql, &binds).await.unwrap();
            let faults: Vec<&String> = faults(database.engine(), &plan)
                .into_iter()
                // The few jobs of one number are sorted to find the newest of them.
                .filter(|step| sql != NEWEST || !(step.contains("Sort  (") || step.contains("TEMP B-TREE FOR ORDER BY")))
                .collect();
            assert!(faults.is_empty(), "{faults:?}\n{}", plan.join("\n"));
        }
    }

    async fn sets_are_read_by_index(database) {
        fill(database).await;
        let text = |value: &str| Bind::from(value);
        let no_text = || Bind::Text(None);
        let number = |value: i64| Bind::from(value);
        let no_number = || Bind::Integer(None);
        let record = [
            vec![text("demo"), number(1), text("alpha"), text("main"), number(NOON), number(NOON), text("running")],
            vec![text("alice"), text("physics"), text(""), number(0), number(1), number(0), number(0), text("none")],
            vec![number(1), number(0), number(0), number(0), text("{}"), no_text()],
        ]
        .concat();
        let find = |id, job_id| vec![number(0), id, job_id, text("alpha"), no_number(), text("demo"), no_text()];
        let rows: [(&'static SetStatement, Vec<Vec<Bind>>); 8] = [
            (&TAG_NUMBERS, vec![vec![text("kind"), text("name"), text("global")]]),
            (&DETACH, vec![vec![number(1), number(1)], vec![number(2), number(1)]]),
            (&DELETE, vec![vec![number(1)], vec![number(2)]]),
            (&RECORD, vec![record]),
            (&LATEST, vec![vec![text("alpha"), number(3)]]),
            (&FIND, vec![find(number(1), no_number()), find(no_number(), number(3))]),
            (&FINISH, vec![vec![number(1), text("running"), text("failed"), number(1)]]),
            (&TAGS, vec![vec![number(1)], vec![number(2)]]),
        ];
        for (statement, row) in rows {
            let set: Vec<Vec<Bind>> = row.iter().cycle().take(64).cloned().collect();
            let plan = database.plan_set(statement, &set).await.unwrap();
            let faults: Vec<&String> = faults(database.engine(), &plan)
                .into_iter()
                // The few jobs of one number are sorted to find the newest of them.
                .filter(|step| !(step.contains("Sort  (") || step.contains("TEMP B-TREE FOR ORDER BY")))
                .collect();
            assert!(faults.is_empty(), "{faults:?}\n{}", plan.join("\n"));
        }
    }
}
