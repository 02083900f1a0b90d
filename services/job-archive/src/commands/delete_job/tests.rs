use muster_contract::{
    Role,
    job_archive::{JobState, StartJob},
};
use muster_storage::Database;

use super::*;
use crate::{
    commands::start_job::start_jobs,
    testing::{DAY, NOON, clusters, on_both_engines, principal, start, token},
};

async fn begin(database: &Database, starts: &[StartJob]) -> Vec<i64> {
    let caller = token();
    let starts: Vec<(&Principal, &StartJob)> =
        starts.iter().map(|start| (&caller, start)).collect();
    let mut transaction = database.begin().await.unwrap();
    let started = start_jobs(&mut transaction, &clusters(), &starts)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    started
        .into_iter()
        .map(|started| started.unwrap().id)
        .collect()
}

async fn delete(database: &Database, caller: &Principal, target: StopTarget) -> Deletion {
    let mut transaction = database.begin().await.unwrap();
    let deletion = delete_job(&mut transaction, caller, &DeleteJob { target })
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    deletion
}

fn newest(job_id: i64, cluster: Option<&str>, start_time: Option<i64>) -> StopTarget {
    StopTarget::Newest {
        job_id,
        cluster: cluster.map(str::to_owned),
        start_time,
    }
}

on_both_engines! {
    async fn the_newest_that_fits_is_deleted(database) {
        let ids = begin(database, &[start(7, NOON), start(7, NOON + DAY), start(7, NOON + 2 * DAY)]).await;
        let done = |id| Outcome::Done(DeletedJob { id: Some(id) });
        let (outcome, gone) = delete(database, &token(), newest(7, Some("alpha"), None)).await;
        assert_eq!(outcome, done(ids[2]));
        assert_eq!((gone[0].0.as_str(), gone[0].1.start_time, gone[0].1.state), ("demo", NOON + 2 * DAY, JobState::Running));
        assert_eq!(delete(database, &token(), newest(7, None, Some(NOON))).await.0, done(ids[0]));
        // Never another one than what was named.
        for nobody in [newest(7, None, Some(NOON)), newest(7, Some("beta"), None), newest(8, None, None), newest(7, Some("\0"), None)] {
            assert_eq!(delete(database, &token(), nobody).await, (Outcome::Refused(DeleteJobRefusal::NotFound), vec![]));
        }
        assert_eq!(delete(database, &token(), StopTarget::Id(ids[1])).await.0, done(ids[1]));
    }

    async fn of_a_number_that_is_not_there_nothing_is_deleted(database) {
        let id = begin(database, &[start(7, NOON)]).await[0];
        let nothing = (Outcome::Done(DeletedJob { id: None }), vec![]);
        let stranger = principal("token", "other", &[Role::Api]);
        assert_eq!(delete(database, &stranger, StopTarget::Id(id)).await, nothing);
        let refused = (Outcome::Refused(DeleteJobRefusal::NotFound), vec![]);
        assert_eq!(delete(database, &stranger, newest(7, None, None)).await, refused);
        assert_eq!(delete(database, &token(), StopTarget::Id(id + 1)).await, nothing);
        let admin = principal("admin", "other", &[Role::Admin]);
        assert_eq!(delete(database, &admin, StopTarget::Id(id)).await.1.len(), 1);
        assert_eq!(delete(database, &admin, StopTarget::Id(id)).await, nothing);
        // Its number is free again.
        assert_eq!(begin(database, &[start(7, NOON)]).await.len(), 1);
    }
}
