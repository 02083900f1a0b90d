use muster_contract::session::{FieldValue, ListFilter, SaveMode};
use serde_json::{Value, json};

use super::*;
use crate::{
    job_sessions::{
        documents_world::{
            World, all_jobs, ids, job, map, matching, node, not_matching, nothing_to_do,
            on_both_engines,
        },
        domain::filter::means,
    },
    testing::{alice, bob},
};

/// Jobs of alice with these documents besides, in batches.
async fn jobs(world: &World, documents: impl IntoIterator<Item = (String, Value)>) {
    let alice = alice();
    world.client(&alice, node()).await.unwrap();
    let commands: Vec<_> = documents
        .into_iter()
        .map(|(id, document)| {
            (
                &alice,
                job(
                    &alice,
                    SaveMode::Create,
                    Some(&id),
                    nothing_to_do(&document),
                ),
            )
        })
        .collect();
    for batch in commands.chunks(64) {
        assert!(world.save_jobs(batch).await.iter().all(Result::is_ok));
    }
}

fn page(filter: ListFilter, offset: u64, limit: u32) -> ListBackupJobs {
    ListBackupJobs {
        tenant: Some("demo".to_owned()),
        filter,
        offset,
        limit,
        ..all_jobs()
    }
}

on_both_engines! {
    async fn pages_follow_each_other_in_the_order_of_creation(world) {
        let names: Vec<String> = (0..25).map(|number| format!("j{number}")).collect();
        jobs(world, names.iter().map(|name| (name.clone(), json!({"job_actions": [
            {"freezer_action": {"action": "info"}}, {"freezer_action": {"action": "exec"}},
        ]})))).await;
        let mut seen = Vec::new();
        loop {
            let offset = seen.len().try_into().unwrap();
            let found = world.jobs(&page(ListFilter::default(), offset, 10)).await;
            assert!(found.iter().all(|job| job["job_actions"].as_array().unwrap().len() == 2));
            seen.extend(ids(&found, "job_id"));
            if found.len() < 10 {
                break;
            }
        }
        assert_eq!(seen, names);
        assert_eq!(world.jobs(&page(ListFilter::default(), 25, 10)).await.len(), 0);
        assert_eq!(world.jobs(&page(ListFilter::default(), u64::MAX, 10)).await.len(), 0);
        assert_eq!(world.jobs(&page(ListFilter::default(), 0, 0)).await.len(), 0);
        assert_eq!(world.jobs(&page(ListFilter::default(), 0, u32::MAX)).await.len(), 25);
    }

    async fn a_page_that_is_looked_for_is_full_however_far_apart_its_jobs_are(world) {
        // More than are read at once, twice.
        let documents = (0..250).map(|number| {
            let description = if number % 60 == 7 { "Wanted" } else { "other" };
            (format!("j{number}"), json!({"description": description}))
        });
        jobs(world, documents).await;
        let wanted = || matching(&[("description", json!("Wanted"))]);
        let found = async |filter, offset, limit| ids(&world.jobs(&page(filter, offset, limit)).await, "job_id");
        assert_eq!(found(wanted(), 0, 10).await, ["j7", "j67", "j127", "j187", "j247"]);
        assert_eq!(found(wanted(), 1, 2).await, ["j67", "j127"]);
        assert_eq!(found(wanted(), 4, 2).await, ["j247"]);
        assert!(found(wanted(), 5, 2).await.is_empty());
        let text = ListFilter { texts: vec!["WANT".to_owned()], ..ListFilter::default() };
        assert_eq!(found(text, 0, 10).await.len(), 5);
        let others = not_matching(&[("description", json!("Wanted"))]);
        let found = found(others, 240, 10).await;
        assert_eq!(found, ["j244", "j245", "j246", "j248", "j249"]);
    }

    async fn what_stands_in_columns_is_found_as_what_does_not(world) {
        let mut documents = Vec::new();
        for (number, status) in ["", "completed", "running"].into_iter().enumerate() {
            for hour in ["1", "2"] {
                let document = json!({"job_schedule": {"status": status, "schedule_hour": hour}, "description": status});
                documents.push((format!("j{number}{hour}"), document));
            }
        }
        jobs(world, documents).await;
        world.client(&bob(), node()).await.unwrap();
        world.save_job(&bob(), SaveMode::Create, Some("j01"), nothing_to_do(&json!({}))).await.unwrap();
        let session = world.session(&alice(), json!({}), &["j01", "j11"]).await;
        let all = world.jobs(&all_jobs()).await;
        assert_eq!(all.len(), 7);

        let conditions: Vec<FieldValue> = [
            ("status", vec![json!("completed"), json!("running"), json!(""), json!(1), json!("a\0b")]),
            ("client_id", vec![json!("node"), json!("other"), Value::Null]),
            ("project_id", vec![json!("demo"), json!("other")]),
            ("user_id", vec![json!("bob")]),
            ("job_id", vec![json!("j01"), json!("j12")]),
            ("session_id", vec![json!(session), json!(""), json!("none"), Value::Null]),
            ("schedule_hour", vec![json!("1")]),
            ("description", vec![json!("running"), Value::Null]),
            ("absent", vec![Value::Null]),
        ]
        .into_iter()
        .flat_map(|(field, values)| values.into_iter().map(move |value| FieldValue { field: field.to_owned(), value }))
        .collect();
        for one in &conditions {
            for other in &conditions {
                for filter in [
                    ListFilter { matching: vec![one.clone(), other.clone()], ..ListFilter::default() },
                    ListFilter { matching: vec![one.clone()], not_matching: vec![other.clone()], ..ListFilter::default() },
                    ListFilter { not_matching: vec![one.clone(), other.clone()], ..ListFilter::default() },
                ] {
                    let expected: Vec<&Value> = all.iter().filter(|job| means(&filter, &map((*job).clone()))).collect();
                    let found = world.jobs(&ListBackupJobs { filter: filter.clone(), ..all_jobs() }).await;
                    assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter:?}");
                }
            }
        }
    }

    async fn what_a_scheduler_asks_for_stays_in_its_order(world) {
        let documents = (0..30).map(|number| {
            let status = if number % 3 == 0 { "completed" } else { "scheduled" };
            (format!("j{number}"), json!({"job_schedule": {"status": status}}))
        });
        jobs(world, documents).await;
        let filter = ListFilter {
            not_matching: not_matching(&[("status", json!("completed"))]).not_matching,
            ..matching(&[("client_id", json!("node"))])
        };
        let (first, second) = (page(filter.clone(), 0, 10), page(filter, 10, 10));
        let mut seen = ids(&world.jobs(&first).await, "job_id");
        seen.extend(ids(&world.jobs(&second).await, "job_id"));
        let expected: Vec<String> = (0..30).filter(|number| number % 3 != 0).map(|number| format!("j{number}")).collect();
        assert_eq!(seen, expected);
    }

    async fn nothing_is_found_where_nothing_can_be(world) {
        jobs(world, [("j".to_owned(), json!({}))]).await;
        for (tenant, id) in [(Some("a\0b"), None), (Some("demo"), Some("a\0b")), (Some("other"), Some("j")), (Some("demo"), Some("k"))] {
            let question = ListBackupJobs { tenant: tenant.map(str::to_owned), job_id: id.map(str::to_owned), ..all_jobs() };
            assert!(world.jobs(&question).await.is_empty(), "{question:?}");
        }
        let anywhere = ListBackupJobs { job_id: Some("j".to_owned()), ..all_jobs() };
        assert_eq!(world.jobs(&anywhere).await.len(), 1);
    }
}
