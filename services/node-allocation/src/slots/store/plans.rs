//! How the engines run the statements: what a request costs grows neither with the sessions that have ended nor with the agents
//! of other groups.

use muster_storage::{Bind, Database, Engine, SetStatement};

use super::{agents, leases, list_agents, queue, quotas, sessions};
use crate::{
    slots::testing::{allocate, beats, cluster},
    testing::{NOW, on_both_engines},
};

async fn fill(database: &Database) {
    beats(database, NOW, &[("a1", "default", "cpu=400")]).await;
    allocate(database, &[cluster(1, "cpu=1", 300)]).await;
    for sql in [
        "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 20000) \
         INSERT INTO slot_lease (session, container, request, agent, scaling_group, owner, tenant, domain, slots, granted_at, ended_at) \
         SELECT 's' || n, 0, 'r', 'a' || (n % 100), 'default', 'o' || (n % 50), 't', 'd', '{}', 0, \
             CASE WHEN n > 3000 THEN n END FROM number",
        "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 5000) \
         INSERT INTO slot_request (request, session, owner, tenant, domain, scaling_group, slots, containers, on_one_agent, \
             not_before, enqueued_at, reason) \
         SELECT 'r' || n, 'w' || n, 'o', 't', 'd', 'default', '{}', 1, false, CASE WHEN n % 500 = 0 THEN n END, n, \
             CASE WHEN n % 500 = 0 THEN 'not-yet' ELSE 'no-room' END FROM number",
        "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 5000) \
         INSERT INTO agent (name, scaling_group, status, seen_at, instance, version, address, slots) \
         SELECT 'x' || n, 'g' || n, CASE WHEN n % 2 = 0 THEN 'alive' ELSE 'lost' END, n, '', '', '', '{}' FROM number",
        "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 5000) \
         INSERT INTO slot_quota (scope, name, slots) SELECT 'keypair', 'k' || n, '{}' FROM number",
        "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 5000) \
         INSERT INTO fence (name, fenced_at) SELECT 'f' || n, n FROM number",
        "ANALYZE",
    ] {
        let mut transaction = database.begin().await.unwrap();
        transaction.execute(sql, &[]).await.unwrap();
        transaction.commit().await.unwrap();
    }
}

/// So that the check of the books finds nothing of what was made up.
async fn empty(database: &Database) {
    for sql in [
        "DELETE FROM slot_request",
        "DELETE FROM agent WHERE name LIKE 'x%'",
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
                && !step.contains("USING COVERING INDEX")
                && !step.contains("CONSTANT")
                && !step.starts_with("SCAN r")
                && !step.contains("ROW VALUES CLAUSE")
                && !step.contains("subquery"))
                || step.contains("TEMP B-TREE FOR ORDER BY")
        }
        Engine::Postgres => {
            let node = step.trim_start().trim_start_matches("->").trim_start();
            let reads_all = ["slot_lease", "slot_request", "agent", "slot_quota", "fence"];
            let mut reads_all = reads_all.iter().map(|table| format!("Seq Scan on {table}"));
            reads_all.any(|fault| node.starts_with(&fault)) || node.starts_with("Merge Join")
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
            (leases::USED, vec![]),
            (leases::FORGET, vec![number(4_000), number(5)]),
            (queue::DUE, vec![]),
            (agents::EARLIEST_SEEN, vec![]),
            (agents::LOSE, vec![number(100), number(5)]),
            (agents::FORGET, vec![number(100), number(5)]),
            (list_agents::PAGE, vec!["a".into(), number(5)]),
            (list_agents::PAGE_OF_GROUP, vec!["a".into(), number(5), "g7".into()]),
        ] {
            let plan = database.plan(sql, &binds).await.unwrap();
            assert_good(database, sql, &plan);
        }
        let plan = database.plan(leases::USED, &[]).await.unwrap();
        assert!(plan.iter().any(|step| step.contains("slot_lease_live")), "{}", plan.join("\n"));
        // The whole queue is read as a whole, in order or sorted.
        for sql in [queue::ALL, queue::LENGTH] {
            database.plan(sql, &[]).await.unwrap();
        }
        empty(database).await;
    }

    async fn sets_go_by_an_index(database) {
        fill(database).await;
        let text = |value: &str| Bind::from(value);
        let rows: [(&'static SetStatement, Vec<Bind>); 12] = [
            (&agents::NAMED, vec![text("x7")]),
            (&agents::OF_GROUPS, vec![text("g7")]),
            (&leases::END_OF_SESSIONS, vec![text("s7"), NOW.into()]),
            (&leases::END_OF_AGENTS, vec![text("a7"), NOW.into()]),
            (&list_agents::OCCUPIED, vec![text("a7")]),
            (&quotas::QUOTAS, vec![text("keypair"), text("k7")]),
            (&sessions::FENCED, vec![text("f7")]),
            (&sessions::WAITING, vec![text("w7")]),
            (&sessions::LEASED, vec![text("s7")]),
            (&queue::REMOVE, vec![text("r7")]),
            (&queue::REMOVE_SESSIONS, vec![text("w7")]),
            (&queue::SET_REASON, vec![text("r7"), text("no-room")]),
        ];
        for (statement, row) in rows {
            for size in [1, 64] {
                let set = vec![row.clone(); size];
                let plan = database.plan_set(statement, &set).await.unwrap();
                assert_good(database, &format!("{statement:?}"), &plan);
            }
        }
        empty(database).await;
    }
}
