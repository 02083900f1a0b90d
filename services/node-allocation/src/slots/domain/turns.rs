//! Who of those that wait in a scaling group has its turn.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    vec::IntoIter,
};

use muster_contract::ResourceSlots;
use muster_platform::site::Scheduler;
use rust_decimal::Decimal;

use super::wish::Wish;

/// Each has one turn.
pub(crate) enum Turns<'a> {
    InOrder(IntoIter<Wish>),
    Fair(Fair<'a>),
}

impl<'a> Turns<'a> {
    /// `held` is what the sessions of each owner have of the group, `capacity` what there is.
    pub(crate) fn new(
        scheduler: Scheduler,
        mut waiting: Vec<Wish>,
        held: &'a mut HashMap<String, ResourceSlots>,
        capacity: ResourceSlots,
    ) -> Self {
        waiting.sort_by_key(|wish| wish.enqueued_at);
        match scheduler {
            Scheduler::Fifo => Self::InOrder(waiting.into_iter()),
            Scheduler::Lifo => {
                waiting.reverse();
                Self::InOrder(waiting.into_iter())
            }
            Scheduler::Drf => Self::Fair(Fair::new(waiting, held, capacity)),
        }
    }

    /// The next in turn. After each it has to be said what it [got](Self::end).
    pub(crate) fn next(&mut self) -> Option<Wish> {
        match self {
            Self::InOrder(waiting) => waiting.next(),
            Self::Fair(fair) => fair.next(),
        }
    }

    /// Its turn is over, and the owner has so much more.
    pub(crate) fn end(&mut self, wish: &Wish, got: Option<&ResourceSlots>) {
        if let Self::Fair(fair) = self {
            fair.end(&wish.holder.owner, got);
        }
    }
}

/// Dominant resource fairness: the owner whose largest part of any slot of the group is the smallest is next, with the oldest of
/// its wishes. (Ghodsi and others, "Dominant Resource Fairness", NSDI 2011.)
pub(crate) struct Fair<'a> {
    /// Owners that wait, but for the one whose turn it is: part, oldest wish, name.
    owners: BinaryHeap<Reverse<(Decimal, i64, String)>>,
    waiting: HashMap<String, VecDeque<Wish>>,
    held: &'a mut HashMap<String, ResourceSlots>,
    capacity: ResourceSlots,
}

impl<'a> Fair<'a> {
    fn new(
        waiting: Vec<Wish>,
        held: &'a mut HashMap<String, ResourceSlots>,
        capacity: ResourceSlots,
    ) -> Self {
        let mut fair = Self {
            owners: BinaryHeap::new(),
            waiting: HashMap::new(),
            held,
            capacity,
        };
        for wish in waiting {
            let owner = wish.holder.owner.clone();
            fair.waiting.entry(owner).or_default().push_back(wish);
        }
        let owners: Vec<String> = fair.waiting.keys().cloned().collect();
        for owner in owners {
            fair.line_up(owner);
        }
        fair
    }

    fn next(&mut self) -> Option<Wish> {
        let Reverse((_, _, owner)) = self.owners.pop()?;
        self.waiting.get_mut(&owner)?.pop_front()
    }

    fn end(&mut self, owner: &str, got: Option<&ResourceSlots>) {
        if let Some(got) = got {
            let held = self.held.entry(owner.to_owned()).or_default();
            *held = held.plus(got);
        }
        self.line_up(owner.to_owned());
    }

    fn line_up(&mut self, owner: String) {
        let oldest = self.waiting.get(&owner).and_then(VecDeque::front);
        if let Some(oldest) = oldest {
            let part = dominant_part(self.held.get(&owner), &self.capacity);
            self.owners.push(Reverse((part, oldest.enqueued_at, owner)));
        }
    }
}

/// The largest part that this is of any slot there is.
pub(crate) fn dominant_part(held: Option<&ResourceSlots>, capacity: &ResourceSlots) -> Decimal {
    let Some(held) = held else {
        return Decimal::ZERO;
    };
    let parts = held
        .iter()
        .filter_map(|(slot, amount)| amount.decimal().checked_div(capacity.get(slot).decimal()));
    parts.max().unwrap_or_default()
}
