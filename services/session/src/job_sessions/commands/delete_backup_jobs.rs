//! Deletes jobs.

use std::collections::BTreeSet;

use muster_contract::session::DeleteBackupJob;
use muster_messaging::{Effects, HandleCommand, HandlerError, OutcomeOf, Request};
use muster_storage::{StorageError, Transaction};

use super::{
    delete_documents::{Results, named, pair, results},
    order::{Order, orders, outcomes},
    run_commands::free_jobs,
};
use crate::job_sessions::{
    book::Moment,
    domain::run::Rules,
    saying::Sayings,
    store::backup_jobs::{delete_jobs, load_jobs},
};

/// Takes [`DeleteBackupJob`].
pub(crate) struct DeleteBackupJobHandler {
    rules: Rules,
}

impl DeleteBackupJobHandler {
    pub(crate) fn new(rules: Rules) -> Self {
        Self { rules }
    }
}

impl HandleCommand<DeleteBackupJob> for DeleteBackupJobHandler {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<DeleteBackupJob>],
        effects: &mut Effects,
    ) -> Result<Vec<OutcomeOf<DeleteBackupJob>>, HandlerError> {
        let orders = orders(requests)?;
        let (results, sayings) = delete_backup_jobs(transaction, self.rules, &orders).await?;
        sayings.tell(requests.iter().map(|request| &request.context), effects)?;
        Ok(outcomes(results))
    }
}

/// Deletes jobs, which leave their sessions first.
pub(crate) async fn delete_backup_jobs(
    transaction: &mut Transaction,
    rules: Rules,
    orders: &[Order<'_, DeleteBackupJob>],
) -> Result<(Results, Sayings), StorageError> {
    let named = named(orders, |body| (&body.tenant, &body.job_id));
    let leaving = orders.iter().zip(&named).enumerate();
    let leaving = leaving.filter_map(|(cause, (order, named))| {
        let (tenant, id) = named.as_ref().ok()?;
        let moment = Moment {
            cause,
            now: order.now,
        };
        Some((moment, ((*tenant).to_owned(), (*id).to_owned())))
    });
    let leaving: Vec<_> = leaving.collect();
    let sayings = free_jobs(transaction, rules, &leaving).await?;
    let there = load_jobs(transaction, named.iter().flatten().copied()).await?;
    let numbers = there.values().map(|job| job.number);
    delete_jobs(transaction, numbers).await?;
    let there: BTreeSet<(&str, &str)> = there.keys().map(pair).collect();
    Ok((results(named, there), sayings))
}
