//! Bookmarks in long lists, so that a page deep in one need not be counted to.
//!
//! The first deep page of a list surveys it: every so many jobs, the place is remembered. From then on a page is reached
//! from the bookmark before it. What has started since is counted anew each time, so that it shifts nothing; what has
//! stopped or was deleted in the middle of a list since may shift its deep pages by as many places, until the list is
//! surveyed again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::list_statement::Cursor;
use crate::domain::streams::Filter;

/// Lists whose bookmarks are kept, each some 50 KB at most for ten million jobs.
const LISTS: usize = 64;

/// The sizes that bookmarks go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Measures {
    /// Jobs before a page that are counted without bookmarks.
    pub(crate) near: u64,
    /// Jobs from one bookmark to the next.
    pub(crate) spacing: u64,
    /// Bookmarks of one list.
    pub(crate) most: usize,
    /// Jobs that may have started since the survey.
    pub(crate) newer: u64,
    /// Seconds that a survey is good for.
    pub(crate) age: i64,
}

impl Measures {
    /// Jobs before a page, at most; a page further down is better asked for by a range of start times.
    pub(crate) fn deepest(&self) -> u64 {
        self.spacing.saturating_mul(self.most as u64)
    }
}

impl Default for Measures {
    fn default() -> Self {
        Self {
            // Some 5 ms.
            near: 20_000,
            // Some 1 ms.
            spacing: 4_000,
            // Lists of 40 million jobs.
            most: 10_000,
            newer: 2_000,
            age: 300,
        }
    }
}

/// What was found out about a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Survey {
    /// Its first job then.
    pub(crate) top: Cursor,
    /// The job with the number `spacing`, with twice that, and so on, counted from 1.
    pub(crate) marks: Vec<Cursor>,
    /// Whether there are no more jobs than a `spacing` behind the last of them.
    pub(crate) whole: bool,
}

/// The bookmarks of lists.
#[derive(Debug, Default)]
pub(crate) struct Bookmarks {
    pub(crate) measures: Measures,
    lists: Mutex<HashMap<Filter, Entry>>,
}

#[derive(Debug, Default)]
struct Entry {
    /// With its time: seconds since 1970 UTC.
    survey: Option<(i64, Arc<Survey>)>,
    /// Whether somebody is at it.
    is_surveyed: bool,
}

/// How to get to a deep page.
pub(crate) enum Way<'a> {
    /// By this survey.
    By(Arc<Survey>),
    /// By a new survey, which is the asker's to make.
    Survey(Claim<'a>),
    /// By counting: somebody else is about to survey the list for the first time.
    Count,
}

/// The right to survey a list. It is given back when it is dropped.
pub(crate) struct Claim<'a> {
    bookmarks: &'a Bookmarks,
    filter: Filter,
}

impl Bookmarks {
    #[cfg(test)]
    pub(crate) fn with(measures: Measures) -> Self {
        Self {
            measures,
            lists: Mutex::default(),
        }
    }

    /// How to get to a deep page of the list at this time.
    pub(crate) fn way(&self, filter: &Filter, now: i64) -> Way<'_> {
        let mut lists = self.lists();
        if lists.len() >= LISTS && !lists.contains_key(filter) {
            // Whoever still pages through one of them surveys it again.
            lists.retain(|_, entry| entry.is_surveyed);
        }
        let entry = lists.entry(filter.clone()).or_default();
        match &entry.survey {
            Some((at, survey))
                if entry.is_surveyed || now.abs_diff(*at) <= self.measures.age.unsigned_abs() =>
            {
                Way::By(Arc::clone(survey))
            }
            _ if entry.is_surveyed => Way::Count,
            _ => {
                entry.is_surveyed = true;
                Way::Survey(Claim {
                    bookmarks: self,
                    filter: filter.clone(),
                })
            }
        }
    }

    /// Forgets a survey that is of no use any more.
    pub(crate) fn forget(&self, filter: &Filter) {
        if let Some(entry) = self.lists().get_mut(filter) {
            entry.survey = None;
        }
    }

    fn lists(&self) -> MutexGuard<'_, HashMap<Filter, Entry>> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim<'_> {
    /// Keeps the survey.
    pub(crate) fn keep(self, survey: &Arc<Survey>, now: i64) {
        if let Some(entry) = self.bookmarks.lists().get_mut(&self.filter) {
            entry.survey = Some((now, Arc::clone(survey)));
        }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if let Some(entry) = self.bookmarks.lists().get_mut(&self.filter) {
            entry.is_surveyed = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::scope::Scope;

    fn filter(number: i64) -> Filter {
        Filter {
            scope: Scope::All,
            states: Vec::new(),
            cluster: None,
            project: None,
            start_from: number,
            start_to: i64::MAX,
        }
    }

    fn survey() -> Arc<Survey> {
        Arc::new(Survey {
            top: Cursor {
                start_time: 1,
                id: 1,
            },
            marks: Vec::new(),
            whole: true,
        })
    }

    #[test]
    fn a_list_is_surveyed_by_one_and_again_when_that_is_old() {
        let bookmarks = Bookmarks::default();
        let age = bookmarks.measures.age;
        let Way::Survey(claim) = bookmarks.way(&filter(1), 0) else {
            panic!("nobody may survey it");
        };
        assert!(matches!(bookmarks.way(&filter(1), 0), Way::Count));
        claim.keep(&survey(), 0);
        assert!(matches!(bookmarks.way(&filter(1), age), Way::By(_)));
        let Way::Survey(claim) = bookmarks.way(&filter(1), age + 1) else {
            panic!("it is good for ever");
        };
        // The old one does until the new one is there.
        assert!(matches!(bookmarks.way(&filter(1), age + 1), Way::By(_)));
        drop(claim);
        assert!(matches!(bookmarks.way(&filter(1), age + 1), Way::Survey(_)));
        bookmarks.forget(&filter(1));
        assert!(matches!(bookmarks.way(&filter(1), 0), Way::Survey(_)));
    }

    #[test]
    fn no_more_lists_are_remembered_than_the_limit() {
        let bookmarks = Bookmarks::default();
        for number in 0..=i64::try_from(LISTS).unwrap() {
            if let Way::Survey(claim) = bookmarks.way(&filter(number), 0) {
                claim.keep(&survey(), 0);
            }
        }
        assert_eq!(bookmarks.lists().len(), 1);
    }
}
