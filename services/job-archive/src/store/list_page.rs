//! Reading one page of a list.

use std::sync::Arc;

use muster_contract::{
    Principal,
    job_archive::{Job, ListJobsRefusal},
};
use muster_storage::{Database, Engine, Record, Snapshot, StorageError};

use super::{
    bookmarks::{Bookmarks, Survey, Way},
    job_row::JobRow,
    job_tags::JobTags,
    list_statement::{Columns, Cursor, Slice, list_statement},
    places::look_up,
};
use crate::domain::{
    list_limits::{Chunk, MAX_BYTES, MAX_JOBS, Page},
    streams::{Filter, Stream},
};

/// What is asked for.
pub(crate) struct Wanted<'a> {
    /// Which jobs.
    pub(crate) filter: &'a Filter,
    /// Which of them.
    pub(crate) page: Page,
    /// With their meta data.
    pub(crate) with_meta_data: bool,
    /// Who asks; decides which tags are shown.
    pub(crate) caller: &'a Principal,
    /// How deep pages are reached.
    pub(crate) bookmarks: &'a Bookmarks,
    /// Seconds since 1970 UTC.
    pub(crate) now: i64,
}

/// The jobs of a page, the latest start first, as of one moment.
pub(crate) async fn list_page(
    database: &Database,
    wanted: &Wanted<'_>,
) -> Result<Result<Vec<Job>, ListJobsRefusal>, StorageError> {
    let mut snapshot = database.snapshot().await?;
    let places = look_up(&mut snapshot, wanted.filter.lookup()).await?;
    let mut reading = Reading {
        engine: database.engine(),
        snapshot,
        wanted,
        streams: wanted.filter.streams(&places),
        after: Some(Cursor::first(wanted.filter)),
    };
    if reading.streams.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    if let Some(refusal) = reading.skip().await? {
        return Ok(Err(refusal));
    }
    reading.read().await
}

struct Reading<'a> {
    engine: Engine,
    snapshot: Snapshot,
    wanted: &'a Wanted<'a>,
    streams: Vec<Stream<'a>>,
    /// The last job that was skipped or read; `None` when there are no more.
    after: Option<Cursor>,
}

impl Reading<'_> {
    /// The job that has this many before it, counted from where we are.
    async fn look_ahead(&mut self, jobs: u64) -> Result<Option<Cursor>, StorageError> {
        let Some(after) = self.after else {
            return Ok(None);
        };
        let slice = Slice {
            after,
            skipped: jobs,
            limit: 1,
        };
        let found: Vec<Cursor> = self.fetch(Columns::Cursor, slice).await?;
        Ok(found.first().copied())
    }

    /// Goes to the page, and refuses one that cannot be shown before any of it is read.
    async fn skip(&mut self) -> Result<Option<ListJobsRefusal>, StorageError> {
        let page = self.wanted.page;
        if page.skipped > self.wanted.bookmarks.measures.near {
            if let Some(refusal) = self.skip_far(page.skipped).await? {
                return Ok(Some(refusal));
            }
        } else if let Some(before_last) = page.skipped.checked_sub(1) {
            self.after = self.look_ahead(before_last).await?;
        }
        if page.may_be_too_large() && self.look_ahead(MAX_JOBS).await?.is_some() {
            return Ok(Some(ListJobsRefusal::TooMany { limit: MAX_JOBS }));
        }
        Ok(None)
    }

    /// Goes to a page deep in the list by bookmarks.
    async fn skip_far(&mut self, skipped: u64) -> Result<Option<ListJobsRefusal>, StorageError> {
        let Wanted {
            bookmarks,
            filter,
            now,
            ..
        } = *self.wanted;
        let limit = bookmarks.measures.deepest();
        // A survey that too much has started since is made anew.
        for _ in 0..2 {
            let survey = match bookmarks.way(filter, now) {
                Way::By(survey) => survey,
                Way::Survey(claim) => {
                    let survey = Arc::new(self.survey().await?);
                    claim.keep(&survey, now);
                    survey
                }
                Way::Count => break,
            };
            if skipped > limit {
                self.after = None;
                return Ok((!survey.whole).then_some(ListJobsRefusal::TooDeep { limit }));
            }
            if let Some(newer) = self.newer_than(survey.top).await? {
                self.jump(&survey, skipped.saturating_sub(newer)).await?;
                return Ok(None);
            }
            bookmarks.forget(filter);
        }
        self.after = self
            .look_ahead(skipped.min(limit).saturating_sub(1))
            .await?;
        let is_too_deep = skipped > limit && self.after.is_some();
        Ok(is_too_deep.then_some(ListJobsRefusal::TooDeep { limit }))
    }

    /// How many jobs come before the one that was the first; `None` = more than is good.
    async fn newer_than(&mut self, top: Cursor) -> Result<Option<u64>, StorageError> {
        let Some(after) = self.after else {
            return Ok(Some(0));
        };
        let limit = self.wanted.bookmarks.measures.newer + 1;
        let slice = Slice {
            after,
            skipped: 0,
            limit,
        };
        let first: Vec<Cursor> = self.fetch(Columns::Cursor, slice).await?;
        let is_older = |job: &Cursor| (job.start_time, job.id) <= (top.start_time, top.id);
        Ok(match first.iter().position(is_older) {
            Some(newer) => Some(newer as u64),
            // Nothing is left of what was there.
            None if (first.len() as u64) < limit => Some(first.len() as u64),
            None => None,
        })
    }

    /// Goes behind so many jobs of those that were there at the survey.
    async fn jump(&mut self, survey: &Survey, skipped: u64) -> Result<(), StorageError> {
        let spacing = self.wanted.bookmarks.measures.spacing;
        let (marks, rest) = (skipped / spacing, skipped % spacing);
        if let Some(last) = usize::try_from(marks).unwrap_or(usize::MAX).checked_sub(1) {
            self.after = survey.marks.get(last).copied();
        } else {
            // Before the first mark: from what was the first job, which may be gone, so from just before it.
            self.after = Some(Cursor {
                start_time: survey.top.start_time,
                id: survey.top.id.saturating_add(1),
            });
        }
        if let Some(before_last) = rest.checked_sub(1) {
            self.after = self.look_ahead(before_last).await?;
        }
        Ok(())
    }

    /// Walks through the whole list.
    async fn survey(&mut self) -> Result<Survey, StorageError> {
        let measures = self.wanted.bookmarks.measures;
        let first = self.after;
        let top = self.look_ahead(0).await?;
        let mut survey = Survey {
            top: top.unwrap_or_else(|| Cursor::first(self.wanted.filter)),
            marks: Vec::new(),
            whole: false,
        };
        while survey.marks.len() < measures.most {
            let Some(mark) = self.look_ahead(measures.spacing - 1).await? else {
                survey.whole = true;
                break;
            };
            survey.marks.push(mark);
            self.after = Some(mark);
        }
        self.after = first;
        Ok(survey)
    }

    async fn read(&mut self) -> Result<Result<Vec<Job>, ListJobsRefusal>, StorageError> {
        let mut jobs: Vec<Job> = Vec::new();
        let mut left = self.wanted.page.size;
        let mut chunk = Chunk::FIRST;
        let mut bytes = 0_usize;
        while let Some(after) = self.after
            && left > 0
        {
            let limit = chunk.limit(left);
            let rows = self.rows(after, limit).await?;
            let read = rows.iter().map(JobRow::size).sum();
            chunk = chunk.next(read);
            bytes += read;
            if bytes > MAX_BYTES {
                let limit = jobs.len() as u64;
                return Ok(Err(ListJobsRefusal::TooMany { limit }));
            }
            left -= limit;
            self.after = match rows.last() {
                Some(row) if rows.len() as u64 == limit => Some(Cursor {
                    start_time: row.start_time,
                    id: row.id,
                }),
                _ => None,
            };
            self.add(&mut jobs, rows).await?;
        }
        Ok(Ok(jobs))
    }

    async fn rows(&mut self, after: Cursor, limit: u64) -> Result<Vec<JobRow>, StorageError> {
        let columns = if self.wanted.with_meta_data {
            Columns::JobAndMetaData
        } else {
            Columns::Job
        };
        let slice = Slice {
            after,
            skipped: 0,
            limit,
        };
        self.fetch(columns, slice).await
    }

    async fn fetch<T: Record>(
        &mut self,
        columns: Columns,
        slice: Slice,
    ) -> Result<Vec<T>, StorageError> {
        let filter = self.wanted.filter;
        let statement = list_statement(self.engine, filter, &self.streams, columns, slice);
        self.snapshot
            .fetch_composed(statement.sql, &statement.binds)
            .await
    }

    async fn add(&mut self, jobs: &mut Vec<Job>, rows: Vec<JobRow>) -> Result<(), StorageError> {
        let tagged: Vec<i64> = rows
            .iter()
            .filter(|row| row.tagged)
            .map(|row| row.id)
            .collect();
        let tags = JobTags::in_snapshot(&mut self.snapshot, &tagged).await?;
        for row in rows {
            let seen = tags.seen(row.id, self.wanted.caller);
            jobs.push(row.into_job(seen)?);
        }
        Ok(())
    }
}
