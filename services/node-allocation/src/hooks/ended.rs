//! Orders that have come to their end: the agent has said how, or it has said nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use muster_contract::{
    agent::{HookResult, NodeHook},
    node_allocation::{AllocationRefusal, NodeState, NodesGranted},
};
use muster_storage::{StorageError, Transaction};
use uuid::Uuid;

use super::ordering::{Wanted, order, starts};
use crate::{
    commands::{
        ending::end_waiting,
        serving::serve_all,
        told::{Answer, Told},
    },
    domain::{
        lifecycle::{Condition, comes_back, failed, set_aside, succeeded},
        places::Loss,
        pools::{Pool, Pools},
        releasing::HeldNode,
    },
    moment::Moment,
    store::{
        conditions::{Change, change},
        contextualizing,
        hook_orders::{self, LiveOrder, OrderedNode},
        pools::pools,
        release::release,
        waiting::WaitingRequest,
    },
};

/// How an order came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    Reported(HookResult),
    /// The time is over and nothing was said.
    Silent,
}

/// An order with its end, and the place of the report in its batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) place: Option<usize>,
    pub(crate) order: LiveOrder,
    pub(crate) ending: Ending,
}

/// Does what follows; the lock of the service must be held. What is told: who got their nodes, who was refused, what agents
/// are to do next.
pub(crate) async fn orders_ended(
    transaction: &mut Transaction,
    moment: Moment<'_>,
    ended: &[Ended],
) -> Result<Vec<Told>, StorageError> {
    if ended.is_empty() {
        return Ok(Vec::new());
    }
    hook_orders::remove(transaction, ended.iter().map(|ended| ended.order.id)).await?;
    let pools = pools(transaction).await?;
    let sessions: BTreeSet<&str> = ended
        .iter()
        .filter(|ended| ended.order.hook == NodeHook::Contextualize)
        .filter_map(|ended| ended.order.node.session.as_deref())
        .collect();
    let requests = contextualizing::of_sessions(transaction, sessions).await?;
    let mut follow_up = FollowUp {
        moment,
        pools: &pools,
        requests: requests
            .into_iter()
            .map(|request| (request.request, Touched::new(request)))
            .collect(),
        changes: Vec::new(),
        releases: Vec::new(),
        wanted: Vec::new(),
    };
    for ended in ended {
        follow_up.take(ended);
    }
    follow_up.write(transaction).await
}

/// A request that has nodes which are being prepared.
struct Touched {
    request: WaitingRequest,
    /// Place of the report that was the last to concern it.
    place: Option<usize>,
    concerned: bool,
    /// Why it is refused, whatever else there is.
    hopeless: Option<AllocationRefusal>,
    /// Why it is refused if there is no other node.
    loss: Option<AllocationRefusal>,
}

impl Touched {
    fn new(request: WaitingRequest) -> Self {
        Self {
            request,
            place: None,
            concerned: false,
            hopeless: None,
            loss: None,
        }
    }
}

struct FollowUp<'a> {
    moment: Moment<'a>,
    pools: &'a Pools,
    requests: BTreeMap<Uuid, Touched>,
    /// Nodes that stay where they are, in a session or in none.
    changes: Vec<Change>,
    /// Nodes that leave their sessions.
    releases: Vec<(HeldNode, Condition)>,
    wanted: Vec<Wanted>,
}

impl FollowUp<'_> {
    fn take(&mut self, ended: &Ended) {
        let Ended {
            place,
            order,
            ending,
        } = ended;
        let Some(pool) = self.pools.get(order.node.pool) else {
            return;
        };
        // What an operator has done to the node since, or another session, stands.
        if !order.is_of_latest_lease {
            return;
        }
        match (order.hook, order.node.state) {
            (NodeHook::Contextualize, NodeState::Contextualizing) => {
                self.contextualized(*place, pool, order, ending);
            }
            (NodeHook::Contextualize, NodeState::Deprovisioning) => {
                let node = &order.node;
                let quarantines = node.record.quarantines;
                let after = comes_back(&pool.hooks, node.unwiped, quarantines, self.moment.now);
                self.changes(*place, node, after);
            }
            (NodeHook::Provision, NodeState::Provisioning)
            | (NodeHook::Deprovision, NodeState::Deprovisioning) => {
                let after = self.after(pool, order, ending);
                self.changes(*place, &order.node, after);
            }
            _ => {}
        }
    }

    /// What an idle node is after an attempt.
    fn after(&self, pool: &Pool, order: &LiveOrder, ending: &Ending) -> Condition {
        let now = self.moment.now;
        let node = &order.node;
        match reason(ending, &order.agent) {
            None => succeeded(order.hook, &pool.hooks, node.record.quarantines, now),
            Some(reason) => failed(
                node.state,
                node.unwiped,
                node.record,
                pool.patience(),
                reason,
                now,
            ),
        }
    }

    fn contextualized(
        &mut self,
        place: Option<usize>,
        pool: &Pool,
        order: &LiveOrder,
        ending: &Ending,
    ) {
        let node = &order.node;
        let lease = (node.id, node.generation);
        let Some(held) = node.held() else {
            return;
        };
        let touched = self.requests.values_mut().find(|touched| {
            let places = touched.request.places.as_ref();
            places.is_some_and(|places| places.leases().any(|of_it| of_it == lease))
        });
        let now = self.moment.now;
        let Some(touched) = touched else {
            // Nobody would ever be told of it.
            let quarantines = node.record.quarantines;
            let mut after = comes_back(&pool.hooks, true, quarantines, now);
            self.start(place, node, &mut after);
            self.releases.push((held, after));
            return;
        };
        touched.place = place;
        touched.concerned = true;
        let Some(reason) = reason(ending, &order.agent) else {
            if let Some(places) = &mut touched.request.places {
                places.prepared(node.id, node.generation);
            }
            let after = Condition {
                reason: node.reason.clone(),
                unwiped: true,
                ..Condition::at_rest(NodeState::Deployed)
            };
            self.changes(place, node, after);
            return;
        };
        let demands = &touched.request.demands;
        let attempts = pool.hooks.attempts;
        let lost = touched
            .request
            .places
            .as_mut()
            .map(|places| places.lost(demands, lease, attempts));
        let silent = *ending == Ending::Silent;
        if silent {
            let agent = order.agent.clone();
            touched.hopeless = Some(AllocationRefusal::AgentSilent { agent });
        } else {
            let refusal = AllocationRefusal::ContextualizationFailed {
                hostname: node.hostname.clone(),
                reason: reason.clone(),
            };
            if lost == Some(Loss::GivenUp) {
                touched.hopeless.get_or_insert(refusal);
            } else {
                touched.loss = Some(refusal);
            }
        }
        let quarantines = node.record.quarantines;
        let mut after = if node.draining {
            held.given_back(&pool.hooks, now)
        } else if silent {
            // It is not the node's fault.
            comes_back(&pool.hooks, true, quarantines, now)
        } else {
            set_aside(true, quarantines, pool.patience(), reason, now)
        };
        self.start(place, node, &mut after);
        self.releases.push((held, after));
    }

    fn changes(&mut self, place: Option<usize>, node: &OrderedNode, mut after: Condition) {
        self.start(place, node, &mut after);
        self.changes.push(Change {
            id: node.id,
            pool: node.pool,
            generation: node.generation,
            before: node.state,
            after,
        });
    }

    fn start(&mut self, place: Option<usize>, node: &OrderedNode, after: &mut Condition) {
        if let Some(hook) = starts(after, self.moment.now) {
            self.wanted.push(Wanted {
                place,
                node: node.id,
                hook,
                failures: after.failures,
            });
        }
    }

    async fn write(self, transaction: &mut Transaction) -> Result<Vec<Told>, StorageError> {
        let moment = self.moment;
        change(transaction, moment.now, &self.changes).await?;
        let releases: Vec<(&HeldNode, Condition)> = self
            .releases
            .iter()
            .map(|(held, after)| (held, after.clone()))
            .collect();
        release(transaction, moment.now, &releases).await?;
        let orders = order(transaction, moment, self.pools, &self.wanted).await?;
        let mut told = Told::all(orders);

        let (mut complete, mut kept) = (Vec::new(), Vec::new());
        let (mut hopeless, mut losses, mut places) =
            (HashMap::new(), HashMap::new(), HashMap::new());
        for (id, touched) in self.requests {
            if !touched.concerned {
                continue;
            }
            places.insert(id, touched.place);
            let is_complete = (touched.request.places.as_ref())
                .is_some_and(crate::domain::places::Places::is_complete);
            if let Some(refusal) = touched.hopeless {
                hopeless.insert(id, refusal);
            } else if is_complete {
                let waited = moment.now.saturating_sub(touched.request.enqueued_at);
                let event = granted(touched.request);
                told.push(Told::granted(touched.place, event, waited));
                complete.push(id);
                continue;
            } else if let Some(refusal) = touched.loss {
                losses.insert(id, refusal);
            }
            kept.push(touched.request);
        }
        contextualizing::remove(transaction, complete).await?;
        contextualizing::save(transaction, &kept).await?;
        if !hopeless.is_empty() {
            let ended = end_waiting(transaction, moment, |waiting| {
                hopeless.get(&waiting.request).cloned()
            })
            .await?;
            told.extend(ended.told(&places));
        }
        told.extend(serve_all(transaction, moment, &[]).await?);
        if !losses.is_empty() {
            let ended = end_waiting(transaction, moment, |waiting| {
                let has_time = waiting.wait_until > moment.now;
                let refusal = losses.get(&waiting.request)?;
                (waiting.is_short() && !has_time).then(|| refusal.clone())
            })
            .await?;
            let freed = !ended.is_empty();
            told.extend(ended.told(&places));
            if freed {
                told.extend(serve_all(transaction, moment, &[]).await?);
            }
        }
        Ok(told)
    }
}

/// A request that has all its nodes ready.
pub(crate) fn granted(request: WaitingRequest) -> Answer {
    Answer::Granted(NodesGranted {
        request: request.request,
        session: request.session,
        tenant: request.tenant,
        nodes: request.places.unwrap_or_default().into_leases(),
    })
}

/// What went wrong, if anything did.
fn reason(ending: &Ending, agent: &str) -> Option<String> {
    match ending {
        Ending::Reported(HookResult::Succeeded) => None,
        Ending::Reported(HookResult::Failed { reason }) => {
            Some(crate::domain::storable::storable(reason).into_owned())
        }
        Ending::Silent => Some(format!("agent {agent} did not answer in time")),
    }
}
