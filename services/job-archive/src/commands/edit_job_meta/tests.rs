use muster_contract::{Role, job_archive::StopTarget};
use muster_storage::Database;

use super::*;
use crate::{
    commands::start_job::start_jobs,
    testing::{NOON, clusters, on_both_engines, principal, start, token},
};

async fn edit(
    database: &Database,
    caller: &Principal,
    target: StopTarget,
    key: &str,
    value: &str,
) -> Result<Job, EditJobMetaRefusal> {
    let command = EditJobMeta {
        target,
        key: key.to_owned(),
        value: value.to_owned(),
    };
    let mut transaction = database.begin().await.unwrap();
    let edited = edit_job_meta(&mut transaction, caller, &command)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    edited
}

on_both_engines! {
    async fn entries_are_added_and_replaced(database) {
        let mut transaction = database.begin().await.unwrap();
        let start = start(7, NOON);
        let started = start_jobs(&mut transaction, &clusters(), &[(&token(), &start)]).await.unwrap();
        transaction.commit().await.unwrap();
        let id = started.into_iter().next().unwrap().unwrap().id;
        let by_number = || StopTarget::Newest { job_id: 7, cluster: None, start_time: Some(NOON) };
        edit(database, &token(), StopTarget::Id(id), "a", "1").await.unwrap();
        edit(database, &token(), by_number(), "b", "\0\n").await.unwrap();
        let job = edit(database, &token(), by_number(), "a", "2").await.unwrap();
        let entries = job.meta_data.unwrap();
        let entries: Vec<(&str, &str)> = entries.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(entries, [("a", "2"), ("b", "\0\n")]);

        let stranger = principal("token", "other", &[Role::Api]);
        let not_found = Err(EditJobMetaRefusal::NotFound);
        assert_eq!(edit(database, &stranger, StopTarget::Id(id), "a", "3").await, not_found);
        assert_eq!(edit(database, &token(), StopTarget::Newest { job_id: 7, cluster: None, start_time: Some(1) }, "a", "3").await, not_found);
        let limit = DOCUMENTS_LIMIT as u64;
        let long = "x".repeat(DOCUMENTS_LIMIT);
        assert_eq!(edit(database, &token(), by_number(), "c", &long).await, Err(EditJobMetaRefusal::TooLarge { limit }));
        let fits = "x".repeat(DOCUMENTS_LIMIT - 1_000);
        let job = edit(database, &token(), by_number(), "c", &fits).await.unwrap();
        assert_eq!(job.meta_data.unwrap().len(), 3);
    }
}
