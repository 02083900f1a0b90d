use muster_contract::{
    Role,
    job_archive::{Tag, UntagJob, UntagJobRefusal},
};
use muster_storage::Database;

use super::*;
use crate::{
    commands::{start_job::start_jobs, untag_job::untag_job},
    testing::{NOON, clusters, on_both_engines, principal, start, token},
};

async fn begin(database: &Database) -> i64 {
    let mut transaction = database.begin().await.unwrap();
    let start = start(7, NOON);
    let mut started = start_jobs(&mut transaction, &clusters(), &[(&token(), &start)])
        .await
        .unwrap();
    let id = started.remove(0).unwrap().id;
    transaction.commit().await.unwrap();
    id
}

fn new_tag(name: &str, scope: &str) -> NewTag {
    NewTag {
        kind: "kind".to_owned(),
        name: name.to_owned(),
        scope: scope.to_owned(),
    }
}

fn names(tags: &[Tag]) -> Vec<&str> {
    tags.iter().map(|tag| tag.name.as_str()).collect()
}

async fn tag(
    database: &Database,
    caller: &Principal,
    job: i64,
    tags: Vec<NewTag>,
) -> Result<Job, TagJobRefusal> {
    let mut transaction = database.begin().await.unwrap();
    let command = TagJob { job, tags };
    let tagged = tag_job(&mut transaction, caller, &command).await.unwrap();
    transaction.commit().await.unwrap();
    tagged
}

async fn untag(
    database: &Database,
    caller: &Principal,
    job: i64,
    tags: Vec<NewTag>,
) -> Result<Job, UntagJobRefusal> {
    let mut transaction = database.begin().await.unwrap();
    let command = UntagJob { job, tags };
    let untagged = untag_job(&mut transaction, caller, &command).await.unwrap();
    transaction.commit().await.unwrap();
    untagged
}

on_both_engines! {
    async fn tags_come_and_go(database) {
        let job = begin(database).await;
        let admin = principal("admin", "other", &[Role::Admin]);
        let tagged = tag(database, &token(), job, vec![new_tag("a", "global"), new_tag("b", "admin")]).await.unwrap();
        assert_eq!((tagged.id, tagged.meta_data), (job, None));
        // Those of administrators are not shown to others.
        assert_eq!(names(&tagged.tags), ["a"]);
        // What is there stays as it is.
        let again = vec![new_tag("a", "global"), new_tag("c", "token"), new_tag("a", "global")];
        let tagged = tag(database, &token(), job, again).await.unwrap();
        assert_eq!(names(&tagged.tags), ["a", "c"]);
        assert_eq!(names(&tag(database, &admin, job, vec![]).await.unwrap().tags), ["a", "b"]);

        let gone = vec![new_tag("a", "global"), new_tag("b", "global"), new_tag("\0", "global")];
        assert_eq!(names(&untag(database, &token(), job, gone.clone()).await.unwrap().tags), ["c"]);
        assert_eq!(names(&untag(database, &token(), job, gone).await.unwrap().tags), ["c"]);
        assert_eq!(names(&tag(database, &admin, job, vec![]).await.unwrap().tags), ["b"]);
    }

    async fn somebody_elses_job_is_not_there(database) {
        let job = begin(database).await;
        let stranger = principal("token", "other", &[Role::Api]);
        let tags = || vec![new_tag("a", "global")];
        assert_eq!(tag(database, &stranger, job, tags()).await, Err(TagJobRefusal::NotFound));
        assert_eq!(untag(database, &stranger, job, tags()).await, Err(UntagJobRefusal::NotFound));
        assert_eq!(tag(database, &token(), job + 1, tags()).await, Err(TagJobRefusal::NotFound));
        assert_eq!(tag(database, &token(), job, vec![new_tag("\0", "global")]).await, Err(TagJobRefusal::NulCharacter));
        let user = principal("bob", "demo", &[Role::User]);
        assert_eq!(tag(database, &user, job, tags()).await, Err(TagJobRefusal::NotFound));
        assert!(tag(database, &token(), job, vec![]).await.unwrap().tags.is_empty());
    }

    async fn a_job_has_no_more_tags_than_it_may_have(database) {
        let job = begin(database).await;
        let numbered = |from: usize, to: usize| (from..to).map(|number| new_tag(&number.to_string(), "global")).collect();
        tag(database, &token(), job, numbered(0, MAX_TAGS_OF_JOB - 1)).await.unwrap();
        let refusal = TagJobRefusal::TooMany { limit: MAX_TAGS_OF_JOB as u64 };
        let last_two = numbered(MAX_TAGS_OF_JOB - 1, MAX_TAGS_OF_JOB + 1);
        assert_eq!(tag(database, &token(), job, last_two).await, Err(refusal));
        // All or none.
        let last = numbered(MAX_TAGS_OF_JOB - 1, MAX_TAGS_OF_JOB);
        assert_eq!(tag(database, &token(), job, last).await.unwrap().tags.len(), MAX_TAGS_OF_JOB);
    }

    async fn tags_at_the_same_time_all_count(database) {
        let job = begin(database).await;
        let tasks: Vec<_> = (0..12)
            .map(|number| {
                let database = database.clone();
                let tags = vec![new_tag("same", "global"), new_tag(&number.to_string(), "global")];
                tokio::spawn(async move { tag(&database, &token(), job, tags).await.unwrap() })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(tag(database, &token(), job, vec![]).await.unwrap().tags.len(), 13);
    }
}
