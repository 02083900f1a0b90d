//! Who of those that wait gets nodes first.
//!
//! The rank of a request is the time at which it came plus a penalty for each node that its project holds already; the
//! lowest rank is the first. Everybody who waits ages alike, so the penalty is a handicap in time: a request of a project
//! that holds ten nodes goes behind those of empty-handed projects that came up to five minutes after it. The penalty is
//! bounded, so no request can be overtaken by one that came more than [`PENALTY_LIMIT`] later.
//!
//! What a request needs and is there is kept back for it before the next in rank has its turn, so small requests cannot
//! starve a large one. What it does not need the others may have: in other pools, and beyond its minimum. Requests that
//! only their project's quota stops keep nothing back, since no node that somebody else gives back helps them.

use std::{cmp::Reverse, collections::BinaryHeap};

use uuid::Uuid;

use super::{
    demand::{Demand, minimum},
    meeting::{Taken, keep_back, take_minimum, take_more},
    share::Shares,
    stock::{FreeNode, Stock},
};

/// Requests that may wait. Each is looked at whenever nodes come free.
pub(crate) const QUEUE_LIMIT: u32 = 1_000;

/// Microseconds that a request falls back for each node that its project holds.
pub(crate) const PENALTY_PER_NODE: i64 = 30 * 1_000_000;

/// Microseconds that it falls back at most.
pub(crate) const PENALTY_LIMIT: i64 = 3_600 * 1_000_000;

/// A request that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) request: Uuid,
    pub(crate) session: String,
    pub(crate) tenant: String,
    pub(crate) demands: Vec<Demand>,
    /// Microseconds since 1970.
    pub(crate) enqueued_at: i64,
}

/// Lower is earlier.
pub(crate) fn rank(enqueued_at: i64, held: u32) -> i64 {
    let penalty = i64::from(held)
        .saturating_mul(PENALTY_PER_NODE)
        .min(PENALTY_LIMIT);
    enqueued_at.saturating_add(penalty)
}

/// Gives nodes to those that wait, each with the nodes it gets. What is in `stock` afterwards is for whoever does not wait.
pub(crate) fn serve(
    stock: &mut Stock,
    shares: &mut Shares,
    waiting: Vec<Waiting>,
) -> Vec<(Waiting, Vec<FreeNode>)> {
    let mut granted: Vec<(Waiting, Taken)> = Vec::new();
    let mut order: BinaryHeap<Reverse<Turn>> = waiting
        .into_iter()
        .map(|waiting| Reverse(Turn::new(waiting, shares)))
        .collect();
    while let Some(Reverse(turn)) = order.pop() {
        let now = Turn::new(turn.waiting, shares);
        // Its project got nodes since it was put in order: others may be before it now.
        if now.rank > turn.rank {
            order.push(Reverse(now));
            continue;
        }
        let waiting = now.waiting;
        let share = shares.of(&waiting.tenant);
        if share.refusal(minimum(&waiting.demands)).is_some() {
            continue;
        }
        match take_minimum(stock, &waiting.demands) {
            Ok(taken) => {
                shares.add(&waiting.tenant, taken.count());
                granted.push((waiting, taken));
            }
            Err(_) => keep_back(stock, &waiting.demands),
        }
    }
    // Only when everybody had a turn: what one would merely like is not taken from what others need.
    for (waiting, taken) in &mut granted {
        let before = taken.count();
        let left = shares.of(&waiting.tenant).left();
        take_more(stock, &waiting.demands, taken, left);
        shares.add(&waiting.tenant, taken.count() - before);
    }
    granted
        .into_iter()
        .map(|(waiting, taken)| (waiting, taken.into_nodes()))
        .collect()
}

/// A request in the order of turns.
struct Turn {
    rank: i64,
    waiting: Waiting,
}

impl Turn {
    fn new(waiting: Waiting, shares: &Shares) -> Self {
        Self {
            rank: rank(waiting.enqueued_at, shares.of(&waiting.tenant).held),
            waiting,
        }
    }

    fn key(&self) -> (i64, i64, Uuid) {
        (self.rank, self.waiting.enqueued_at, self.waiting.request)
    }
}

impl PartialEq for Turn {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Turn {}

impl PartialOrd for Turn {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Turn {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}
