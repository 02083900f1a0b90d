//! Slots for those that have just come, and for those that wait.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use muster_contract::node_allocation::{AllocateSlots, SlotsRefusal, WaitingReason};
use muster_platform::site::ScalingGroup;
use muster_storage::{StorageError, Transaction};
use uuid::Uuid;

use super::{
    domain::{
        agents::{Agent, Agents},
        arrival::{chosen, refusal},
        ledger::Ledger,
        round::{Group, Verdict, serve},
        wish::{Holder, Need, QUEUE_LIMIT, Wish},
    },
    store::{
        agents::{named, of_groups},
        groups::groups,
        leases::{self, Use},
        queue, quotas,
        sessions::{KnownSessions, known},
    },
    told::{Addresses, Asking, Told},
};
use crate::domain::storable::is_storable;

/// Serves requests that have just come. The lock of the service must be held. Costs the same number of statements whatever the
/// number of requests, and however many wait.
pub(crate) async fn serve_arrivals(
    transaction: &mut Transaction,
    now: i64,
    commands: &[&AllocateSlots],
) -> Result<Vec<Told>, StorageError> {
    let sessions = commands.iter().map(|command| command.session);
    let known = known(transaction, sessions).await?;
    let groups = groups(transaction).await?;
    let mut told = Vec::new();
    let addresses = addresses_of(transaction, &known).await?;
    let arrivals = admitted(commands, &known, &addresses, &groups, &mut told);
    if arrivals.is_empty() {
        return Ok(told);
    }
    let wishes = arrivals.iter().map(|arrival| &arrival.wish);
    let mut scene = Scene::read(transaction, &groups, wishes).await?;
    let mut length = queue::length(transaction).await?;

    let mut places: HashMap<Uuid, usize> = HashMap::new();
    let mut waiting: BTreeMap<String, Vec<Wish>> = BTreeMap::new();
    for Arrival { place, mut wish } in arrivals {
        let group = scene.groups.entry(wish.scaling_group.clone()).or_default();
        if let Some(reason) = refusal(group, &scene.ledger, &wish.holder, &wish.need) {
            let asking = Asking::of(&wish).at(place);
            told.push(asking.refused(reason));
            continue;
        }
        // Whatever came at the same moment, or was told an earlier time by another clock, comes after those that wait.
        length.newest = now.max(length.newest.saturating_add(1));
        wish.enqueued_at = length.newest;
        places.insert(wish.request, place);
        waiting
            .entry(wish.scaling_group.clone())
            .or_default()
            .push(wish);
    }
    let mut outcome = Outcome::default();
    for (wish, verdict) in scene.serve(waiting, now) {
        let asking = Asking {
            place: places.get(&wish.request).copied(),
            ..Asking::of(&wish)
        };
        match verdict {
            Verdict::Granted(agents) => {
                let grant = asking.granted(&wish.scaling_group, &agents, &scene.addresses);
                told.push(grant.after(now.saturating_sub(wish.enqueued_at)));
                outcome.granted.push((wish, agents));
            }
            Verdict::Waits(_) if length.requests >= QUEUE_LIMIT => {
                told.push(asking.refused(SlotsRefusal::QueueFull { limit: QUEUE_LIMIT }));
            }
            Verdict::Waits(reason) => {
                length.requests += 1;
                told.push(asking.queued(reason));
                outcome.enqueued.push((wish, reason));
            }
        }
    }
    outcome.write(transaction, now).await?;
    Ok(told)
}

/// Serves those that wait. The lock of the service must be held.
pub(crate) async fn serve_waiting(
    transaction: &mut Transaction,
    now: i64,
) -> Result<Vec<Told>, StorageError> {
    let queue = queue::waiting(transaction).await?;
    if queue.is_empty() {
        return Ok(Vec::new());
    }
    let groups = groups(transaction).await?;
    let wishes = queue.iter().map(|(wish, _)| wish);
    let mut scene = Scene::read(transaction, &groups, wishes).await?;
    let mut told = Vec::new();
    let mut outcome = Outcome::default();
    let mut hopeless = Hopeless::default();
    let mut reasons: HashMap<Uuid, WaitingReason> = HashMap::new();
    let mut waiting: BTreeMap<String, Vec<Wish>> = BTreeMap::new();
    for (wish, reason) in queue {
        // The site may have changed since it came.
        let group = chosen(&groups, Some(&wish.scaling_group), &wish.holder.tenant);
        if let Err(refusal) = group {
            told.push(Asking::of(&wish).refused(refusal));
            outcome.dequeued.push(wish.request);
            continue;
        }
        if let Some(refusal) = hopeless.of(&scene, &wish, now) {
            told.push(Asking::of(&wish).refused(refusal));
            outcome.dequeued.push(wish.request);
            continue;
        }
        reasons.insert(wish.request, reason);
        waiting
            .entry(wish.scaling_group.clone())
            .or_default()
            .push(wish);
    }
    for (wish, verdict) in scene.serve(waiting, now) {
        match verdict {
            Verdict::Granted(agents) => {
                let asking = Asking::of(&wish);
                let grant = asking.granted(&wish.scaling_group, &agents, &scene.addresses);
                told.push(grant.after(now.saturating_sub(wish.enqueued_at)));
                outcome.dequeued.push(wish.request);
                outcome.granted.push((wish, agents));
            }
            Verdict::Waits(reason) if reasons.get(&wish.request) == Some(&reason) => {}
            Verdict::Waits(reason) => {
                told.push(Asking::of(&wish).queued(reason));
                outcome.reasons.push((wish.request, reason));
            }
        }
    }
    outcome.write(transaction, now).await?;
    Ok(told)
}

/// Where the agents are of sessions that have their slots already.
async fn addresses_of(
    transaction: &mut Transaction,
    known: &KnownSessions,
) -> Result<Addresses, StorageError> {
    let containers = known.granted.values().flat_map(|had| &had.containers);
    let names: BTreeSet<&str> = containers.map(|(agent, _)| agent.as_str()).collect();
    if names.is_empty() {
        return Ok(Addresses::new());
    }
    let agents = named(transaction, names).await?.into_iter();
    Ok(agents.map(|agent| (agent.name, agent.address)).collect())
}

/// Microseconds that a request waits for agents that could hold it: they start one after the other, and the largest is not always the
/// first.
pub(crate) const PATIENCE: i64 = 60_000_000;

/// What waiting does not help any more: of many requests that wait most are alike.
#[derive(Default)]
struct Hopeless(HashMap<(String, Holder, Need), Option<SlotsRefusal>>);

impl Hopeless {
    /// Why it can never be met by what has come, if it has waited long enough for that.
    fn of(&mut self, scene: &Scene, wish: &Wish, now: i64) -> Option<SlotsRefusal> {
        if now < wish.enqueued_at.saturating_add(PATIENCE) {
            return None;
        }
        let group = scene.groups.get(&wish.scaling_group)?;
        let key = (
            wish.scaling_group.clone(),
            wish.holder.clone(),
            wish.need.clone(),
        );
        let found = self.0.entry(key);
        found
            .or_insert_with(|| refusal(group, &scene.ledger, &wish.holder, &wish.need))
            .clone()
    }
}

/// A request that has just come and may be met.
struct Arrival {
    place: usize,
    wish: Wish,
}

/// The requests that are new and have a group; the others are answered. What came before is answered as it was.
fn admitted(
    commands: &[&AllocateSlots],
    known: &KnownSessions,
    addresses: &Addresses,
    groups: &[ScalingGroup],
    told: &mut Vec<Told>,
) -> Vec<Arrival> {
    let mut admitted = Vec::with_capacity(commands.len());
    let mut seen: HashSet<Uuid> = HashSet::with_capacity(commands.len());
    for (place, command) in commands.iter().enumerate() {
        let asking = Asking {
            place: Some(place),
            request: command.request,
            session: command.session,
            tenant: &command.tenant,
        };
        if known.fenced.contains(&command.session) {
            told.push(asking.refused(SlotsRefusal::Cancelled));
        } else if let Some(granted) = known.granted.get(&command.session) {
            let agents = granted.containers.iter().map(|(agent, _)| agent.clone());
            let agents: Vec<String> = agents.collect();
            told.push(asking.granted(&granted.scaling_group, &agents, addresses));
            let lost = granted.containers.iter().filter(|(_, is_live)| !is_live);
            let lost: BTreeSet<&str> = lost.map(|(agent, _)| agent.as_str()).collect();
            told.extend(lost.into_iter().map(|agent| asking.lost(agent)));
        } else if let Some(reason) = known.waiting.get(&command.session) {
            told.push(asking.queued(*reason));
        } else if seen.insert(command.session) {
            match wish(command, groups) {
                Ok(wish) => admitted.push(Arrival { place, wish }),
                Err(reason) => told.push(asking.refused(reason)),
            }
        }
    }
    admitted
}

fn wish(command: &AllocateSlots, groups: &[ScalingGroup]) -> Result<Wish, SlotsRefusal> {
    let group = chosen(groups, command.scaling_group.as_deref(), &command.tenant)?;
    let mut slots = command.slots.iter();
    if let Some((name, _)) = slots.find(|(name, _)| !is_storable(name)) {
        return Err(SlotsRefusal::UnknownSlot {
            name: name.to_owned(),
        });
    }
    Ok(Wish {
        request: command.request,
        session: command.session,
        holder: Holder {
            owner: command.owner.clone(),
            tenant: command.tenant.clone(),
            domain: command.domain.clone(),
        },
        scaling_group: group.name.clone(),
        need: Need::new(&command.slots, command.containers, command.on_one_agent),
        not_before: command.not_before,
        enqueued_at: 0,
    })
}

/// What the rules have to know.
struct Scene {
    ledger: Ledger,
    groups: HashMap<String, Group>,
    addresses: Addresses,
}

impl Scene {
    /// Reads what concerns these wishes.
    async fn read<'w>(
        transaction: &mut Transaction,
        declared: &[ScalingGroup],
        wishes: impl Iterator<Item = &'w Wish> + Clone,
    ) -> Result<Self, StorageError> {
        let used = leases::used(transaction).await?;
        let mut ledger = Ledger::default();
        for used in &used {
            ledger.add(&used.holder, used.sessions, &used.slots);
        }
        let holders: HashSet<&Holder> = wishes.clone().map(|wish| &wish.holder).collect();
        quotas::limit(transaction, &mut ledger, holders).await?;
        let concerned: BTreeSet<&str> = wishes.map(|wish| wish.scaling_group.as_str()).collect();
        let known = of_groups(transaction, concerned.iter().copied()).await?;
        let mut occupied: HashMap<&str, Vec<&Use>> = HashMap::new();
        for used in &used {
            occupied.entry(&used.agent).or_default().push(used);
        }
        let mut agents: HashMap<String, Vec<Agent>> = HashMap::new();
        let mut addresses = Addresses::new();
        for agent in known {
            addresses.insert(agent.name.clone(), agent.address);
            let occupied = occupied.get(agent.name.as_str()).into_iter().flatten();
            let free = occupied.fold(agent.slots.clone(), |free, used| free.minus(&used.slots));
            agents.entry(agent.scaling_group).or_default().push(Agent {
                name: agent.name,
                alive: agent.alive,
                slots: agent.slots,
                free,
            });
        }
        let mut groups = HashMap::new();
        for name in concerned {
            let scheduler = declared.iter().find(|group| group.name == name);
            let mut group = Group {
                scheduler: scheduler.map(|group| group.scheduler).unwrap_or_default(),
                agents: Agents::new(agents.remove(name).unwrap_or_default()),
                held: HashMap::new(),
            };
            for used in used.iter().filter(|used| used.scaling_group == name) {
                let held = group.held.entry(used.holder.owner.clone()).or_default();
                *held = held.plus(&used.slots);
            }
            groups.insert(name.to_owned(), group);
        }
        Ok(Self {
            ledger,
            groups,
            addresses,
        })
    }

    /// A round in each group.
    fn serve(&mut self, waiting: BTreeMap<String, Vec<Wish>>, now: i64) -> Vec<(Wish, Verdict)> {
        let mut verdicts = Vec::new();
        for (name, wishes) in waiting {
            let group = self.groups.entry(name).or_default();
            verdicts.extend(serve(group, &mut self.ledger, wishes, now));
        }
        verdicts
    }
}

/// What is to be written.
#[derive(Default)]
struct Outcome {
    granted: Vec<(Wish, Vec<String>)>,
    enqueued: Vec<(Wish, WaitingReason)>,
    dequeued: Vec<Uuid>,
    reasons: Vec<(Uuid, WaitingReason)>,
}

impl Outcome {
    async fn write(self, transaction: &mut Transaction, now: i64) -> Result<(), StorageError> {
        queue::remove(transaction, self.dequeued).await?;
        queue::set_reasons(transaction, self.reasons).await?;
        queue::add(transaction, &self.enqueued).await?;
        let granted = self.granted.iter();
        let granted = granted.map(|(wish, agents)| (wish, agents.as_slice()));
        leases::grant(transaction, now, granted).await
    }
}
