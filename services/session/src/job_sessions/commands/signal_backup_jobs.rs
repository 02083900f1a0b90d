//! Asks jobs for something.

use std::collections::BTreeSet;

use muster_contract::session::{DocumentRefusal, SignalBackupJob, SignaledBackupJob};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction};

use super::order::{Order, check, document_handler};
use crate::job_sessions::{
    domain::job_change::signal,
    store::backup_jobs::{JobKey, job_lock, load_jobs, update_jobs},
};

document_handler!(
    /// Takes [`SignalBackupJob`].
    SignalBackupJobHandler,
    SignalBackupJob,
    signal_backup_jobs
);

type Results = Vec<Result<SignaledBackupJob, DocumentRefusal>>;

/// Asks jobs as if the commands came one by one in this order.
pub(crate) async fn signal_backup_jobs(
    transaction: &mut Transaction,
    _: &dyn Ids,
    orders: &[Order<'_, SignalBackupJob>],
) -> Result<Results, StorageError> {
    let allowed: Vec<Result<(), DocumentRefusal>> = orders
        .iter()
        .map(|order| check(order, &order.body.tenant, Some(&order.body.job_id)))
        .collect();
    let wanted = orders
        .iter()
        .zip(&allowed)
        .filter(|(_, allowed)| allowed.is_ok());
    let wanted: Vec<(&str, &str)> = wanted
        .map(|(order, _)| (order.body.tenant.as_str(), order.body.job_id.as_str()))
        .collect();
    let locks: Vec<_> = wanted
        .iter()
        .map(|(tenant, id)| job_lock(tenant, id))
        .collect();
    transaction.lock_keys(&locks).await?;
    let mut jobs = load_jobs(transaction, wanted).await?;
    let mut changed = BTreeSet::<JobKey>::new();
    let mut results = Vec::with_capacity(orders.len());
    for (order, allowed) in orders.iter().zip(allowed) {
        let key = (order.body.tenant.clone(), order.body.job_id.clone());
        results.push(allowed.and_then(|()| {
            let job = jobs.get_mut(&key).ok_or(DocumentRefusal::Unknown)?;
            let is_new = signal(job, order.body.signal);
            if is_new {
                changed.insert(key);
            }
            let already_requested = !is_new;
            Ok(SignaledBackupJob { already_requested })
        }));
    }
    let changed = changed.iter().filter_map(|key| jobs.get(key));
    update_jobs(transaction, changed).await?;
    Ok(results)
}
