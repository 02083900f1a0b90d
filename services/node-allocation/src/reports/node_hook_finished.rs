//! An agent has done something to a node, or has failed to.

use std::{collections::BTreeSet, sync::Arc};

use muster_contract::agent::NodeHookFinished;
use muster_messaging::{Context, Effects, HandlerError, Reported, TakeReport};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction};
use uuid::Uuid;

use crate::{
    commands::told::{Told, emit_all},
    hooks::ended::{Ended, Ending, orders_ended},
    moment::Moment,
    store::{hook_orders, lock},
};

/// Takes [`NodeHookFinished`].
pub(crate) struct NodeHookReports(pub(crate) Arc<dyn Ids>);

impl TakeReport<NodeHookFinished> for NodeHookReports {
    async fn take(
        &self,
        transaction: &mut Transaction,
        reports: &[Reported<NodeHookFinished>],
        effects: &mut Effects,
    ) -> Result<(), HandlerError> {
        let times = reports
            .iter()
            .map(|report| report.context.received_at().as_micros());
        let moment = Moment {
            now: times.max().unwrap_or_default(),
            ids: &*self.0,
        };
        let said: Vec<(&str, &NodeHookFinished)> = reports
            .iter()
            .map(|report| (report.agent.as_str(), &report.body))
            .collect();
        let told = hooks_finished(transaction, moment, &said).await?;
        let causes: Vec<&Context> = reports.iter().map(|report| &report.context).collect();
        emit_all(effects, &causes, told)
    }
}

/// What is to be told of it. A report of an order that does not live any more, or that another agent was given, changes
/// nothing.
pub(crate) async fn hooks_finished(
    transaction: &mut Transaction,
    moment: Moment<'_>,
    reports: &[(&str, &NodeHookFinished)],
) -> Result<Vec<Told>, StorageError> {
    lock(transaction).await?;
    let named: BTreeSet<Uuid> = reports.iter().map(|(_, report)| report.order).collect();
    let orders = hook_orders::find(transaction, named).await?;
    let mut ended: Vec<Ended> = orders
        .into_iter()
        .filter_map(|order| {
            // Of several that say something of it, the first that may.
            let place = reports
                .iter()
                .position(|(agent, report)| report.order == order.id && *agent == order.agent)?;
            let (_, report) = reports.get(place)?;
            Some(Ended {
                place: Some(place),
                ending: Ending::Reported(report.result.clone()),
                order,
            })
        })
        .collect();
    ended.sort_by_key(|ended| ended.place);
    orders_ended(transaction, moment, &ended).await
}
