//! Saves jobs.

mod shelf;

use muster_contract::session::{DocumentRefusal, SaveBackupJob, SaveMode, SavedDocument};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction};

use self::shelf::Shelf;
use super::order::{Order, check, document_handler, invalid};
use crate::job_sessions::{
    domain::{backup_job::BackupJob, fields, job_change::JobChange},
    store::backup_jobs::JobKey,
};

document_handler!(
    /// Takes [`SaveBackupJob`].
    SaveBackupJobHandler,
    SaveBackupJob,
    save_backup_jobs
);

type Results = Vec<Result<SavedDocument, DocumentRefusal>>;

/// A command that says something of a job.
pub(super) struct Said<'a> {
    order: &'a Order<'a, SaveBackupJob>,
    key: JobKey,
    change: JobChange,
}

/// Saves jobs as if the commands came one by one in this order.
pub(crate) async fn save_backup_jobs(
    transaction: &mut Transaction,
    ids: &dyn Ids,
    orders: &[Order<'_, SaveBackupJob>],
) -> Result<Results, StorageError> {
    let said: Vec<Result<Said<'_>, DocumentRefusal>> =
        orders.iter().map(|order| read(order, ids)).collect();
    let understood: Vec<&Said<'_>> = said.iter().flatten().collect();
    let mut shelf = Shelf::open(transaction, ids, &understood).await?;
    let mut results = Vec::with_capacity(said.len());
    for said in said {
        results.push(said.and_then(|said| save(&mut shelf, &said)));
    }
    shelf.write(transaction).await?;
    Ok(results)
}

fn read<'a>(
    order: &'a Order<'a, SaveBackupJob>,
    ids: &dyn Ids,
) -> Result<Said<'a>, DocumentRefusal> {
    let body = order.body;
    check(order, &body.tenant, body.job_id.as_deref())?;
    let change = JobChange::read(&body.document).map_err(invalid)?;
    if body.mode != SaveMode::Patch {
        change.check_whole().map_err(invalid)?;
    }
    let given = body.job_id.as_ref().or(change.job_id.as_ref());
    let id = match given.filter(|id| !id.is_empty()) {
        Some(id) => {
            fields::check_id("job_id", id).map_err(invalid)?;
            id.clone()
        }
        None if body.mode == SaveMode::Create => ids.next().simple().to_string(),
        None => return Err(DocumentRefusal::Unknown),
    };
    Ok(Said {
        order,
        key: (body.tenant.clone(), id),
        change,
    })
}

fn save(shelf: &mut Shelf<'_>, said: &Said<'_>) -> Result<SavedDocument, DocumentRefusal> {
    let (change, key) = (&said.change, &said.key);
    let there = shelf.job(key);
    let job = match (said.order.body.mode, there) {
        (SaveMode::Create, Some(_)) => {
            let id = key.1.clone();
            return Err(DocumentRefusal::Exists { id });
        }
        (SaveMode::Patch, None) => return Err(DocumentRefusal::Unknown),
        (_, None) => {
            let Order { caller, now, .. } = *said.order;
            change.new_job(&key.0, &key.1, &caller.name, now)
        }
        (mode, Some(there)) => changed(mode, change, there)?,
    };
    for (what, document) in [
        ("the schedule of a job", &job.schedule),
        ("a job", &job.document),
    ] {
        fields::check_size(what, document).map_err(invalid)?;
    }
    shelf.put(said, job)
}

fn changed(
    mode: SaveMode,
    change: &JobChange,
    there: &BackupJob,
) -> Result<BackupJob, DocumentRefusal> {
    if change.version.is_some_and(|seen| seen != there.version) {
        let version = there.version;
        return Err(DocumentRefusal::Changed { version });
    }
    let mut job = there.clone();
    if mode == SaveMode::Patch {
        change.patch(&mut job);
    } else {
        change.replace(&mut job);
    }
    Ok(job)
}

#[cfg(test)]
mod tests;
