//! What would come of a request at this moment.

use muster_contract::{
    Outcome,
    message::Never,
    node_allocation::{DemandExplanation, ExplainAllocation, Explanation},
};
use muster_messaging::{AnswerQuery, Asked, HandlerError};
use muster_storage::{Database, StorageError};

use crate::{
    domain::{
        arrival::{Desk, Verdict},
        demand::resolve,
        queue::{Waiting, serve},
        storable::is_storable,
    },
    store::{free_nodes::stock, pools::pools, tenants::shares, waiting::waiting},
};

/// Answers [`ExplainAllocation`].
pub(crate) struct ExplainAllocationHandler(pub(crate) Database);

impl AnswerQuery<ExplainAllocation> for ExplainAllocationHandler {
    async fn answer(
        &self,
        asked: Asked<ExplainAllocation>,
    ) -> Result<Outcome<Explanation, Never>, HandlerError> {
        Ok(Outcome::Done(explain(&self.0, &asked.body).await?))
    }
}

/// Plans the request as one that does not wait, by the rules of the command, and changes nothing.
pub(crate) async fn explain(
    database: &Database,
    question: &ExplainAllocation,
) -> Result<Explanation, StorageError> {
    let mut snapshot = database.snapshot().await?;
    let pools = pools(&mut snapshot).await?;
    let queue = waiting(&mut snapshot).await?.into_iter();
    let queue: Vec<Waiting> = queue
        .filter_map(|waiting| waiting.in_queue(&pools)?.ok())
        .collect();
    let tenants = queue.iter().map(|waiting| waiting.tenant.as_str());
    let asking = Some(question.tenant.as_str()).filter(|name| is_storable(name));
    let mut shares = shares(&mut snapshot, tenants.chain(asking)).await?;
    let share = shares.of(&question.tenant);
    let demands = question.demands.iter().map(|demand| {
        let fitting = pools.fitting(&demand.selector);
        DemandExplanation {
            ready: pools.ready(&fitting),
            total: pools.total(&fitting),
            pools: fitting
                .iter()
                .filter_map(|pool| pools.get(*pool))
                .map(|pool| pool.name.clone())
                .collect(),
        }
    });
    let explained = demands.collect();
    let (refusal, before) = match resolve(&pools, &question.demands) {
        Err(refusal) => (Some(refusal), 0),
        Ok(demands) => {
            let wanted = queue.iter().flat_map(|waiting| &waiting.demands);
            let mut stock = stock(&mut snapshot, &pools, wanted.chain(&demands)).await?;
            let shares_a_pool = |waiting: &&Waiting| {
                let theirs = waiting.demands.iter().flat_map(|demand| &demand.pools);
                theirs
                    .into_iter()
                    .any(|pool| demands.iter().any(|demand| demand.pools.contains(pool)))
            };
            let before = queue.iter().filter(shares_a_pool).count();
            let waiting = u32::try_from(queue.len()).unwrap_or(u32::MAX);
            drop(serve(&mut stock, &mut shares, queue));
            let verdict = Desk {
                pools: &pools,
                stock: &mut stock,
                shares: &mut shares,
                waiting,
            }
            .judge(&question.tenant, &demands, false);
            let refusal = match verdict {
                Verdict::Refused(refusal) => Some(refusal),
                Verdict::Granted(_) | Verdict::Waits => None,
            };
            (refusal, u32::try_from(before).unwrap_or(u32::MAX))
        }
    };
    Ok(Explanation {
        refusal,
        demands: explained,
        quota: share.quota,
        held: share.held,
        waiting: before,
    })
}

#[cfg(test)]
mod tests;
