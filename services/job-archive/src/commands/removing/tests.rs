use muster_contract::{
    Principal, Role,
    job_archive::{DeleteJobsBefore, NewTag, OmitTagged, StartJob},
};
use muster_storage::Database;

use super::*;
use crate::{
    commands::{delete_jobs_before, start_job::start_jobs},
    queries::list_jobs::list_jobs,
    store::removals::{advance_removal, forget_removal, next_removal},
    testing::{NOON, clusters, everything, on_both_engines, principal, start, token},
};

fn admin() -> Principal {
    principal("admin", "third", &[Role::Admin])
}

fn stranger() -> Principal {
    principal("token", "other", &[Role::Api])
}

fn new_tag(kind: &str) -> NewTag {
    NewTag {
        kind: kind.to_owned(),
        name: "name".to_owned(),
        scope: "global".to_owned(),
    }
}

async fn begin(database: &Database, caller: &Principal, starts: &[StartJob]) {
    let starts: Vec<(&Principal, &StartJob)> = starts.iter().map(|start| (caller, start)).collect();
    let mut transaction = database.begin().await.unwrap();
    for started in start_jobs(&mut transaction, &clusters(), &starts)
        .await
        .unwrap()
    {
        started.unwrap();
    }
    transaction.commit().await.unwrap();
}

fn tagged(job_id: i64, kind: &str) -> StartJob {
    StartJob {
        tags: vec![new_tag(kind)],
        ..start(job_id, NOON + job_id)
    }
}

/// Carries the removal out, each portion in a transaction of its own, as after a crash between any two; returns what was
/// removed, how many portions it took, and the events.
async fn carry_out(database: &Database, work: Removal) -> (u64, usize, Vec<JobsDeleted>) {
    let command = Uuid::from_u128(7);
    let mut removal = OpenRemoval {
        command,
        work,
        removed: 0,
    };
    let mut transaction = database.begin().await.unwrap();
    keep_removal(&mut transaction, &removal, NOON)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let mut events = Vec::new();
    let mut portions = 0;
    while !removal.work.is_done() {
        let mut transaction = database.begin().await.unwrap();
        removal = next_removal(&mut transaction).await.unwrap().unwrap();
        events.extend(deletions(
            portion(&mut transaction, &mut removal).await.unwrap(),
        ));
        advance_removal(&mut transaction, &removal).await.unwrap();
        transaction.commit().await.unwrap();
        portions += 1;
    }
    let mut transaction = database.begin().await.unwrap();
    forget_removal(&mut transaction, command).await.unwrap();
    assert_eq!(next_removal(&mut transaction).await.unwrap(), None);
    transaction.commit().await.unwrap();
    (removal.removed, portions, events)
}

async fn delete_before(
    database: &Database,
    caller: &Principal,
    start_time: i64,
    omit: OmitTagged,
) -> (u64, usize, Vec<JobsDeleted>) {
    let mut transaction = database.begin().await.unwrap();
    let command = DeleteJobsBefore { start_time, omit };
    let work = delete_jobs_before::removal(&mut transaction, caller, &command)
        .await
        .unwrap();
    transaction.rollback().await.unwrap();
    carry_out(database, work).await
}

async fn listed(database: &Database, caller: &Principal) -> Vec<i64> {
    let now = muster_platform::Timestamp::from_seconds(NOON);
    let jobs = list_jobs(database, now, caller, everything())
        .await
        .unwrap()
        .unwrap();
    jobs.into_iter().map(|job| job.job_id).collect()
}

on_both_engines! {
    async fn what_started_before_is_deleted_of_the_callers_tenant(database) {
        begin(database, &token(), &[start(1, NOON), start(2, NOON + 1), start(3, NOON + 2)]).await;
        begin(database, &stranger(), &[start(4, NOON), start(5, NOON + 9)]).await;
        let (deleted, _, events) = delete_before(database, &token(), NOON + 2, OmitTagged::None).await;
        assert_eq!(deleted, 2);
        let told: Vec<(&str, i64)> = events
            .iter()
            .flat_map(|event| event.jobs.iter().map(|job| (event.tenant.as_str(), job.job_id)))
            .collect();
        assert_eq!(told, [("demo", 1), ("demo", 2)]);
        assert_eq!(listed(database, &admin()).await, [5, 3, 4]);
        assert_eq!(delete_before(database, &token(), NOON + 2, OmitTagged::None).await.0, 0);
        // An administrator's is of all tenants; a second before is strictly before.
        assert_eq!(delete_before(database, &admin(), NOON + 9, OmitTagged::None).await.0, 2);
        assert_eq!(listed(database, &admin()).await, [5]);
    }

    async fn tagged_jobs_are_spared_if_that_is_asked_for(database) {
        let jobs = [tagged(1, "app"), tagged(2, "mine"), tagged(3, "jobClass"), start(4, NOON)];
        for (omit, left) in [
            (OmitTagged::All, &[3, 2, 1][..]),
            (OmitTagged::User, &[2]),
            (OmitTagged::None, &[]),
        ] {
            delete_before(database, &token(), i64::MAX, OmitTagged::None).await;
            begin(database, &token(), &jobs).await;
            let (deleted, _, _) = delete_before(database, &token(), NOON + 100, omit).await;
            assert_eq!(usize::try_from(deleted), Ok(jobs.len() - left.len()));
            assert_eq!(listed(database, &token()).await, left);
        }
        // Their tags went with them.
        let rows: (i64,) = database.fetch_optional("SELECT COUNT(*) FROM job_tag", &[]).await.unwrap().unwrap();
        assert_eq!(rows, (0,));
    }

    async fn many_go_in_portions(database) {
        let count = i64::try_from(PORTION).unwrap() + 7;
        let kind = |number: i64| if number % 2 == 0 { "even" } else { "odd" };
        let jobs: Vec<StartJob> = (1..=count).map(|number| tagged(number, kind(number))).collect();
        for jobs in jobs.chunks(64) {
            begin(database, &token(), jobs).await;
        }
        begin(database, &stranger(), &[tagged(0, "odd")]).await;
        let scope = Scope::of_writer(&token());
        let tags = vec![new_tag("even"), new_tag("nobodys"), new_tag("odd")];
        let (taken_off, portions, events) = carry_out(database, Removal::of_tags(tags, &scope)).await;
        assert_eq!((taken_off, portions, events.len()), (count.unsigned_abs(), 2, 0));
        let left: Vec<(i64,)> = database.fetch_all("SELECT job FROM job_tag", &[]).await.unwrap();
        assert_eq!(left.len(), 1, "the other tenant's");

        let (deleted, portions, events) = delete_before(database, &token(), i64::MAX, OmitTagged::None).await;
        assert_eq!((deleted, portions), (count.unsigned_abs(), 2));
        let told: usize = events.iter().map(|event| event.jobs.len()).sum();
        assert_eq!(told as u64, deleted);
        assert!(listed(database, &token()).await.is_empty());
    }
}
