//! How the engines run the statements: by an index, however many sessions are over.

use muster_contract::session::{ComputeSessionFilter, ComputeSessionStatus, ListComputeSessions};
use muster_storage::{Bind, ComposedSql, Database, Engine, SetStatement};

use super::{
    containers, dependencies, due, find_sessions, list_sessions, load, logs, save, waiters,
};
use crate::compute_sessions::testing::on_both_engines;

fn check(database: &Database, what: &str, plan: &[String]) {
    let scans = |line: &String| match database.engine() {
        // Some indexes are of what is due alone: all of these is meant.
        Engine::Sqlite => {
            let of_due = ["compute_dependency_over", "compute_session_over"];
            line.starts_with("SCAN compute_") && !of_due.iter().any(|index| line.ends_with(index))
        }
        Engine::Postgres => line.contains("Seq Scan"),
    };
    assert!(!plan.iter().any(scans), "{what}: {plan:#?}");
}

async fn check_composed(database: &Database, what: &str, (sql, binds): (ComposedSql, Vec<Bind>)) {
    let text: &'static str = sql.as_str().to_owned().leak();
    let plan = database.plan(text, &binds).await.unwrap();
    check(database, what, &plan);
}

/// A row of anything: texts, integers and booleans.
fn any(columns: &str) -> Vec<Bind> {
    let columns = columns.chars();
    columns
        .map(|column| match column {
            't' => Bind::from("x"),
            'i' => Bind::from(1_i64),
            _ => Bind::from(true),
        })
        .collect()
}

on_both_engines! {
    async fn nothing_is_read_to_its_end(world) {
        let database = &world.database;
        let sets: [(&str, &'static SetStatement, &str); 18] = [
            ("sessions", &load::SESSIONS, "t"),
            ("containers", &load::CONTAINERS, "t"),
            ("waiters", &waiters::OF_SESSIONS, "t"),
            ("answered", &waiters::REMOVE, "t"),
            ("update", &save::UPDATE, "tttiiittiitii"),
            ("save containers", &save::SAVE_CONTAINERS, "ttitttiiittitt"),
            ("insert", &save::INSERT, "tttiiittiitiittttti"),
            ("exact", &find_sessions::EXACT, "itttb"),
            ("prefix", &find_sessions::PREFIX, "itti"),
            ("sessions of containers", &containers::SESSIONS, "t"),
            ("usage", &containers::USE, "ttt"),
            ("logs", &logs::KEEP, "tt"),
            ("wait", &dependencies::ADD, "tt"),
            ("wait no more", &dependencies::REMOVE, "t"),
            ("met", &dependencies::MET, "tt"),
            ("end", &dependencies::END, "t"),
            ("dependents", &dependencies::DEPENDENTS, "t"),
            ("dependencies", &dependencies::OF_SESSIONS, "t"),
        ];
        for (what, statement, columns) in sets {
            let row = any(columns);
            let plan = database.plan_set(statement, &[row]).await.unwrap();
            check(database, what, &plan);
        }
        let others: [(&str, &'static str, &str); 5] = [
            ("due", due::DUE, "ii"),
            ("late", waiters::DUE, "ii"),
            ("forget", due::FORGET, "ii"),
            ("to begin", dependencies::DUE, "i"),
            ("logs of session", logs::OF_SESSION, "t"),
        ];
        for (what, statement, columns) in others {
            let plan = database.plan(statement, &any(columns)).await.unwrap();
            check(database, what, &plan);
        }
    }

    async fn no_list_reads_to_the_end(world) {
        let x = || Some("x".to_owned());
        let all = ComputeSessionFilter::default;
        let filters = [
            all(),
            ComputeSessionFilter { owner: x(), ..all() },
            ComputeSessionFilter { tenant: x(), ..all() },
            ComputeSessionFilter { domain: x(), ..all() },
            ComputeSessionFilter { id: Some(uuid::Uuid::nil()), ..all() },
            ComputeSessionFilter { owner: x(), statuses: Some(vec![ComputeSessionStatus::Cancelled, ComputeSessionStatus::Running]), ..all() },
        ];
        for filter in filters {
            let halves = list_sessions::halves(&filter);
            assert_eq!(halves.len(), 2);
            check_composed(&world.database, "count", list_sessions::count_statement(&filter, &halves)).await;
            let question = ListComputeSessions { filter, order: None, offset: 3, limit: 5, with_containers: true };
            check_composed(&world.database, "page", list_sessions::page_statement(&question, &halves)).await;
        }
    }
}
