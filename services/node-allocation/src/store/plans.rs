//! How the engines run the statements: every read and write of nodes is by an index, so that what a request costs does not
//! grow with the number of nodes.

use muster_contract::node_allocation::{ListNodes, NodeState};
use muster_storage::{Bind, Database, Engine, SetStatement};

use super::{
    conditions, contextualizing,
    fences::{FENCED, FORGET},
    find_node::BY_NAME,
    free_nodes::FREE,
    grant::CLAIM,
    hook_orders::{self, FIND, OVERDUE, SUBJECTS},
    idle_nodes::{DUE, TO_DO, UNUSED},
    leases, levels,
    list_nodes::statement,
    release::{END_LEASE, HOLD, RELEASE},
    session_nodes::HELD,
    tenants::{self, SHARES},
    waiting::{EARLIEST_END, REMOVE},
};
use crate::testing::{NOW, allocate, declare, of_pool, on_both_engines, wanted};

/// Enough nodes that reading all of them costs more than an index.
async fn fill(database: &Database) {
    declare(
        database,
        &[("metal", "n[00001-20000].dusty"), ("cloud", "c[1-9].cloud")],
    )
    .await;
    allocate(database, &[wanted(1, vec![of_pool("metal", 300)])]).await;
    for sql in [
        "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 20000) \
         INSERT INTO fence (name, fenced_at) SELECT 'f' || n, n FROM number",
        "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 20000) \
         INSERT INTO lease (node, generation, hostname, session, tenant, request, granted_at, released_at) \
         SELECT n, -1, 'x', 'y', 'z', 'r', 0, 1 FROM number",
        "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 20000) \
         INSERT INTO tenant (name, held) SELECT 't' || n, 0 FROM number",
        "INSERT INTO hook_order (id, node, generation, hook, attempt, agent, deadline) \
         SELECT CAST(id AS TEXT), id, 1, 'provision', 1, CAST(id / 16 AS TEXT), id FROM node WHERE id > 1000",
        "UPDATE node SET hook_due = id WHERE id BETWEEN 500 AND 600",
        "INSERT INTO contextualizing_request (request, session, tenant, demands, enqueued_at, wait_until, places, short) \
         SELECT CAST(id AS TEXT), CAST(id AS TEXT), 't', '[]', 0, 0, '[]', false FROM node",
        "ANALYZE",
    ] {
        let mut transaction = database.begin().await.unwrap();
        transaction.execute(sql, &[]).await.unwrap();
        transaction.commit().await.unwrap();
    }
}

/// Steps that read a large table to its end, or sort.
fn faults(engine: Engine, plan: &[String]) -> Vec<&String> {
    let is_fault = |step: &&String| match engine {
        Engine::Sqlite => {
            (step.starts_with("SCAN")
                && !step.contains("CONSTANT")
                && !step.starts_with("SCAN r")
                && !step.contains("ROW VALUES CLAUSE")
                && !step.contains("subquery"))
                || step.contains("TEMP B-TREE")
        }
        Engine::Postgres => {
            let node = step.trim_start().trim_start_matches("->").trim_start();
            let reads_all = [
                "Seq Scan on node",
                "Seq Scan on lease",
                "Seq Scan on fence",
                "Seq Scan on waiting",
                "Seq Scan on tenant",
                "Seq Scan on hook_order",
                "Seq Scan on contextualizing",
                "Hash Join",
                "Merge Join",
            ];
            let sorts = ["Sort  (", "Incremental Sort"];
            reads_all
                .iter()
                .chain(&sorts)
                .any(|fault| node.starts_with(fault))
        }
    };
    plan.iter().filter(is_fault).collect()
}

fn assert_good(database: &Database, what: &str, plan: &[String]) {
    let faults = faults(database.engine(), plan);
    assert!(faults.is_empty(), "{what}\n{faults:?}\n{}", plan.join("\n"));
}

on_both_engines! {
    async fn single_statements_go_by_an_index(database) {
        fill(database).await;
        let number = |value: i64| Bind::from(value);
        for (sql, binds) in [
            (FREE, vec![number(1), number(0), number(0), number(5)]),
            (BY_NAME, vec![Bind::from("n00007.dusty")]),
            (EARLIEST_END, vec![]),
            (FORGET, vec![number(NOW), number(5)]),
            (DUE, vec![number(NOW), number(5)]),
            (UNUSED, vec![number(1), number(5)]),
            (TO_DO, vec![]),
            (OVERDUE, vec![number(NOW), number(5)]),
            (leases::FORGET, vec![number(0), number(5)]),
        ] {
            let plan = database.plan(sql, &binds).await.unwrap();
            assert_good(database, sql, &plan);
        }
        let plan = database.plan(FREE, &[number(1), number(0), number(0), number(5)]).await.unwrap();
        assert!(plan.iter().any(|step| step.contains("node_ready")), "{}", plan.join("\n"));
    }

    async fn sets_go_by_an_index(database) {
        fill(database).await;
        let text = |value: &str| Bind::from(value);
        let number = |value: i64| Bind::from(value);
        let release = vec![
            number(1), number(1), text("s1"), text("ready"), Bind::Text(None), false.into(), number(0), Bind::Integer(None), number(NOW),
        ];
        let rows: [(&'static SetStatement, Vec<Bind>); 18] = [
            (&CLAIM, vec![number(900), number(0), text("deployed"), number(NOW), text("s"), text("t"), false.into()]),
            (&HELD, vec![text("s1")]),
            (&RELEASE, release),
            (&END_LEASE, vec![number(1), number(1), number(NOW)]),
            (&HOLD, vec![number(1), number(1), text("s1"), number(NOW)]),
            (&FENCED, vec![text("f7")]),
            (&REMOVE, vec![text("x")]),
            (&SHARES, vec![text("demo")]),
            (&tenants::CHANGE, vec![text("demo"), number(1)]),
            (&conditions::CHANGE, vec![
                number(1), number(1), text("ready"), text("provisioning"), Bind::Text(None), false.into(), number(0), number(0),
                Bind::Integer(None), number(NOW),
            ]),
            (&conditions::POSTPONE, vec![number(1), number(1)]),
            (&hook_orders::COUNT, vec![text("x")]),
            (&FIND, vec![text("x")]),
            (&SUBJECTS, vec![number(1)]),
            (&hook_orders::REMOVE, vec![text("x")]),
            (&contextualizing::OF_SESSIONS, vec![text("x")]),
            (&contextualizing::REMOVE, vec![text("x")]),
            (&levels::CHANGE, vec![number(1), text("ready"), number(1)]),
        ];
        for (statement, row) in rows {
            for size in [1, 64] {
                let set = vec![row.clone(); size];
                let plan = database.plan_set(statement, &set).await.unwrap();
                assert_good(database, &format!("{statement:?}"), &plan);
            }
        }
    }

    async fn lists_go_by_an_index(database) {
        fill(database).await;
        let text = |text: &str| Some(text.to_owned());
        let page = || ListNodes { limit: Some(100), ..ListNodes::default() };
        for question in [
            page(),
            ListNodes { tenant: text("demo"), ..page() },
            ListNodes { session: text("s1"), ..page() },
            ListNodes { id: Some(7), ..page() },
            ListNodes { states: vec![NodeState::Ready], ..page() },
        ] {
            let (sql, binds) = statement(&question, None);
            let plan = database.plan(sql.as_str().to_owned().leak(), &binds).await.unwrap();
            assert_good(database, sql.as_str(), &plan);
        }
        let (sql, binds) = statement(&page(), Some(1));
        let plan = database.plan(sql.as_str().to_owned().leak(), &binds).await.unwrap();
        assert_good(database, sql.as_str(), &plan);
    }
}
