//! A round: slots for those that wait in a scaling group, as far as there are any.
//!
//! Whoever cannot have them at its turn is passed over, so that nobody stands in the way of others; within a round things only
//! become fewer, so nobody who was passed over could have them at the end.

use std::collections::{HashMap, HashSet};

use muster_contract::{ResourceSlots, node_allocation::WaitingReason};
use muster_platform::site::Scheduler;

use super::{
    agents::Agents,
    ledger::Ledger,
    turns::Turns,
    wish::{Holder, Need, Wish},
};

/// A scaling group at this moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    pub(crate) scheduler: Scheduler,
    pub(crate) agents: Agents,
    /// What the sessions of each owner have of it.
    pub(crate) held: HashMap<String, ResourceSlots>,
}

/// What comes of a wish in a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It has slots: on which agent each container is.
    Granted(Vec<String>),
    /// It waits.
    Waits(WaitingReason),
}

/// Gives everybody a turn.
pub(crate) fn serve(
    group: &mut Group,
    ledger: &mut Ledger,
    waiting: Vec<Wish>,
    now: i64,
) -> Vec<(Wish, Verdict)> {
    let mut verdicts = Vec::with_capacity(waiting.len());
    let capacity = group.agents.capacity();
    let mut failures = Failures::default();
    let mut turns = Turns::new(group.scheduler, waiting, &mut group.held, capacity);
    while let Some(wish) = turns.next() {
        let verdict = if wish.not_before.is_some_and(|moment| moment > now) {
            Verdict::Waits(WaitingReason::NotYet)
        } else {
            failures.verdict(&mut group.agents, ledger, &wish)
        };
        if matches!(verdict, Verdict::Granted(_)) {
            let total = wish.need.total();
            ledger.add(&wish.holder, 1, &total);
            turns.end(&wish, Some(&total));
        } else {
            turns.end(&wish, None);
        }
        verdicts.push((wish, verdict));
    }
    verdicts
}

/// What was tried in vain is not tried again in the same round: of 10,000 that wait, most are alike.
#[derive(Default)]
struct Failures {
    obstacles: HashMap<(Holder, Need), WaitingReason>,
    no_room: HashSet<Need>,
}

impl Failures {
    fn verdict(&mut self, agents: &mut Agents, ledger: &Ledger, wish: &Wish) -> Verdict {
        let key = (wish.holder.clone(), wish.need.clone());
        if let Some(reason) = self.obstacles.get(&key) {
            return Verdict::Waits(*reason);
        }
        if let Some(reason) = ledger.obstacle(&wish.holder, &wish.need) {
            self.obstacles.insert(key, reason);
            return Verdict::Waits(reason);
        }
        if !self.no_room.contains(&wish.need) {
            if let Some(places) = agents.place(&wish.need) {
                return Verdict::Granted(places);
            }
            self.no_room.insert(key.1);
        }
        Verdict::Waits(if agents.is_any_alive() {
            WaitingReason::NoRoom
        } else {
            WaitingReason::NoAgents
        })
    }
}
