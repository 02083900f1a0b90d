//! How the engines run the statements of documents: by an index, however many there are.

use muster_contract::session::ListFilter;
use muster_storage::{Bind, Database, Engine, SetStatement};
use serde_json::json;

use super::{
    backup_actions, backup_clients, backup_jobs, backups,
    list_statement::{Conditions, List, Wanted},
    lists::{ACTIONS, BACKUPS, CLIENTS, JOBS},
};
use crate::job_sessions::documents_world::{matching, not_matching, on_both_engines};

/// What is asked, of which list, of which tenant, for which id, with which filter.
type Asking<'a> = (
    &'a str,
    &'static List,
    Option<&'a str>,
    Option<&'a str>,
    &'a ListFilter,
);

fn check(database: &Database, what: &str, plan: &[String]) {
    let scans = |line: &String| match database.engine() {
        // The rows of a set, the page of jobs, and the numbers of clients are read to their ends.
        Engine::Sqlite => {
            let read = line.strip_prefix("SCAN ");
            read.is_some_and(|read| read.starts_with("backup") || read.starts_with("session_job"))
        }
        Engine::Postgres => line.contains("Seq Scan"),
    };
    assert!(!plan.iter().any(scans), "{what}: {plan:#?}");
}

on_both_engines! {
    async fn nothing_is_read_to_its_end(world) {
        let database = &world.database;
        let text = || Bind::from("x");
        let number = || Bind::from(1_i64);
        let sets: [(&str, &'static SetStatement, Vec<Bind>); 14] = [
            ("jobs", &backup_jobs::BY_KEY, vec![text(), text()]),
            ("jobs of sessions", &backup_jobs::OF_SESSIONS, vec![text(), text()]),
            ("delete jobs", &backup_jobs::DELETE, vec![number()]),
            ("update jobs", &backup_jobs::UPDATE, vec![number(), text(), number(), text(), number(), text(), text(), text(), text()]),
            ("clients of jobs in sessions", &backup_jobs::FOLLOW, vec![text(), text(), text(), text()]),
            ("actions", &backup_actions::BY_KEY, vec![text(), text()]),
            ("actions of jobs", &backup_actions::OF_JOBS, vec![number(), text()]),
            ("delete actions", &backup_actions::DELETE, vec![text(), text()]),
            ("forget actions", &backup_actions::FORGET, vec![text(), text()]),
            ("clear actions", &backup_actions::CLEAR, vec![number()]),
            ("clients", &backup_clients::SEEN, vec![text(), text()]),
            ("delete clients", &backup_clients::DELETE, vec![text(), text()]),
            ("backups", &backups::BY_KEY, vec![text(), text()]),
            ("delete backups", &backups::DELETE, vec![text(), text()]),
        ];
        for (what, statement, row) in sets {
            let plan = database.plan_set(statement, &[row]).await.unwrap();
            check(database, what, &plan);
        }
        let scheduler = ListFilter {
            not_matching: not_matching(&[("status", json!("completed"))]).not_matching,
            ..matching(&[("client_id", json!("c"))])
        };
        let in_session = matching(&[("session_id", json!("s"))]);
        let nothing = ListFilter::default();
        let lists: [Asking<'_>; 12] = [
            ("jobs", &JOBS, Some("t"), None, &nothing),
            ("job", &JOBS, Some("t"), Some("i"), &nothing),
            ("job of any", &JOBS, None, Some("i"), &nothing),
            ("jobs of a scheduler", &JOBS, Some("t"), None, &scheduler),
            ("jobs of a central scheduler", &JOBS, None, None, &scheduler),
            ("jobs of a session", &JOBS, Some("t"), None, &in_session),
            ("actions", &ACTIONS, Some("t"), None, &nothing),
            ("action", &ACTIONS, Some("t"), Some("i"), &nothing),
            ("clients", &CLIENTS, Some("t"), None, &nothing),
            ("client", &CLIENTS, Some("t"), Some("i"), &nothing),
            ("backups", &BACKUPS, Some("t"), None, &nothing),
            ("backup", &BACKUPS, Some("t"), Some("i"), &nothing),
        ];
        for (what, list, tenant, id, filter) in lists {
            let wanted = Wanted { tenant, id, filter, offset: 0, limit: 10 };
            let statement = Conditions::of(list, wanted).unwrap().statement(0, 10, 20);
            let text: &'static str = statement.sql.as_str().to_owned().leak();
            let plan = database.plan(text, &statement.binds).await.unwrap();
            check(database, what, &plan);
        }
    }

    async fn a_scheduler_reads_what_is_open_alone(world) {
        let scheduler = ListFilter {
            not_matching: not_matching(&[("status", json!("completed"))]).not_matching,
            ..matching(&[("client_id", json!("c"))])
        };
        for (tenant, index) in [(Some("t"), "backup_job_open"), (None, "backup_job_open_anywhere")] {
            let wanted = Wanted { tenant, id: None, filter: &scheduler, offset: 0, limit: 10 };
            let statement = Conditions::of(&JOBS, wanted).unwrap().statement(0, 10, 0);
            let text: &'static str = statement.sql.as_str().to_owned().leak();
            let plan = world.database.plan(text, &statement.binds).await.unwrap();
            assert!(plan.iter().any(|line| line.contains(index)), "{plan:#?}");
        }
    }
}
