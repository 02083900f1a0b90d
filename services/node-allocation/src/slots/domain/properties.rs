//! Properties of rounds, over any agents, quotas and wishes, against plain counting: all amounts are whole tenths here.

use std::collections::BTreeMap;

use muster_contract::{Amount, ResourceSlots, node_allocation::WaitingReason};
use muster_platform::site::{ComputeQuota, Scheduler, SlotLimits};
use proptest::{collection::vec, option, prelude::*};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{
    agents::{Agent, Agents},
    ledger::{Ledger, Scope},
    round::{Group, Verdict, serve},
    wish::{Holder, Need, Wish},
};

const NOW: i64 = 100;
const KINDS: [&str; 2] = ["cpu", "gpu"];

/// Tenths of each kind.
type Tenths = [u64; 2];

fn slots(tenths: Tenths) -> ResourceSlots {
    let amount =
        |tenths: u64| Amount::try_from(Decimal::from_i128_with_scale(tenths.into(), 1)).unwrap();
    let pairs = KINDS.into_iter().zip(tenths);
    pairs
        .map(|(kind, tenths)| (kind.to_owned(), amount(tenths)))
        .collect()
}

#[derive(Debug, Clone)]
struct PlainWish {
    holder: [usize; 3],
    tenths: Tenths,
    containers: u32,
    on_one_agent: bool,
    not_before: Option<i64>,
}

#[derive(Debug, Clone)]
struct PlainQuota {
    sessions: Option<u32>,
    cpu: Option<u64>,
}

#[derive(Debug, Clone)]
struct Scene {
    scheduler: Scheduler,
    agents: Vec<(Tenths, bool)>,
    wishes: Vec<PlainWish>,
    /// Of the two of each scope.
    quotas: [[PlainQuota; 2]; 3],
}

fn quota() -> impl Strategy<Value = PlainQuota> {
    (option::of(0_u32..4), option::of(0_u64..60))
        .prop_map(|(sessions, cpu)| PlainQuota { sessions, cpu })
}

fn wish() -> impl Strategy<Value = PlainWish> {
    (
        [0_usize..2, 0_usize..2, 0_usize..2],
        (0_u64..25, prop_oneof![3 => Just(0_u64), 1 => 0_u64..15]),
        1_u32..4,
        any::<bool>(),
        option::weighted(0.2, 90_i64..110),
    )
        .prop_map(
            |(holder, tenths, containers, on_one_agent, not_before)| PlainWish {
                holder,
                tenths: tenths.into(),
                containers,
                on_one_agent,
                not_before,
            },
        )
}

fn scheduler() -> impl Strategy<Value = Scheduler> {
    prop_oneof![
        Just(Scheduler::Fifo),
        Just(Scheduler::Lifo),
        Just(Scheduler::Drf)
    ]
}

fn scene() -> impl Strategy<Value = Scene> {
    let tenths = (0_u64..80, prop_oneof![Just(0_u64), 0_u64..30]).prop_map(Tenths::from);
    let agents = vec((tenths, prop::bool::weighted(0.8)), 0..4);
    let quotas = [[quota(), quota()], [quota(), quota()], [quota(), quota()]];
    (scheduler(), agents, vec(wish(), 0..14), quotas).prop_map(
        |(scheduler, agents, wishes, quotas)| Scene {
            scheduler,
            agents,
            wishes,
            quotas,
        },
    )
}

fn name(scope: usize, number: usize) -> String {
    format!("{scope}-{number}")
}

fn holder(numbers: [usize; 3]) -> Holder {
    Holder {
        owner: name(0, numbers[0]),
        tenant: name(1, numbers[1]),
        domain: name(2, numbers[2]),
    }
}

fn wishes(plain: &[PlainWish]) -> Vec<Wish> {
    let numbered = (0_u32..).zip(plain);
    let wish = |(number, plain): (u32, &PlainWish)| Wish {
        request: Uuid::from_u128(number.into()),
        session: Uuid::from_u128(number.into()),
        holder: holder(plain.holder),
        scaling_group: "default".to_owned(),
        need: Need::new(&slots(plain.tenths), plain.containers, plain.on_one_agent),
        not_before: plain.not_before,
        enqueued_at: number.into(),
    };
    numbered.map(wish).collect()
}

/// Its place among those that were made together.
fn place(wish: &Wish) -> usize {
    usize::try_from(wish.enqueued_at).unwrap()
}

fn group(scheduler: Scheduler, agents: &[(Tenths, bool)]) -> Group {
    let agents = agents
        .iter()
        .enumerate()
        .map(|(number, (tenths, alive))| Agent {
            name: number.to_string(),
            alive: *alive,
            slots: slots(*tenths),
            free: slots(*tenths),
        });
    Group {
        scheduler,
        agents: Agents::new(agents.collect()),
        ..Group::default()
    }
}

fn ledger(quotas: &[[PlainQuota; 2]; 3]) -> Ledger {
    let mut ledger = Ledger::default();
    for (number, scope) in Scope::ALL.into_iter().enumerate() {
        for (which, plain) in quotas[number].iter().enumerate() {
            let cpu = plain
                .cpu
                .map(|tenths| ("cpu".to_owned(), slots([tenths, 0]).get("cpu")));
            let limited: ResourceSlots = cpu.into_iter().collect();
            let quota = ComputeQuota {
                sessions: plain.sessions,
                slots: SlotLimits::from(limited),
            };
            ledger.limit(scope, &name(number, which), quota);
        }
    }
    ledger
}

/// What is used, counted plainly.
struct Counted {
    free: Vec<Tenths>,
    sessions: [[u32; 2]; 3],
    cpu: [[u64; 2]; 3],
}

impl Counted {
    fn take(&mut self, plain: &PlainWish, agents: &[String]) {
        for agent in agents {
            let free = &mut self.free[agent.parse::<usize>().unwrap()];
            for (free, taken) in free.iter_mut().zip(plain.tenths) {
                *free = free.checked_sub(taken).expect("more than an agent has");
            }
        }
        for scope in 0..3 {
            self.sessions[scope][plain.holder[scope]] += 1;
            self.cpu[scope][plain.holder[scope]] += plain.tenths[0] * u64::from(plain.containers);
        }
    }

    fn is_within(&self, quotas: &[[PlainQuota; 2]; 3], scope: usize, which: usize) -> bool {
        let quota = &quotas[scope][which];
        quota
            .sessions
            .is_none_or(|most| self.sessions[scope][which] <= most)
            && quota.cpu.is_none_or(|most| self.cpu[scope][which] <= most)
    }

    /// Whether it could have its slots now.
    fn could_have(&self, scene: &Scene, plain: &PlainWish) -> bool {
        let cpu = plain.tenths[0] * u64::from(plain.containers);
        let within = (0..3).all(|scope| {
            let which = plain.holder[scope];
            let quota = &scene.quotas[scope][which];
            let sessions = self.sessions[scope][which] + 1;
            let used = self.cpu[scope][which] + cpu;
            quota.sessions.is_none_or(|most| sessions <= most)
                && (cpu == 0 || quota.cpu.is_none_or(|most| used <= most))
        });
        let fitting = |free: &Tenths| {
            let most = u64::from(plain.containers);
            let of_kind = |kind: usize| free[kind].checked_div(plain.tenths[kind]).unwrap_or(most);
            (0..KINDS.len()).map(of_kind).min().unwrap().min(most)
        };
        let alive = scene
            .agents
            .iter()
            .zip(&self.free)
            .filter(|((_, alive), _)| *alive);
        let counts: Vec<u64> = alive.map(|(_, free)| fitting(free)).collect();
        let room = if plain.on_one_agent {
            counts.iter().copied().max().unwrap_or_default()
        } else {
            counts.iter().sum()
        };
        within
            && room >= u64::from(plain.containers)
            && plain.not_before.is_none_or(|moment| moment <= NOW)
    }
}

proptest! {
    #[test]
    fn a_round_is_what_plain_counting_says(scene in scene()) {
        let mut group = group(scene.scheduler, &scene.agents);
        let verdicts = serve(&mut group, &mut ledger(&scene.quotas), wishes(&scene.wishes), NOW);
        let mut counted = Counted {
            free: scene.agents.iter().map(|(tenths, _)| *tenths).collect(),
            sessions: [[0; 2]; 3],
            cpu: [[0; 2]; 3],
        };
        let mut waiting = Vec::new();
        for (wish, verdict) in &verdicts {
            let plain = &scene.wishes[place(wish)];
            match verdict {
                Verdict::Granted(agents) => {
                    prop_assert_eq!(agents.len(), plain.containers as usize);
                    prop_assert!(agents.iter().all(|agent| scene.agents[agent.parse::<usize>().unwrap()].1));
                    prop_assert!(!plain.on_one_agent || agents.iter().all(|agent| *agent == agents[0]));
                    counted.take(plain, agents);
                }
                Verdict::Waits(reason) => waiting.push((plain, *reason)),
            }
        }
        // Everybody had a turn.
        let mut turns: Vec<usize> = verdicts.iter().map(|(wish, _)| place(wish)).collect();
        turns.sort_unstable();
        prop_assert_eq!(turns, (0..scene.wishes.len()).collect::<Vec<_>>());
        for scope in 0..3 {
            for which in 0..2 {
                let used = counted.sessions[scope][which] > 0;
                prop_assert!(!used || counted.is_within(&scene.quotas, scope, which));
            }
        }
        for (plain, reason) in waiting {
            prop_assert!(!counted.could_have(&scene, plain), "{:?} waits for {:?}", plain, reason);
            let later = plain.not_before.is_some_and(|moment| moment > NOW);
            prop_assert_eq!(reason == WaitingReason::NotYet, later);
        }
        for (agent, tenths) in group.agents.iter().zip(&counted.free) {
            prop_assert_eq!(&agent.free, &slots(*tenths));
        }
    }

    /// Among those that are alike and whom nothing but room stops, the first or the last have it.
    #[test]
    fn who_is_alike_is_served_in_order(agents in vec(1_u64..50, 1..4), count in 1_usize..12, scheduler in scheduler()) {
        let agents: Vec<(Tenths, bool)> = agents.into_iter().map(|cpu| ([cpu, 0], true)).collect();
        let plain = PlainWish { holder: [0; 3], tenths: [10, 0], containers: 1, on_one_agent: false, not_before: None };
        let verdicts = serve(&mut group(scheduler, &agents), &mut Ledger::default(), wishes(&vec![plain; count]), NOW);
        let mut granted: Vec<usize> = verdicts
            .iter()
            .filter(|(_, verdict)| matches!(verdict, Verdict::Granted(_)))
            .map(|(wish, _)| place(wish))
            .collect();
        granted.sort_unstable();
        let room: u64 = agents.iter().map(|([cpu, _], _)| cpu / 10).sum();
        let served = count.min(usize::try_from(room).unwrap());
        let first = if scheduler == Scheduler::Lifo { count - served } else { 0 };
        prop_assert_eq!(granted, (first..first + served).collect::<Vec<_>>());
    }

    /// With dominant resource fairness, owners who want the same have the same, but for one.
    #[test]
    fn owners_have_equal_parts(room in 1_u64..20, wanted in vec(0_usize..2, 1..40)) {
        let wish = |owner: &usize| PlainWish {
            holder: [*owner, 0, 0], tenths: [10, 0], containers: 1, on_one_agent: false, not_before: None,
        };
        let plain: Vec<PlainWish> = wanted.iter().map(wish).collect();
        let mut group = group(Scheduler::Drf, &[([room * 10, 0], true)]);
        let verdicts = serve(&mut group, &mut Ledger::default(), wishes(&plain), NOW);
        let mut got: BTreeMap<&str, usize> = BTreeMap::new();
        let mut left: BTreeMap<&str, usize> = BTreeMap::new();
        for (wish, verdict) in &verdicts {
            let counts = if matches!(verdict, Verdict::Granted(_)) { &mut got } else { &mut left };
            *counts.entry(&wish.holder.owner).or_default() += 1;
        }
        for owner in left.keys() {
            for other in got.keys().filter(|other| *other != owner) {
                let (mine, theirs) = (got.get(owner).copied().unwrap_or_default(), got[other]);
                prop_assert!(theirs <= mine + 1, "{owner} waits with {mine}, {other} has {theirs}");
            }
        }
    }

    /// What is refused at the door fits into no empty agents, and what is let in does.
    #[test]
    fn only_what_can_never_fit_is_too_large(agents in vec([0_u64..60, 0_u64..20], 1..4), plain in wish()) {
        let alive: Vec<(Tenths, bool)> = agents.iter().map(|tenths| (*tenths, true)).collect();
        let lost: Vec<(Tenths, bool)> = agents.iter().map(|tenths| (*tenths, false)).collect();
        let need = Need::new(&slots(plain.tenths), plain.containers, plain.on_one_agent);
        let fits = group(Scheduler::Fifo, &alive).agents.place(&need).is_some();
        prop_assert_eq!(group(Scheduler::Fifo, &alive).agents.could_ever(&need).is_ok(), fits);
        prop_assert_eq!(group(Scheduler::Fifo, &lost).agents.could_ever(&need).is_ok(), fits);
    }
}

fn named(agents: &[(&str, Tenths)]) -> Agents {
    let agents = agents.iter().map(|(name, tenths)| Agent {
        name: (*name).to_owned(),
        alive: true,
        slots: slots(*tenths)
            .iter()
            .filter(|(_, amount)| !amount.is_zero())
            .map(|(slot, amount)| (slot.to_owned(), amount))
            .collect(),
        free: slots(*tenths),
    });
    Agents::new(agents.collect())
}

#[test]
fn agents_with_what_is_not_wanted_are_left_for_others_and_the_emptiest_is_taken() {
    let mut agents = named(&[("a", [90, 10]), ("b", [20, 0]), ("c", [30, 0])]);
    let need = |tenths, containers, one| Need::new(&slots(tenths), containers, one);
    assert_eq!(agents.place(&need([10, 0], 1, false)).unwrap(), ["c"]);
    // b and c are alike now: the first by name.
    assert_eq!(agents.place(&need([10, 0], 1, false)).unwrap(), ["b"]);
    assert_eq!(
        agents.place(&need([10, 0], 4, false)).unwrap(),
        ["c", "b", "c", "a"]
    );
    assert_eq!(agents.place(&need([10, 10], 1, false)).unwrap(), ["a"]);
    assert_eq!(agents.place(&need([10, 0], 5, true)).unwrap(), ["a"; 5]);
    assert_eq!(agents.place(&need([10, 0], 3, false)), None);
    assert_eq!(agents.place(&need([10, 0], 2, true)).unwrap(), ["a"; 2]);
}

#[test]
fn a_number_of_containers_beyond_measure_fits_nowhere() {
    let mut agents = named(&[("a", [90, 10])]);
    let need = Need::new(&ResourceSlots::default(), u32::MAX, false);
    assert_eq!(agents.place(&need), None);
    assert!(agents.could_ever(&need).is_err());
}

#[test]
fn thirds_are_exact() {
    let third = Amount::try_from(Decimal::ONE / Decimal::from(3)).unwrap();
    let need = Need::new(&[("cpu".to_owned(), third)].into_iter().collect(), 4, false);
    let mut agents = named(&[("a", [10, 0])]);
    assert_eq!(agents.place(&need), None);
    let three = Need {
        containers: 3,
        ..need
    };
    assert_eq!(agents.place(&three).unwrap(), ["a"; 3]);
}
