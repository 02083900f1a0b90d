//! The agents of a scaling group, and which of them containers go to.
//!
//! A container goes to the agent with the fewest kinds of slots that it does not want, so that those with accelerators stay free for
//! who wants them, and among these to the one with the most room (`api/backendai.md` §3, "scheduling").

use std::{cmp::Reverse, collections::BinaryHeap};

use muster_contract::ResourceSlots;
use rust_decimal::{Decimal, prelude::ToPrimitive};

use super::wish::{CONTAINER_LIMIT, Need};

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Agent {
    pub(crate) name: String,
    /// It is not lost.
    pub(crate) alive: bool,
    /// What it has.
    pub(crate) slots: ResourceSlots,
    /// What of it nobody has.
    pub(crate) free: ResourceSlots,
}

/// The agents of a scaling group.
#[derive(Debug, Clone, Default)]
pub(crate) struct Agents(Vec<Agent>);

impl Agents {
    pub(crate) fn new(mut agents: Vec<Agent>) -> Self {
        agents.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Self(agents)
    }

    /// Whether there has been any.
    pub(crate) fn is_any_known(&self) -> bool {
        !self.0.is_empty()
    }

    pub(crate) fn is_any_alive(&self) -> bool {
        self.0.iter().any(|agent| agent.alive)
    }

    /// What those that are alive have together.
    pub(crate) fn capacity(&self) -> ResourceSlots {
        let alive = self.0.iter().filter(|agent| agent.alive);
        sum(alive)
    }

    /// A slot that no agent has, lost ones included.
    pub(crate) fn unknown_slot<'n>(&self, need: &'n Need) -> Option<&'n str> {
        let mut slots = need.slots.iter().map(|(slot, _)| slot);
        slots.find(|slot| !self.0.iter().any(|agent| has(&agent.slots, slot)))
    }

    /// Whether there is room when nobody else has anything and lost agents are back. If not: what there is, of all
    /// agents together, or of the largest if it has to be one.
    pub(crate) fn could_ever(&self, need: &Need) -> Result<(), ResourceSlots> {
        let counts = self
            .0
            .iter()
            .map(|agent| count(&agent.slots, &need.slots, need.containers));
        if is_enough(counts, need) {
            return Ok(());
        }
        if !need.on_one_agent && need.containers > 1 {
            return Err(sum(self.0.iter()));
        }
        let largest = self
            .0
            .iter()
            .max_by_key(|agent| room(&agent.slots, &need.slots));
        Err(largest.map(|agent| agent.slots.clone()).unwrap_or_default())
    }

    /// Takes room for all containers, and says on which agent each is; nothing is taken where there is none.
    pub(crate) fn place(&mut self, need: &Need) -> Option<Vec<String>> {
        let counts = self.0.iter().map(|agent| free_count(agent, need));
        if !is_enough(counts, need) {
            return None;
        }
        let all_at_once = if need.on_one_agent {
            need.containers
        } else {
            1
        };
        let mut choices: BinaryHeap<Choice> = (0..)
            .zip(&self.0)
            .filter(|(_, agent)| free_count(agent, need) >= all_at_once)
            .map(|(place, agent)| Choice::of(place, agent, need))
            .collect();
        let mut names = Vec::new();
        for _ in 0..need.containers / all_at_once {
            let Reverse(place) = choices.pop()?.place;
            let agent = self.0.get_mut(place)?;
            agent.free = agent.free.minus(&need.slots.times(all_at_once));
            names.extend((0..all_at_once).map(|_| agent.name.clone()));
            if free_count(agent, need) >= all_at_once {
                choices.push(Choice::of(place, agent, need));
            }
        }
        Some(names)
    }

    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Agent> {
        self.0.iter()
    }
}

/// An agent that has room; the greatest is the best.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Choice {
    unneeded: Reverse<usize>,
    room: Decimal,
    /// So that it is the same one every time: the first by name.
    place: Reverse<usize>,
}

impl Choice {
    fn of(place: usize, agent: &Agent, need: &Need) -> Self {
        let kinds = agent.slots.iter().filter(|(_, amount)| !amount.is_zero());
        let unneeded = kinds.filter(|(slot, _)| need.slots.get(slot).is_zero());
        Self {
            unneeded: Reverse(unneeded.count()),
            room: room(&agent.free, &need.slots),
            place: Reverse(place),
        }
    }
}

/// A slot of which there is nothing counts: an agent may have it and have none at the moment.
fn has(slots: &ResourceSlots, slot: &str) -> bool {
    slots.iter().any(|(name, _)| name == slot)
}

fn sum<'a>(agents: impl Iterator<Item = &'a Agent>) -> ResourceSlots {
    agents.fold(ResourceSlots::default(), |sum, agent| {
        sum.plus(&agent.slots)
    })
}

fn is_enough(counts: impl Iterator<Item = u32>, need: &Need) -> bool {
    if need.containers > CONTAINER_LIMIT {
        return false;
    }
    if need.on_one_agent {
        return counts.max().unwrap_or_default() >= need.containers;
    }
    counts.fold(0_u32, u32::saturating_add) >= need.containers
}

fn free_count(agent: &Agent, need: &Need) -> u32 {
    if agent.alive {
        count(&agent.free, &need.slots, need.containers)
    } else {
        0
    }
}

/// How many such containers there is room for, up to `most`.
fn count(available: &ResourceSlots, slots: &ResourceSlots, most: u32) -> u32 {
    let whole = room(available, slots).floor().to_u32();
    let mut count = whole.unwrap_or(most).min(most);
    // A quotient is rounded.
    while count > 0 && !slots.times(count).fits_in(available) {
        count -= 1;
    }
    count
}

/// How many such containers there is room for, with fractions, as far as 28 digits say.
fn room(available: &ResourceSlots, slots: &ResourceSlots) -> Decimal {
    let rooms = slots.iter().map(|(slot, amount)| {
        let available = available.get(slot).decimal();
        available
            .checked_div(amount.decimal())
            .unwrap_or(Decimal::MAX)
    });
    rooms.min().unwrap_or(Decimal::MAX)
}
