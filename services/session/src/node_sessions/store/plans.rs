//! How the engines run the statements: by an index, however many sessions have ended.

use muster_storage::{Bind, Database, Engine, SetStatement};

use muster_contract::session::{AccountNodeSessions, AccountedBy};

use super::{
    accounts,
    due::{EXPIRED, MISSED, POSTPONE, TIED},
    find_sessions::FIND,
    held_nodes::HELD,
    load::{NODES, SESSIONS},
    open_sessions::COUNT,
    pending_requests::{OF_COMMANDS, OF_SESSIONS, REMOVE},
    save::{TAKE_OUT, UPDATE},
    session_hooks::{self, BY_ORDER, DUE},
    stopped_jobs::{FORGET, STOPPED},
};
use crate::node_sessions::testing::on_both_engines;

fn check(database: &Database, what: &str, plan: &[String]) {
    let scan = match database.engine() {
        Engine::Sqlite => |line: &String| {
            let tables = [
                "node_session",
                "session_node",
                "pending_request",
                "session_hook",
                "job_stopped",
            ];
            tables
                .iter()
                .any(|table| line.starts_with(&format!("SCAN {table}")))
        },
        Engine::Postgres => |line: &String| line.contains("Seq Scan"),
    };
    assert!(!plan.iter().any(scan), "{what}: {plan:#?}");
}

on_both_engines! {
    async fn nothing_is_read_to_its_end(world) {
        let database = &world.database;
        let text = || Bind::from("x");
        let number = || Bind::from(1_i64);
        let sets: [(&str, &'static SetStatement, Vec<Bind>); 15] = [
            ("sessions", &SESSIONS, vec![text()]),
            ("nodes", &NODES, vec![text()]),
            ("find", &FIND, vec![number(), text(), number(), text(), text()]),
            ("count", &COUNT, vec![text(), number()]),
            ("held", &HELD, vec![text()]),
            ("pending", &OF_SESSIONS, vec![text()]),
            ("begun", &OF_COMMANDS, vec![text()]),
            ("answered", &REMOVE, vec![text()]),
            ("update", &UPDATE, vec![text(), text(), number(), number(), text()]),
            ("take out", &TAKE_OUT, vec![text(), number(), number(), number()]),
            ("postpone", &POSTPONE, vec![text(), number(), number()]),
            ("hooks", &session_hooks::OF_SESSIONS, vec![text()]),
            ("order", &BY_ORDER, vec![text()]),
            ("stopped", &STOPPED, vec![text(), text(), number()]),
            ("tied", &TIED, vec![number(), text(), text(), number()]),
        ];
        for (what, statement, row) in sets {
            let plan = database.plan_set(statement, &[row]).await.unwrap();
            check(database, what, &plan);
        }
        for by in [AccountedBy::Tenant, AccountedBy::Alias, AccountedBy::Session] {
            let question = AccountNodeSessions { from: 1, to: 2, by, tenant: None, after: None, limit: 9 };
            let (sql, binds) = accounts::statement(&question, 3).unwrap();
            let plan = database.plan(sql.as_str().to_owned().leak(), &binds).await.unwrap();
            check(database, "accounts", &plan);
        }
        for (what, statement) in [("expired", EXPIRED), ("missed", MISSED), ("due hooks", DUE), ("forget", FORGET)] {
            let plan = database.plan(statement, &[number(), number()]).await.unwrap();
            check(database, what, &plan);
        }
    }
}
