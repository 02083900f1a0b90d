use futures_util::future::join_all;
use muster_contract::{
    Principal,
    session::{JobSignal, ListBackupJobs},
};
use serde_json::{Value, json};

use super::*;
use crate::{
    job_sessions::documents_world::{
        NOON_SECONDS, World, all_actions, all_jobs, job, node, nothing_to_do, on_both_engines,
    },
    testing::{DATABASES, admin, alice, bob, principal},
};

use SaveMode::{Create, Patch, Replace};

fn unprocessable(reason: &str) -> Result<SavedDocument, DocumentRefusal> {
    Err(DocumentRefusal::Unprocessable {
        reason: reason.to_owned(),
    })
}

#[expect(clippy::unnecessary_wraps, reason = "it is compared with results")]
fn saved(id: &str, version: i64) -> Result<SavedDocument, DocumentRefusal> {
    Ok(SavedDocument {
        id: id.to_owned(),
        version,
    })
}

/// `alice` with a client.
async fn with_node(world: &World) -> Principal {
    let alice = alice();
    world.client(&alice, node()).await.unwrap();
    alice
}

on_both_engines! {
    async fn a_job_is_there_with_its_actions(world) {
        let alice = with_node(world).await;
        let document = json!({
            "client_id": "node",
            "description": "nightly",
            "job_schedule": {"schedule_interval": "1 days"},
            "job_actions": [{"freezer_action": {"action": "backup", "mode": "fs"}, "max_retries": 1}, {"freezer_action": {"action": "exec"}}],
            "user_credentials": {"trust_id": "t", "trustor_user_id": "u"},
        });
        let id = world.save_job(&alice, Create, None, document).await.unwrap().id;
        assert_eq!(id.len(), 32);
        let shown = world.job(&id).await.unwrap();
        let schedule = json!({
            "event": "", "status": "", "result": "", "schedule_interval": "1 days",
            "time_created": NOON_SECONDS, "time_started": -1, "time_ended": -1,
        });
        assert_eq!(shown["job_schedule"], schedule);
        assert_eq!((&shown["project_id"], &shown["user_id"]), (&json!("demo"), &json!("alice")));
        assert_eq!((&shown["session_id"], &shown["session_tag"]), (&json!(""), &json!(0)));
        assert_eq!(shown["user_credentials"]["trust_id"], json!("t"));
        let actions = shown["job_actions"].as_array().unwrap();
        assert_eq!(actions.len(), 2);
        assert_eq!((&actions[0]["max_retries"], &actions[0]["max_retries_interval"]), (&json!(1), &json!(6)));
        assert_eq!(actions[0]["freezer_action"]["container"], Value::Null);
        assert_eq!(actions[1]["freezer_action"]["action"], json!("exec"));
        assert_eq!(world.actions(&all_actions()).await, *actions);
    }

    async fn an_id_is_taken_once_in_a_project(world) {
        let alice = with_node(world).await;
        world.client(&bob(), node()).await.unwrap();
        let document = || nothing_to_do(&json!({"job_id": "mine"}));
        assert_eq!(world.save_job(&alice, Create, None, document()).await, saved("mine", 1));
        let taken = Err(DocumentRefusal::Exists { id: "mine".to_owned() });
        assert_eq!(world.save_job(&alice, Create, None, document()).await, taken);
        assert_eq!(world.save_job(&bob(), Create, None, document()).await, saved("mine", 1));
        // Both in one batch.
        let twice = || (&alice, job(&alice, Create, Some("twice"), nothing_to_do(&json!({}))));
        let results = world.save_jobs(&[twice(), twice()]).await;
        assert_eq!(results, [saved("twice", 1), Err(DocumentRefusal::Exists { id: "twice".to_owned() })]);
    }

    async fn a_client_must_be_able_to_do_it(world) {
        let alice = alice();
        let backup = |client: &str, more: Value| {
            let mut action = json!({"action": "backup"});
            action.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({"client_id": client, "job_actions": [{"freezer_action": action}]})
        };
        let refused = world.save_job(&alice, Create, None, backup("node", json!({}))).await;
        assert_eq!(refused, unprocessable("client node is not registered"));
        let client = json!({"client_id": "node", "supported_modes": ["fs"]});
        world.client(&alice, client).await.unwrap();
        let refused = world.save_job(&alice, Create, None, backup("node", json!({"mode": "nova"}))).await;
        assert_eq!(refused, unprocessable("client node does not support mode \"nova\""));
        assert_eq!(world.actions(&all_actions()).await, Vec::<Value>::new());
        let id = world.save_job(&alice, Create, None, backup("node", json!({"mode": "fs"}))).await.unwrap().id;
        // Also when another client is to do it, or something else.
        world.client(&alice, json!({"client_id": "other", "supported_modes": ["mysql"]})).await.unwrap();
        let refused = world.save_job(&alice, Patch, Some(&id), json!({"client_id": "other"})).await;
        assert_eq!(refused, unprocessable("client other does not support mode \"fs\""));
        let other = json!({"job_actions": [{"freezer_action": {"action": "backup", "mode": "mysql"}}]});
        assert!(world.save_job(&alice, Patch, Some(&id), other.clone()).await.is_err());
        let both = json!({"client_id": "other", "job_actions": other["job_actions"]});
        assert_eq!(world.save_job(&alice, Patch, Some(&id), both).await, saved(&id, 2));
        // Another project's client is none.
        let refused = world.save_job(&bob(), Create, None, backup("node", json!({}))).await;
        assert_eq!(refused, unprocessable("client node is not registered"));
    }

    async fn actions_are_named_or_made(world) {
        let alice = with_node(world).await;
        let action = json!({"freezer_action": {"action": "backup", "mode": "fs"}});
        world.save_action(&alice, Create, Some("a"), action).await.unwrap();
        let with = |actions: Value| json!({"client_id": "node", "job_actions": actions});
        let refused = world.save_job(&alice, Create, None, with(json!([{"action_id": "b"}]))).await;
        assert_eq!(refused, unprocessable("there is no action b"));
        let changed = json!([{"action_id": "a", "freezer_action": {"action": "exec"}}]);
        assert!(matches!(
            world.save_job(&alice, Create, None, with(changed)).await,
            Err(DocumentRefusal::Unprocessable { .. })
        ));
        let entries = json!([{"action_id": "a"}, {"freezer_action": {"action": "info"}}, {"action_id": "a"}]);
        world.save_job(&alice, Create, Some("j"), with(entries)).await.unwrap();
        let shown = world.job("j").await.unwrap();
        let done = |shown: &Value| -> Vec<Value> {
            let actions = shown["job_actions"].as_array().unwrap().iter();
            actions.map(|action| action["freezer_action"]["action"].clone()).collect()
        };
        assert_eq!(done(&shown), [json!("backup"), json!("info"), json!("backup")]);
        // What was shown can be sent back, and means the same.
        let back = json!({"job_actions": shown["job_actions"]});
        assert_eq!(world.save_job(&alice, Patch, Some("j"), back).await, saved("j", 2));
        assert_eq!(world.job("j").await.unwrap()["job_actions"], shown["job_actions"]);
        assert_eq!(world.actions(&all_actions()).await.len(), 2);
        // A change of the action is one of the job's.
        let patch = json!({"freezer_action": {"container": "c"}});
        assert_eq!(world.save_action(&alice, Patch, Some("a"), patch).await, saved("a", 2));
        assert_eq!(world.job("j").await.unwrap()["job_actions"][0]["freezer_action"]["container"], json!("c"));
        // An action that is deleted is done no more.
        let delete = muster_contract::session::DeleteBackupAction { tenant: "demo".to_owned(), action_id: "a".to_owned() };
        assert!(world.delete_actions(&[(&alice, delete)]).await.remove(0).unwrap().existed);
        assert_eq!(done(&world.job("j").await.unwrap()), [json!("info")]);
    }

    async fn defaults_are_in_every_action(world) {
        let alice = with_node(world).await;
        world.save_action(&alice, Create, Some("a"), json!({"freezer_action": {"action": "backup"}})).await.unwrap();
        let document = json!({
            "client_id": "node",
            "action_defaults": {"container": "c", "mode": "fs"},
            "job_actions": [{"action_id": "a"}, {"freezer_action": {"action": "backup", "mode": "nova"}}],
        });
        world.save_job(&alice, Create, Some("j"), document).await.unwrap();
        let shown = world.job("j").await.unwrap();
        let of = |number: usize, key: &str| shown["job_actions"][number]["freezer_action"][key].clone();
        assert_eq!((of(0, "mode"), of(0, "container")), (json!("fs"), json!("c")));
        assert_eq!((of(1, "mode"), of(1, "container")), (json!("nova"), json!("c")));
        assert_eq!(shown.get("action_defaults"), None);
        let back = json!({"job_actions": shown["job_actions"]});
        assert_eq!(world.save_job(&alice, Patch, Some("j"), back).await, saved("j", 2));
    }

    async fn a_patch_is_merged_and_versions_are_compared(world) {
        let alice = with_node(world).await;
        let schedule = json!({"job_schedule": {"schedule_hour": "3"}, "description": "old"});
        world.save_job(&alice, Create, Some("j"), nothing_to_do(&schedule)).await.unwrap();
        let before = world.job("j").await.unwrap();
        assert_eq!(world.save_job(&alice, Patch, Some("j"), json!({"description": "new"})).await, saved("j", 2));
        let mut expected = before;
        expected["description"] = json!("new");
        assert_eq!(world.job("j").await.unwrap(), expected);
        let changed = Err(DocumentRefusal::Changed { version: 2 });
        assert_eq!(world.save_job(&alice, Patch, Some("j"), json!({"_version": 1})).await, changed);
        let replaced = nothing_to_do(&json!({"_version": 3}));
        assert_eq!(world.save_job(&alice, Replace, Some("j"), replaced).await, changed);
        assert_eq!(world.save_job(&alice, Patch, Some("j"), json!({"_version": 2})).await, saved("j", 3));
        assert_eq!(world.save_job(&alice, Patch, Some("nobody"), json!({})).await, Err(DocumentRefusal::Unknown));
        // A batch is as one after the other.
        let patches = [
            (&alice, job(&alice, Patch, Some("j"), json!({"job_schedule": {"status": "running"}, "_version": 3}))),
            (&alice, job(&alice, Patch, Some("j"), json!({"job_schedule": {"current_pid": 7}, "_version": 3}))),
            (&alice, job(&alice, Patch, Some("j"), json!({"job_schedule": {"current_pid": 8}, "_version": 4}))),
        ];
        let results = world.save_jobs(&patches).await;
        assert_eq!(results, [saved("j", 4), Err(DocumentRefusal::Changed { version: 4 }), saved("j", 5)]);
        let schedule = world.job("j").await.unwrap()["job_schedule"].clone();
        assert_eq!((&schedule["status"], &schedule["current_pid"], &schedule["schedule_hour"]), (&json!("running"), &json!(8), &json!("3")));
    }

    async fn one_is_put_in_the_place_of_another(world) {
        let alice = with_node(world).await;
        let first = nothing_to_do(&json!({"description": "first", "job_schedule": {"schedule_hour": "3"}}));
        assert_eq!(world.save_job(&alice, Replace, Some("j"), first).await, saved("j", 1));
        let second = json!({"client_id": "node", "job_actions": [{"freezer_action": {"action": "info"}}]});
        assert_eq!(world.save_job(&alice, Replace, Some("j"), second).await, saved("j", 2));
        let shown = world.job("j").await.unwrap();
        assert_eq!(shown["description"], Value::Null);
        assert_eq!(shown["job_schedule"].get("schedule_hour"), None);
        assert_eq!(shown["job_schedule"]["time_created"], json!(NOON_SECONDS));
        assert_eq!(shown["job_actions"].as_array().unwrap().len(), 1);
        assert_eq!(world.jobs(&all_jobs()).await.len(), 1);
    }

    async fn signals_are_seen_until_the_scheduler_takes_them(world) {
        let alice = with_node(world).await;
        world.save_job(&alice, Create, Some("j"), nothing_to_do(&json!({"job_schedule": {"status": "completed", "result": "fail"}}))).await.unwrap();
        assert_eq!(world.signal(&alice, "j", JobSignal::Start).await, Ok(false));
        assert_eq!(world.signal(&alice, "j", JobSignal::Start).await, Ok(true));
        let schedule = world.job("j").await.unwrap()["job_schedule"].clone();
        assert_eq!((&schedule["event"], &schedule["status"], &schedule["result"]), (&json!("start"), &json!(""), &json!("")));
        world.save_job(&alice, Patch, Some("j"), json!({"job_schedule": {"event": ""}})).await.unwrap();
        assert_eq!(world.signal(&alice, "j", JobSignal::Start).await, Ok(false));
        assert_eq!(world.signal(&alice, "nobody", JobSignal::Stop).await, Err(DocumentRefusal::Unknown));
        assert!(matches!(world.signal(&bob(), "j", JobSignal::Stop).await, Err(DocumentRefusal::Unknown)));
    }

    async fn only_who_may(world) {
        let alice = with_node(world).await;
        world.save_job(&alice, Create, Some("j"), nothing_to_do(&json!({}))).await.unwrap();
        let rename = || job(&alice, Patch, Some("j"), json!({"description": "x"}));
        let reader = principal("reader", "demo", &[]);
        for caller in [&bob(), &reader] {
            let refused = world.save_jobs(&[(caller, rename())]).await.remove(0);
            assert!(matches!(refused, Err(DocumentRefusal::Forbidden { .. })), "{refused:?}");
        }
        let admin = admin();
        assert_eq!(world.save_jobs(&[(&admin, rename())]).await, [saved("j", 2)]);
        assert_eq!(world.job("j").await.unwrap()["user_id"], json!("alice"));
        // Who deletes is asked the same.
        let (refused, _) = world.delete_jobs(&[(&reader, "j"), (&bob(), "j"), (&alice, "a\0b")]).await;
        assert!(matches!(refused[0], Err(DocumentRefusal::Forbidden { .. })));
        assert_eq!(refused[1..], [Ok(false), Ok(false)]);
        assert!(world.job("j").await.is_some());
    }

    async fn a_job_that_is_deleted_is_gone_and_out_of_its_session(world) {
        let alice = with_node(world).await;
        for id in ["j", "k"] {
            let document = json!({"client_id": "node", "job_actions": [{"freezer_action": {"action": "info"}}]});
            world.save_job(&alice, Create, Some(id), document).await.unwrap();
        }
        let session = world.session(&alice, json!({"schedule_interval": "1 days"}), &["j", "k"]).await;
        let shown = world.job("j").await.unwrap();
        assert_eq!((&shown["session_id"], &shown["job_schedule"]["schedule_interval"]), (&json!(session), &json!("1 days")));
        let (deleted, _) = world.delete_jobs(&[(&alice, "j"), (&alice, "j"), (&alice, "nobody")]).await;
        assert_eq!(deleted, [Ok(true), Ok(false), Ok(false)]);
        assert_eq!(world.job("j").await, None);
        let left = ListBackupJobs {
            filter: crate::job_sessions::documents_world::matching(&[("session_id", json!(session))]),
            ..all_jobs()
        };
        assert_eq!(world.jobs(&left).await.len(), 1);
        let rows: Vec<(i64,)> = world.database.fetch_all("SELECT count(*) FROM session_job", &[]).await.unwrap();
        assert_eq!(rows, [(1,)]);
        // Its actions may be others' too.
        assert_eq!(world.actions(&all_actions()).await.len(), 2);
        let rows: Vec<(i64,)> = world.database.fetch_all("SELECT count(*) FROM backup_job_action", &[]).await.unwrap();
        assert_eq!(rows, [(1,)]);
    }

    async fn a_session_knows_which_client_runs_its_job(world) {
        let alice = with_node(world).await;
        world.client(&alice, json!({"client_id": "other"})).await.unwrap();
        for id in ["j", "k"] {
            world.save_job(&alice, Create, Some(id), nothing_to_do(&json!({}))).await.unwrap();
        }
        world.session(&alice, json!({}), &["j", "k"]).await;
        world.save_job(&alice, Patch, Some("j"), json!({"client_id": "other"})).await.unwrap();
        let rows: Vec<(String, String)> = world
            .database
            .fetch_all("SELECT job_id, client_id FROM session_job ORDER BY job_id", &[])
            .await
            .unwrap();
        let expected = [("j", "other"), ("k", "node")];
        assert_eq!(rows, expected.map(|(job, client)| (job.to_owned(), client.to_owned())));
    }

    async fn documents_are_bounded(world) {
        let alice = with_node(world).await;
        for bad in [
            json!({"description": "a\0b"}),
            json!({"description": "x".repeat(256)}),
            json!({"job_id": "x".repeat(65)}),
            json!({"user_credentials": {"trust_id": "x".repeat(70_000), "trustor_user_id": "u"}}),
            json!({"job_schedule": {"schedule_hour": "\0"}}),
        ] {
            let refused = world.save_job(&alice, Create, None, nothing_to_do(&bad)).await;
            assert!(matches!(refused, Err(DocumentRefusal::Invalid { .. })), "{refused:?}");
        }
        // What is added bit by bit is bounded as well.
        world.save_job(&alice, Create, Some("j"), nothing_to_do(&json!({}))).await.unwrap();
        let text = "x".repeat(30_000);
        let add = |key: &str| json!({"job_schedule": {key: text}});
        for key in ["schedule_hour", "schedule_minute"] {
            world.save_job(&alice, Patch, Some("j"), add(key)).await.unwrap();
        }
        let refused = world.save_job(&alice, Patch, Some("j"), add("schedule_second")).await;
        assert!(matches!(refused, Err(DocumentRefusal::Invalid { .. })), "{refused:?}");
        for id in ["", "a b", "a\0b"] {
            let refused = world.save_job(&alice, Replace, Some(id), nothing_to_do(&json!({}))).await;
            assert!(refused.is_err(), "{id:?}");
        }
    }
}

/// Patches by several at once, each with connections of its own: as many replicas of the service.
#[tokio::test]
async fn no_patch_is_lost_among_replicas() {
    const REPLICAS: usize = 4;
    const PATCHES: i64 = 16;
    let Some(database) = DATABASES.postgres().await.unwrap() else {
        return;
    };
    let world = World::new(&database.database);
    let alice = with_node(&world).await;
    let document = nothing_to_do(&json!({}));
    world
        .save_job(&alice, Create, Some("j"), document)
        .await
        .unwrap();
    let mut replicas = Vec::new();
    for _ in 0..REPLICAS {
        replicas.push(World::new(&database.replica().await.unwrap()));
    }
    let patching = replicas.iter().map(async |world| {
        for pid in 0..PATCHES {
            let patch = json!({"job_schedule": {"current_pid": pid}});
            world
                .save_job(&alice, Patch, Some("j"), patch)
                .await
                .unwrap();
        }
    });
    join_all(patching).await;
    let count = PATCHES * i64::try_from(REPLICAS).unwrap();
    let last = world.save_job(&alice, Patch, Some("j"), json!({})).await;
    assert_eq!(last, saved("j", count + 2));
}
