use muster_contract::{Role, job_archive::NewTag};

use super::*;
use crate::{
    commands::{start_job::start_jobs, stop_job::stop_jobs},
    testing::{NOON, clusters, on_both_engines, principal, start, stop, token},
};

on_both_engines! {
    async fn a_job_is_shown_with_all_that_is_known(database) {
        let now = Timestamp::from_seconds(NOON + 30);
        let mut told = start(7, NOON);
        told.meta_data.insert("jobName".to_owned(), "x".to_owned());
        told.tags = vec![NewTag { kind: "k".to_owned(), name: "n".to_owned(), scope: "global".to_owned() }];
        let mut transaction = database.begin().await.unwrap();
        let started = start_jobs(&mut transaction, &clusters(), &[(&token(), &told)]).await.unwrap();
        transaction.commit().await.unwrap();
        let id = started.into_iter().next().unwrap().unwrap().id;
        let found = find_job(database, now, &token(), id).await.unwrap().unwrap();
        assert_eq!((found.id, found.job_id, found.duration), (id, 7, 30));
        assert_eq!(found.meta_data.unwrap(), told.meta_data);
        assert_eq!(found.tags.len(), 1);

        let mut transaction = database.begin().await.unwrap();
        stop_jobs(&mut transaction, &[(&token(), &stop(7, NOON + 60))]).await.unwrap().remove(0).unwrap();
        transaction.commit().await.unwrap();
        // Its user sees it, another one does not, and no other tenant does.
        let alice = principal("alice", "demo", &[Role::User]);
        assert_eq!(find_job(database, now, &alice, id).await.unwrap().unwrap().duration, 60);
        for nobody in [
            principal("bob", "demo", &[Role::User]),
            principal("alice", "other", &[Role::User]),
            principal("token", "other", &[Role::Api]),
        ] {
            assert_eq!(find_job(database, now, &nobody, id).await.unwrap(), None);
        }
        let support = principal("support", "other", &[Role::Support]);
        assert!(find_job(database, now, &support, id).await.unwrap().is_some());
        assert_eq!(find_job(database, now, &token(), i64::MAX).await.unwrap(), None);
    }
}
