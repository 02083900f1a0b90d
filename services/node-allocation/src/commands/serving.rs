//! Nodes for those that wait and for those that have just come, in one go.

use std::collections::{HashMap, HashSet};

use muster_contract::node_allocation::{
    AllocateNodes, AllocationRefusal, LeasedNode, NodesGranted,
};
use muster_storage::{StorageError, Transaction};
use uuid::Uuid;

use super::told::{Answer, Told, refused};
use crate::{
    domain::{
        arrival::{Desk, Verdict},
        demand::{Demand, resolve},
        pools::Pools,
        queue::{Waiting, serve},
        stock::FreeNode,
    },
    store::{
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
    now: i64,
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
        now,
        pools: &pools,
        told: Vec::new(),
        grants: Vec::new(),
        enqueued: Vec::new(),
        dequeued: Vec::new(),
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
        round.grant_waiting(waiting, nodes);
    }
    let left = queued.saturating_sub(round.grants.len());
    let mut desk = Desk {
        pools: &pools,
        stock: &mut stock,
        shares: &mut shares,
        waiting: u32::try_from(left).unwrap_or(u32::MAX),
    };
    for arrival in arrivals {
        let waits = arrival.wait_until(now).is_some();
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
struct Granted {
    place: Option<usize>,
    request: Uuid,
    session: String,
    tenant: String,
    nodes: Vec<FreeNode>,
}

struct Round<'a> {
    now: i64,
    pools: &'a Pools,
    told: Vec<Told>,
    grants: Vec<Granted>,
    enqueued: Vec<WaitingRequest>,
    dequeued: Vec<Uuid>,
}

impl Round<'_> {
    /// The arrivals that may be met; the others are refused. One that waits already came a second time.
    fn admit<'c>(
        &mut self,
        commands: &[&'c AllocateNodes],
        fenced: &HashSet<String>,
        known: &HashSet<Uuid>,
    ) -> Vec<Arrival<'c>> {
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
            match resolve(self.pools, &request.demands) {
                Ok(demands) => waiting.push(Waiting {
                    request: request.request,
                    session: request.session,
                    tenant: request.tenant,
                    demands,
                    enqueued_at: request.enqueued_at,
                }),
                Err(reason) => {
                    let event = refused(request.request, &request.session, &request.tenant, reason);
                    self.told.push(Told::by_the_way(event));
                    self.dequeued.push(request.request);
                }
            }
        }
        waiting
    }

    fn grant_waiting(&mut self, waiting: Waiting, nodes: Vec<FreeNode>) {
        self.dequeued.push(waiting.request);
        self.grants.push(Granted {
            place: None,
            request: waiting.request,
            session: waiting.session,
            tenant: waiting.tenant,
            nodes,
        });
    }

    fn settle(&mut self, arrival: &Arrival<'_>, verdict: Verdict) {
        let command = arrival.command;
        match verdict {
            Verdict::Granted(nodes) => self.grants.push(Granted {
                place: Some(arrival.place),
                request: command.request,
                session: command.session.clone(),
                tenant: command.tenant.clone(),
                nodes,
            }),
            Verdict::Refused(reason) => self.refuse(arrival.place, command, reason),
            Verdict::Waits => self.enqueued.push(WaitingRequest {
                request: command.request,
                session: command.session.clone(),
                tenant: command.tenant.clone(),
                demands: command.demands.clone(),
                enqueued_at: self.now,
                wait_until: arrival.wait_until(self.now).unwrap_or(self.now),
            }),
        }
    }

    fn refuse(&mut self, place: usize, command: &AllocateNodes, reason: AllocationRefusal) {
        let event = refused(command.request, &command.session, &command.tenant, reason);
        self.told.push(Told::of(place, event));
    }

    async fn write(mut self, transaction: &mut Transaction) -> Result<Vec<Told>, StorageError> {
        waiting::remove(transaction, self.dequeued.drain(..)).await?;
        waiting::add(transaction, &self.enqueued).await?;
        let grants: Vec<Grant<'_>> = self
            .grants
            .iter()
            .map(|granted| Grant {
                request: granted.request,
                session: &granted.session,
                tenant: &granted.tenant,
                nodes: &granted.nodes,
            })
            .collect();
        grant(transaction, self.now, &grants).await?;
        let mut told = self.told;
        told.extend(self.grants.into_iter().map(|granted| {
            let nodes = granted.nodes.into_iter();
            Told {
                place: granted.place,
                event: Answer::Granted(NodesGranted {
                    request: granted.request,
                    session: granted.session,
                    tenant: granted.tenant,
                    nodes: nodes.map(|node| leased(self.pools, node)).collect(),
                }),
            }
        }));
        Ok(told)
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

/// Takes the requests that `ends` names a reason for out of the queue and tells their ends.
pub(crate) async fn end_waiting(
    transaction: &mut Transaction,
    ends: impl Fn(&WaitingRequest) -> Option<AllocationRefusal>,
) -> Result<HashMap<Uuid, Answer>, StorageError> {
    let mut ended = HashMap::new();
    for request in waiting::waiting(transaction).await? {
        if let Some(reason) = ends(&request) {
            let event = refused(request.request, &request.session, &request.tenant, reason);
            ended.insert(request.request, event);
        }
    }
    waiting::remove(transaction, ended.keys().copied()).await?;
    Ok(ended)
}
