//! What becomes of a request that has just come. Those that wait have had their turn before it.

use muster_contract::node_allocation::AllocationRefusal;

use super::{
    demand::{Demand, minimum, too_large},
    meeting::{Shortage, keep_back, take_minimum, take_more},
    pools::Pools,
    queue::QUEUE_LIMIT,
    share::Shares,
    stock::{FreeNode, Stock},
};

/// What becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It gets these.
    Granted(Vec<FreeNode>),
    /// It gets none.
    Refused(AllocationRefusal),
    /// It waits.
    Waits,
}

/// What the requests of a batch are judged by, one after the other.
pub(crate) struct Desk<'a> {
    pub(crate) pools: &'a Pools,
    pub(crate) stock: &'a mut Stock,
    pub(crate) shares: &'a mut Shares,
    /// Requests that wait.
    pub(crate) waiting: u32,
}

impl Desk<'_> {
    /// Judges a request of the project; `waits` if it would rather wait than be refused.
    pub(crate) fn judge(&mut self, tenant: &str, demands: &[Demand], waits: bool) -> Verdict {
        let wanted = minimum(demands);
        let share = self.shares.of(tenant);
        let never = too_large(self.pools, demands);
        if let Some(refusal) = share.refusal(wanted) {
            let hopeless = !share.could_ever(wanted) || never.is_some();
            if !waits || hopeless {
                return Verdict::Refused(refusal);
            }
            return self.enqueue();
        }
        if let Some(demand) = never {
            return Verdict::Refused(insufficient(demand, self.stock.fitting(demand), true));
        }
        match take_minimum(self.stock, demands) {
            Ok(mut taken) => {
                let left = share.left().saturating_sub(taken.count());
                take_more(self.stock, demands, &mut taken, left);
                self.shares.add(tenant, taken.count());
                Verdict::Granted(taken.into_nodes())
            }
            Err(_) if waits => {
                let verdict = self.enqueue();
                if verdict == Verdict::Waits {
                    keep_back(self.stock, demands);
                }
                verdict
            }
            Err(Shortage { demand, ready }) => match demands.get(demand) {
                Some(demand) => Verdict::Refused(insufficient(demand, ready, false)),
                None => Verdict::Refused(AllocationRefusal::Cancelled),
            },
        }
    }

    fn enqueue(&mut self) -> Verdict {
        if self.waiting >= QUEUE_LIMIT {
            let limit = QUEUE_LIMIT;
            return Verdict::Refused(AllocationRefusal::QueueFull { limit });
        }
        self.waiting += 1;
        Verdict::Waits
    }
}

fn insufficient(demand: &Demand, ready: u32, never: bool) -> AllocationRefusal {
    AllocationRefusal::InsufficientNodes {
        selector: demand.selector.clone(),
        wanted: demand.minimum,
        ready,
        never,
    }
}
