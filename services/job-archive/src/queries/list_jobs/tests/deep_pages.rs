//! Pages deep in a list.

use super::*;
use crate::store::bookmarks::{Bookmarks, Measures};

/// Of a list of so many jobs every page is what it should be, whichever is asked for first.
async fn every_page_is_right(database: &Database, bookmarks: &Bookmarks, now: Timestamp) {
    let caller = token();
    let all: Vec<i64> = listed(database, &token(), everything())
        .await
        .into_iter()
        .map(|job| job.id)
        .collect();
    for size in [1, 7, 10] {
        // The deepest first.
        for page in (1..=all.len() as u64 / size + 2).rev() {
            let question = ListJobs {
                page,
                page_size: Some(size),
                ..everything()
            };
            let jobs = list_jobs_by(bookmarks, database, now, &caller, question);
            let ids: Vec<i64> = jobs
                .await
                .unwrap()
                .unwrap()
                .iter()
                .map(|job| job.id)
                .collect();
            let skipped = usize::try_from((page - 1) * size).unwrap();
            let expected: Vec<i64> = all
                .iter()
                .skip(skipped)
                .take(usize::try_from(size).unwrap())
                .copied()
                .collect();
            assert_eq!(ids, expected, "page {page} of {size}");
        }
    }
}

fn bookmarks() -> Bookmarks {
    Bookmarks::with(Measures {
        near: 20,
        spacing: 9,
        most: 12,
        newer: 15,
        age: 60,
    })
}

on_both_engines! {
    async fn deep_pages_are_reached_by_bookmarks(database) {
        let bookmarks = bookmarks();
        let jobs = |numbers: std::ops::Range<i64>| -> Vec<StartJob> {
            // Several of the same second.
            numbers.map(|number| start(number, NOON + number / 3)).collect()
        };
        begin(database, &token(), &jobs(0..60)).await;
        every_page_is_right(database, &bookmarks, NOW).await;
        // What has started since shifts nothing; of more than a few the list is surveyed again.
        for numbers in [60..70, 70..75, 75..76, 76..100] {
            begin(database, &token(), &jobs(numbers)).await;
            every_page_is_right(database, &bookmarks, NOW).await;
        }
        // What was deleted counts when the survey is old.
        let mut transaction = database.begin().await.unwrap();
        transaction.execute("DELETE FROM job WHERE job_id % 7 = 3", &[]).await.unwrap();
        transaction.commit().await.unwrap();
        let later = Timestamp::from_seconds(NOW.as_seconds() + 61);
        every_page_is_right(database, &bookmarks, later).await;
    }

    async fn a_page_that_lies_too_deep_is_refused(database) {
        let bookmarks = bookmarks();
        let deepest = bookmarks.measures.deepest();
        assert_eq!(deepest, 108);
        let asked = async |page| {
            let question = ListJobs { page, page_size: Some(1), ..everything() };
            let jobs = list_jobs_by(&bookmarks, database, NOW, &token(), question).await.unwrap();
            jobs.map(|jobs| jobs.len())
        };
        fill(database, deepest - 1).await;
        assert_eq!(asked(deepest + 2).await, Ok(0));
        bookmarks.forget(&Filter {
            scope: Scope::of_reader(&token()),
            states: vec![],
            cluster: None,
            project: None,
            start_from: i64::MIN,
            start_to: i64::MAX,
        });
        begin(database, &token(), &[start(1_000_000, NOON), start(1_000_001, NOON)]).await;
        assert_eq!(asked(deepest + 1).await, Ok(1));
        let limit = deepest;
        assert_eq!(asked(deepest + 2).await, Err(ListJobsRefusal::TooDeep { limit }));
        assert_eq!(asked(u64::MAX).await, Err(ListJobsRefusal::TooDeep { limit }));
    }
}
