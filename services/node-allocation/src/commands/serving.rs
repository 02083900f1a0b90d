//! Nodes for those that wait and for those that have just come, in one go.

use std::collections::{HashMap, HashSet};

use muster_contract::{
    agent::NodeHook,
    node_allocation::{AllocateNodes, AllocationRefusal, LeasedNode, NodesGranted},
};
use muster_storage::{StorageError, Transaction};
use uuid::Uuid;

use super::{
    ending::abandon,
    told::{Answer, Told, refused},
};
use crate::{
    domain::{
        arrival::{Desk, Verdict},
        demand::{Demand, resolve},
        places::{NewlyPlaced, Places},
        pools::Pools,
        queue::{Waiting, serve},
        stock::FreeNode,
    },
    hooks::{
        ended::granted,
        ordering::{Wanted, order},
    },
    moment::Moment,
    store::{
        contextualizing,
        fences::fenced,
        free_nodes::stock,
        grant::{Grant, grant, next_generation},
        pools::pools,
        tenants::shares,
        waiting::{self, WaitingRequest},
    },
};

/// Serves the queue, then the requests that have just come, in their order. The lock of the service must be held. Costs
/// the same number of statements whatever the number of requests, plus one for each pool that is asked for.
pub(crate) async fn serve_all(
    transaction: &mut Transaction,
    moment: Moment<'_>,
    arrivals: &[&AllocateNodes],
) -> Result<Vec<Told>, StorageError> {
    let queue = waiting::waiting(transaction).await?;
    if queue.is_empty() && arrivals.is_empty() {
        return Ok(Vec::new());
    }
    let names = arrivals
        .iter()
        .flat_map(|arrival| [arrival.session.clone(), arrival.request.to_string()]);
    let fenced = fenced(transaction, names).await?;
    let pools = pools(transaction).await?;
    let mut round = Round {
        moment,
        pools: &pools,
        told: Vec::new(),
        grants: Vec::new(),
        enqueued: Vec::new(),
        dequeued: Vec::new(),
        kept: HashMap::new(),
        abandoned: Vec::new(),
    };
    let known: HashSet<Uuid> = queue.iter().map(|waiting| waiting.request).collect();
    let arrivals = round.admit(arrivals, &fenced, &known);
    let queue = round.look_through(queue);

    let tenants = queue.iter().map(|waiting| waiting.tenant.as_str());
    let tenants = tenants.chain(
        arrivals
            .iter()
            .map(|arrival| arrival.command.tenant.as_str()),
    );
    let mut shares = shares(transaction, tenants).await?;
    let demands = queue.iter().flat_map(|waiting| &waiting.demands);
    let demands = demands.chain(arrivals.iter().flat_map(|arrival| &arrival.demands));
    let mut stock = stock(transaction, &pools, demands).await?;

    let queued = queue.len();
    for (waiting, nodes) in serve(&mut stock, &mut shares, queue) {
        round.grant_waiting(&waiting, nodes);
    }
    let left = queued.saturating_sub(round.grants.len());
    let mut desk = Desk {
        pools: &pools,
        stock: &mut stock,
        shares: &mut shares,
        waiting: u32::try_from(left).unwrap_or(u32::MAX),
    };
    for arrival in arrivals {
        let waits = arrival.wait_until(moment.now).is_some();
        let verdict = desk.judge(&arrival.command.tenant, &arrival.demands, waits);
        round.settle(&arrival, verdict);
    }
    round.write(transaction).await
}

/// A request that has just come and may be met.
struct Arrival<'a> {
    place: usize,
    command: &'a AllocateNodes,
    demands: Vec<Demand>,
}

impl Arrival<'_> {
    /// Until when it waits, if it does.
    fn wait_until(&self, now: i64) -> Option<i64> {
        self.command.wait_until.filter(|until| *until > now)
    }
}

/// Nodes for a session, to be written and told.
struct Granted<'a> {
    asked: Asked<'a>,
    nodes: Vec<FreeNode>,
}

/// Who gets nodes.
enum Asked<'a> {
    Arrival {
        place: usize,
        command: &'a AllocateNodes,
        wait_until: i64,
    },
    Waiting(WaitingRequest),
}

impl Asked<'_> {
    fn grant<'g>(&'g self, nodes: &'g [FreeNode]) -> Grant<'g> {
        match self {
            Self::Arrival { command, .. } => Grant {
                request: command.request,
                session: &command.session,
                tenant: &command.tenant,
                nodes,
            },
            Self::Waiting(waiting) => Grant {
                request: waiting.request,
                session: &waiting.session,
                tenant: &waiting.tenant,
                nodes,
            },
        }
    }

    fn place(&self) -> Option<usize> {
        match self {
            Self::Arrival { place, .. } => Some(*place),
            Self::Waiting(_) => None,
        }
    }

    /// To be kept until its nodes are prepared.
    fn into_request(self, now: i64) -> WaitingRequest {
        match self {
            Self::Arrival {
                command,
                wait_until,
                ..
            } => WaitingRequest {
                request: command.request,
                session: command.session.clone(),
                tenant: command.tenant.clone(),
                demands: command.demands.clone(),
                enqueued_at: now,
                wait_until,
                places: None,
            },
            Self::Waiting(waiting) => waiting,
        }
    }
}

struct Round<'a> {
    moment: Moment<'a>,
    pools: &'a Pools,
    told: Vec<Told>,
    grants: Vec<Granted<'a>>,
    enqueued: Vec<WaitingRequest>,
    dequeued: Vec<Uuid>,
    /// The queue as it was read.
    kept: HashMap<Uuid, WaitingRequest>,
    /// Requests that had nodes and come to nothing.
    abandoned: Vec<WaitingRequest>,
}

impl<'a> Round<'a> {
    /// The arrivals that may be met; the others are refused. One that waits already came a second time.
    fn admit(
        &mut self,
        commands: &[&'a AllocateNodes],
        fenced: &HashSet<String>,
        known: &HashSet<Uuid>,
    ) -> Vec<Arrival<'a>> {
        let mut admitted = Vec::with_capacity(commands.len());
        let mut seen = known.clone();
        for (place, command) in commands.iter().enumerate() {
            if !seen.insert(command.request) {
                continue;
            }
            let is_fenced =
                fenced.contains(&command.session) || fenced.contains(&command.request.to_string());
            let resolved = if is_fenced {
                Err(AllocationRefusal::Cancelled)
            } else {
                resolve(self.pools, &command.demands)
            };
            match resolved {
                Ok(demands) => admitted.push(Arrival {
                    place,
                    command,
                    demands,
                }),
                Err(reason) => self.refuse(place, command, reason),
            }
        }
        admitted
    }

    /// The requests of the queue in terms of the pools there are. Pools may have gone since: then nothing is left to wait
    /// for.
    fn look_through(&mut self, queue: Vec<WaitingRequest>) -> Vec<Waiting> {
        let mut waiting = Vec::with_capacity(queue.len());
        for request in queue {
            match request.in_queue(self.pools) {
                None => {}
                Some(Ok(in_queue)) => {
                    waiting.push(in_queue);
                    self.kept.insert(request.request, request);
                }
                Some(Err(reason)) => {
                    let event = refused(request.request, &request.session, &request.tenant, reason);
                    self.told.push(Told::by_the_way(event));
                    if request.places.is_some() {
                        self.abandoned.push(request);
                    } else {
                        self.dequeued.push(request.request);
                    }
                }
            }
        }
        waiting
    }

    fn grant_waiting(&mut self, waiting: &Waiting, nodes: Vec<FreeNode>) {
        let Some(request) = self.kept.remove(&waiting.request) else {
            return;
        };
        if request.places.is_none() {
            self.dequeued.push(request.request);
        }
        self.grants.push(Granted {
            asked: Asked::Waiting(request),
            nodes,
        });
    }

    fn settle(&mut self, arrival: &Arrival<'a>, verdict: Verdict) {
        let command = arrival.command;
        match verdict {
            Verdict::Granted(nodes) => self.grants.push(Granted {
                asked: Asked::Arrival {
                    place: arrival.place,
                    command,
                    wait_until: arrival.wait_until(self.moment.now).unwrap_or_default(),
                },
                nodes,
            }),
            Verdict::Refused(reason) => self.refuse(arrival.place, command, reason),
            Verdict::Waits => self.enqueued.push(WaitingRequest {
                request: command.request,
                session: command.session.clone(),
                tenant: command.tenant.clone(),
                demands: command.demands.clone(),
                enqueued_at: self.moment.now,
                wait_until: arrival
                    .wait_until(self.moment.now)
                    .unwrap_or(self.moment.now),
                places: None,
            }),
        }
    }

    fn refuse(&mut self, place: usize, command: &AllocateNodes, reason: AllocationRefusal) {
        let event = refused(command.request, &command.session, &command.tenant, reason);
        self.told.push(Told::of(place, event));
    }

    async fn write(mut self, transaction: &mut Transaction) -> Result<Vec<Told>, StorageError> {
        let moment = self.moment;
        waiting::remove(transaction, self.dequeued.drain(..)).await?;
        waiting::add(transaction, &self.enqueued).await?;
        let grants: Vec<Grant<'_>> = self
            .grants
            .iter()
            .map(|granted| granted.asked.grant(&granted.nodes))
            .collect();
        grant(transaction, moment.now, self.pools, &grants).await?;
        let mut told = self.told;
        let mut preparing = Preparing::default();
        for granted in self.grants {
            if let Some(answer) = preparing.take(self.pools, moment.now, granted) {
                told.push(answer);
            }
        }
        told.extend(preparing.write(transaction, moment, self.pools).await?);
        let abandoned = self.abandoned;
        told.extend(abandon(transaction, moment, &abandoned).await?);
        Ok(told)
    }
}

/// Requests whose nodes have to be prepared before they are told.
#[derive(Default)]
struct Preparing {
    kept: Vec<WaitingRequest>,
    complete: Vec<Uuid>,
    wanted: Vec<Wanted>,
}

impl Preparing {
    /// What is told at once: the grant, if nothing has to be done to its nodes.
    fn take(&mut self, pools: &Pools, now: i64, granted_now: Granted<'_>) -> Option<Told> {
        let Granted { asked, nodes } = granted_now;
        let place = asked.place();
        let is_prepared = |node: &FreeNode| {
            let pool = pools.get(node.pool);
            !pool.is_some_and(|pool| pool.hooks.has(NodeHook::Contextualize))
        };
        let unprepared = nodes.iter().filter(|node| !is_prepared(node));
        let before = self.wanted.len();
        self.wanted.extend(unprepared.map(|node| Wanted {
            place,
            node: node.id,
            hook: NodeHook::Contextualize,
            failures: 0,
        }));
        let resumes = matches!(&asked, Asked::Waiting(request) if request.places.is_some());
        if self.wanted.len() == before && !resumes {
            let grant = asked.grant(&[]);
            let event = Answer::Granted(NodesGranted {
                request: grant.request,
                session: grant.session.to_owned(),
                tenant: grant.tenant.to_owned(),
                nodes: nodes.into_iter().map(|node| leased(pools, node)).collect(),
            });
            let waited = match &asked {
                Asked::Arrival { .. } => 0,
                Asked::Waiting(waiting) => now.saturating_sub(waiting.enqueued_at),
            };
            return Some(Told::granted(place, event, waited));
        }
        let found = nodes.into_iter().map(|node| NewlyPlaced {
            demand: node.demand,
            prepared: is_prepared(&node),
            lease: leased(pools, node),
        });
        let mut request = asked.into_request(now);
        match &mut request.places {
            Some(places) => places.fill(&request.demands, found),
            none => *none = Some(Places::new(found)),
        }
        if request.places.as_ref().is_some_and(Places::is_complete) {
            self.complete.push(request.request);
            let waited = now.saturating_sub(request.enqueued_at);
            return Some(Told::granted(place, granted(request), waited));
        }
        self.kept.push(request);
        None
    }

    async fn write(
        self,
        transaction: &mut Transaction,
        moment: Moment<'_>,
        pools: &Pools,
    ) -> Result<Vec<Told>, StorageError> {
        contextualizing::remove(transaction, self.complete).await?;
        contextualizing::save(transaction, &self.kept).await?;
        let orders = order(transaction, moment, pools, &self.wanted).await?;
        Ok(Told::all(orders))
    }
}

fn leased(pools: &Pools, node: FreeNode) -> LeasedNode {
    let pool = pools.get(node.pool);
    LeasedNode {
        id: node.id,
        generation: next_generation(&node),
        hostname: node.hostname,
        ip_address: node.ip_address,
        pool: pool.map(|pool| pool.name.clone()).unwrap_or_default(),
        lifetime: pool.and_then(|pool| pool.lifetime),
        maximum_lifetime: pool.and_then(|pool| pool.maximum_lifetime),
    }
}
