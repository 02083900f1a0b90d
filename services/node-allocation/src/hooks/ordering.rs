//! Orders to agents.

use std::collections::{BTreeSet, HashMap};

use muster_contract::{
    agent::{HookedNode, NodeHook, RunNodeHook},
    node_allocation::NodeState,
};
use muster_storage::{StorageError, Transaction};

use crate::{
    commands::told::Answer,
    domain::{lifecycle::Condition, pools::Pools},
    moment::Moment,
    store::{
        conditions::postpone,
        hook_orders::{self, NewOrder, Subject},
    },
};

/// Orders that nobody waits for, to install and to wipe nodes, that an agent has at hand at most. The time of an attempt runs
/// from when it is ordered: in a long row the last would be over before they begin.
pub(crate) const UNHURRIED_LIMIT: u32 = 16;

/// Microseconds until it is looked again whether an agent has come through some.
const POSTPONEMENT: i64 = 5 * 1_000_000;

/// Something to be done to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Place of what caused it in its batch; `None`: whatever it was.
    pub(crate) place: Option<usize>,
    pub(crate) node: i64,
    pub(crate) hook: NodeHook,
    /// Attempts that failed before.
    pub(crate) failures: u32,
}

impl Wanted {
    /// Nobody waits for it.
    fn is_unhurried(&self) -> bool {
        self.hook != NodeHook::Contextualize
    }
}

/// Has these done, one thing to each node, and notes it. What an agent that has much to do is to do later is due later. A node
/// whose pool has no such hook is left out.
pub(crate) async fn order(
    transaction: &mut Transaction,
    moment: Moment<'_>,
    pools: &Pools,
    wanted: &[Wanted],
) -> Result<Vec<(Option<usize>, Answer)>, StorageError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let nodes = wanted.iter().map(|wanted| wanted.node);
    let subjects = hook_orders::subjects(transaction, nodes).await?;
    let subjects: HashMap<i64, Subject> = subjects
        .into_iter()
        .map(|subject| (subject.id, subject))
        .collect();
    let drafts: Vec<(&Wanted, String, RunNodeHook)> = wanted
        .iter()
        .filter_map(|wanted| {
            let subject = subjects.get(&wanted.node)?;
            let (agent, order) = draft(moment, pools, wanted, subject)?;
            Some((wanted, agent, order))
        })
        .collect();
    let unhurried = drafts.iter().filter(|(wanted, ..)| wanted.is_unhurried());
    let agents: BTreeSet<&str> = unhurried.map(|(_, agent, _)| agent.as_str()).collect();
    let mut at_hand = hook_orders::unhurried(transaction, agents).await?;
    let (mut new, mut answers, mut postponed) = (Vec::new(), Vec::new(), Vec::new());
    for (wanted, agent, order) in drafts {
        if wanted.is_unhurried() {
            let orders = at_hand.entry(agent.clone()).or_default();
            if *orders >= UNHURRIED_LIMIT {
                postponed.push(wanted.node);
                continue;
            }
            *orders += 1;
        }
        new.push(NewOrder {
            id: order.order,
            node: wanted.node,
            generation: order.node.generation,
            hook: order.hook,
            attempt: order.attempt,
            agent: agent.clone(),
            deadline: order.deadline,
        });
        let order = Box::new(order);
        answers.push((wanted.place, Answer::Order { agent, order }));
    }
    hook_orders::add(transaction, &new).await?;
    let later = moment.now.saturating_add(POSTPONEMENT);
    postpone(transaction, later, &postponed).await?;
    Ok(answers)
}

/// What is to be done at once to a node that comes into this condition, which is at hand from then on.
pub(crate) fn starts(condition: &mut Condition, now: i64) -> Option<NodeHook> {
    let hook = match condition.state {
        NodeState::Deprovisioning => NodeHook::Deprovision,
        NodeState::Provisioning => NodeHook::Provision,
        _ => return None,
    };
    condition.due.take_if(|due| *due <= now).map(|_| hook)
}

fn draft(
    moment: Moment<'_>,
    pools: &Pools,
    wanted: &Wanted,
    subject: &Subject,
) -> Option<(String, RunNodeHook)> {
    let pool = pools.get(subject.pool)?;
    let limit = pool.hooks.limit(wanted.hook)?;
    let agent = pool.hooks.agent_of(&subject.hostname)?;
    // Installing a node has nothing to do with the session that had it last.
    let concerns_session = wanted.hook != NodeHook::Provision;
    let order = RunNodeHook {
        order: moment.ids.next(),
        hook: wanted.hook,
        attempt: wanted.failures.saturating_add(1),
        deadline: moment.now.saturating_add(limit),
        node: HookedNode {
            hostname: subject.hostname.clone(),
            ip_address: subject.ip_address.clone(),
            pool: pool.name.clone(),
            version: pool.version.clone(),
            architecture: pool.architecture.clone(),
            flavor: pool.flavor.clone(),
            generation: subject.generation,
        },
        session: subject.session.clone().filter(|_| concerns_session),
        tenant: subject.tenant.clone().filter(|_| concerns_session),
    };
    Some((agent, order))
}
