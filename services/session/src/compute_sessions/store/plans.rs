//! How the engines run the statements: by an index, however many sessions are over.

use muster_contract::session::{
    Comparison, ComparisonOperator, ComputeSessionField, ComputeSessionFilter, ComputeSessionOrder,
    ComputeSessionStatus as S, Condition, ConditionValue, ListComputeSessions,
};
use muster_storage::{Bind, ComposedSql, Database, Engine, SetStatement};

use super::{
    containers, counts, dependencies, due, find_sessions, list_containers,
    lists::{self, PlainOrder, Scope, Window},
    load, logs, save, waiters,
};
use crate::compute_sessions::testing::on_both_engines;

fn check(database: &Database, what: &str, plan: &[String]) {
    let scans = |line: &String| match database.engine() {
        // Some indexes are of what is due alone: all of these is meant.
        Engine::Sqlite => {
            let of_due = ["compute_dependency_over", "compute_session_over"];
            // The numbers are a few for each owner, whatever there is.
            let is_number = line.starts_with("SCAN compute_session_count");
            line.starts_with("SCAN compute_")
                && !is_number
                && !of_due.iter().any(|index| line.ends_with(index))
        }
        Engine::Postgres => line.contains("Seq Scan") && !line.contains("compute_session_count"),
    };
    assert!(!plan.iter().any(scans), "{what}: {plan:#?}");
}

async fn check_composed(database: &Database, what: &str, statement: (ComposedSql, Vec<Bind>)) {
    check(database, what, &plan(database, statement).await);
}

async fn plan(database: &Database, (sql, binds): (ComposedSql, Vec<Bind>)) -> Vec<String> {
    let text: &'static str = sql.as_str().to_owned().leak();
    database.plan(text, &binds).await.unwrap()
}

fn question(filter: ComputeSessionFilter) -> ListComputeSessions {
    ListComputeSessions {
        filter,
        order: Vec::new(),
        offset: 3,
        limit: 5,
        with_containers: true,
    }
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
        let sets: [(&str, &'static SetStatement, &str); 19] = [
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
            ("count", &counts::ADD, "ttttii"),
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
        let others: [(&str, &'static str, &str); 9] = [
            ("due", due::DUE, "ii"),
            ("late", waiters::DUE, "ii"),
            ("forget", due::FORGET, "ii"),
            ("to begin", dependencies::DUE, "i"),
            ("logs of session", logs::OF_SESSION, "t"),
            ("session of container", list_containers::SESSION, "t"),
            ("one container", list_containers::ONE, "t"),
            ("containers by place", list_containers::PLACES, "tii"),
            ("number of containers", list_containers::NUMBER, "t"),
        ];
        for (what, statement, columns) in others {
            let plan = database.plan(statement, &any(columns)).await.unwrap();
            check(database, what, &plan);
        }
    }

    async fn no_plain_list_sorts_or_reads_to_the_end(world) {
        let database = &world.database;
        let x = || Some("x".to_owned());
        let all = ComputeSessionFilter::default;
        let filters = [
            (all(), "compute_session_"),
            (ComputeSessionFilter { owner: x(), domain: x(), ..all() }, "_of_owner"),
            (ComputeSessionFilter { tenant: x(), ..all() }, "_of_tenant"),
            (ComputeSessionFilter { domain: x(), ..all() }, "_of_domain"),
        ];
        let keys = [
            (ComputeSessionField::StatusChangedAt, "compute_session_changed", "1"),
            (ComputeSessionField::CreatedAt, "compute_session_created", "1"),
            (ComputeSessionField::Name, "compute_session_named", "x"),
        ];
        for (filter, of) in filters {
            check_composed(database, "numbers", lists::numbers_statement(&filter)).await;
            for ((key, index, place), ascending) in keys.iter().flat_map(|key| [(*key, true), (*key, false)]) {
                let order = vec![ComputeSessionOrder { key, ascending }];
                let order = PlainOrder::of(&ListComputeSessions { order, ..question(filter.clone()) }).unwrap();
                for (statuses, window) in [
                    (&[S::Running][..], Window::at(3, 5, None)),
                    (&[S::Running][..], Window::at(0, 5, Some(place))),
                    (&[S::Pending, S::Terminated][..], Window::at(3, 5, None)),
                    (&[S::Pending, S::Terminated][..], Window::at(0, 5, Some(place))),
                ] {
                    let plan = plan(database, lists::plain_statement(&filter, statuses, order, &window)).await;
                    check(database, "page", &plan);
                    let is_served = |line: &&String| line.contains(index) && (line.contains(of) || of == "compute_session_");
                    // PostgreSQL takes any index of an empty table.
                    let served = plan.iter().filter(is_served).count();
                    assert!(served == statuses.len() || database.engine() == Engine::Postgres, "{filter:?} {key:?}: {plan:#?}");
                    // Only what is merged is sorted, of as many rows as are needed.
                    let sorts = plan.iter().filter(|line| line.contains("TEMP B-TREE") || line.contains("Sort")).count();
                    assert!(sorts < statuses.len(), "{filter:?} {key:?}: {plan:#?}");
                }
            }
        }
    }

    async fn what_is_looked_for_is_found_by_an_index(world) {
        let database = &world.database;
        let engine = database.engine();
        let scope = Scope::of(&[S::Running, S::Terminated]);
        let compared = |field, operator, value| {
            Condition::Field(Comparison { field, operator, values: vec![value] })
        };
        let name = compared(ComputeSessionField::Name, ComparisonOperator::Equal, ConditionValue::Text("x".to_owned()));
        let since = compared(ComputeSessionField::CreatedAt, ComparisonOperator::Greater, ConditionValue::Integer(1));
        let tag = compared(ComputeSessionField::Tag, ComparisonOperator::Equal, ConditionValue::Text("x".to_owned()));
        for owner in [None, Some("x".to_owned())] {
            for (condition, index) in [(name.clone(), "named"), (since.clone(), "created")] {
                let condition = Condition::All(vec![tag.clone(), condition]);
                let filter = ComputeSessionFilter { owner: owner.clone(), condition: Some(condition), ..ComputeSessionFilter::default() };
                let statements = [
                    lists::width_statement(engine, &filter, &scope).unwrap(),
                    lists::total_statement(engine, &filter, &scope),
                ];
                for statement in statements {
                    let plan = plan(database, statement).await;
                    check(database, "looking", &plan);
                    assert!(plan.iter().any(|line| line.contains(index)) || database.engine() == Engine::Postgres, "{plan:#?}");
                }
                check_composed(database, "page", lists::page_statement(engine, &question(filter), &scope)).await;
            }
            let filter = ComputeSessionFilter { owner, condition: Some(tag.clone()), ..ComputeSessionFilter::default() };
            assert_eq!(lists::width_statement(engine, &filter, &scope), None);
        }
        let filter = ComputeSessionFilter { owner: Some("x".to_owned()), ids: Some(vec![uuid::Uuid::nil(); 2]), ..ComputeSessionFilter::default() };
        check_composed(database, "ids", lists::page_statement(engine, &question(filter), &scope)).await;
    }
}
