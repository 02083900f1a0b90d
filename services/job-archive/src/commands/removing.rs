//! Carrying out a removal, one portion after the other.

use std::collections::BTreeMap;

use muster_contract::job_archive::{JobGone, JobsDeleted};
use muster_messaging::{Context, Effects, HandlerError};
use muster_storage::{StorageError, Transaction};
use uuid::Uuid;

use crate::{
    domain::{
        removal::{PORTION, Removal},
        scope::Scope,
    },
    store::{
        delete_jobs::{OldJobs, delete_jobs, old_jobs},
        describe_jobs::describe_jobs,
        detach_tags::{detach_tags, tag_numbers, tagged_jobs},
        hold_job::lock_jobs,
        removals::{OpenRemoval, keep_removal},
    },
};

/// Carries out the first portion; what is left is kept for later. Returns what was removed if nothing is left.
pub(crate) async fn begin_removal(
    transaction: &mut Transaction,
    command: Uuid,
    work: Removal,
    cause: &Context,
    effects: &mut Effects,
) -> Result<Option<u64>, HandlerError> {
    let mut removal = OpenRemoval {
        command,
        work,
        removed: 0,
    };
    carry_on(transaction, &mut removal, cause, effects).await?;
    if removal.work.is_done() {
        return Ok(Some(removal.removed));
    }
    let now = cause.received_at().as_micros();
    keep_removal(transaction, &removal, now).await?;
    Ok(None)
}

/// Carries out one portion and says which jobs it deleted.
pub(crate) async fn carry_on(
    transaction: &mut Transaction,
    removal: &mut OpenRemoval,
    cause: &Context,
    effects: &mut Effects,
) -> Result<(), HandlerError> {
    let gone = portion(transaction, removal).await?;
    for event in deletions(gone) {
        effects.emit(cause, &event)?;
    }
    Ok(())
}

/// Carries out one portion and returns the jobs that it deleted, each with its tenant.
pub(crate) async fn portion(
    transaction: &mut Transaction,
    removal: &mut OpenRemoval,
) -> Result<Vec<(String, JobGone)>, StorageError> {
    let mut left = PORTION;
    let mut gone = Vec::new();
    while left > 0 && !removal.work.is_done() {
        let (looked_at, removed) = match &mut removal.work {
            Removal::Jobs {
                tenants,
                user,
                before,
                omit,
                after,
            } => {
                let search = OldJobs {
                    tenant: tenants.last().map_or("", String::as_str),
                    user: user.as_deref(),
                    after: *after,
                    before: *before,
                };
                let found = old_jobs(transaction, search, limit(left)).await?;
                if let Some(last) = found.last() {
                    *after = (last.start_time, last.id);
                }
                let ids: Vec<i64> = found
                    .iter()
                    .filter(|job| !job.is_spared(*omit))
                    .map(|job| job.id)
                    .collect();
                let deleted = delete_jobs(transaction, &ids).await?;
                let removed = deleted.len();
                gone.extend(deleted);
                (found.len(), removed)
            }
            Removal::Tags {
                tags,
                tenant,
                user,
                after,
            } => {
                let scope = Scope::from_parts(tenant.clone(), user.clone());
                let at_hand = tags.last().map(std::slice::from_ref).unwrap_or_default();
                match tag_numbers(transaction, at_hand).await?.first() {
                    Some(tag) => take_off(transaction, *tag, &scope, after, left).await?,
                    None => (0, 0),
                }
            }
        };
        removal.removed += removed as u64;
        if looked_at < left {
            removal.work.next();
        }
        left -= looked_at.min(left);
    }
    Ok(gone)
}

async fn take_off(
    transaction: &mut Transaction,
    tag: i64,
    scope: &Scope,
    after: &mut i64,
    left: usize,
) -> Result<(usize, usize), StorageError> {
    let found = tagged_jobs(transaction, tag, scope, *after, limit(left)).await?;
    if let Some((last, _)) = found.last() {
        *after = *last;
    }
    let jobs: Vec<i64> = found
        .iter()
        .filter_map(|(job, seen)| seen.then_some(*job))
        .collect();
    lock_jobs(transaction, &jobs).await?;
    let pairs = jobs.into_iter().map(|job| (job, tag));
    let detached = detach_tags(transaction, pairs).await?;
    describe_jobs(transaction, &detached).await?;
    Ok((found.len(), detached.len()))
}

fn limit(left: usize) -> i64 {
    i64::try_from(left).unwrap_or(i64::MAX)
}

/// What is told of deleted jobs: one event for each tenant.
pub(crate) fn deletions(gone: Vec<(String, JobGone)>) -> Vec<JobsDeleted> {
    let mut by_tenant: BTreeMap<String, Vec<JobGone>> = BTreeMap::new();
    for (tenant, job) in gone {
        by_tenant.entry(tenant).or_default().push(job);
    }
    by_tenant
        .into_iter()
        .map(|(tenant, jobs)| JobsDeleted { tenant, jobs })
        .collect()
}

#[cfg(test)]
mod tests;
