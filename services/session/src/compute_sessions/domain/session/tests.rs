use std::{collections::BTreeMap, time::Duration};

use muster_contract::{
    agent::{ContainerEnd, ContainerEnded, ContainerImage, ContainerStart, ContainerStarted},
    node_allocation::{
        SlotLease, SlotsGranted, SlotsLost, SlotsQueued, SlotsRefusal, SlotsRefused, WaitingReason,
    },
    session::ComputeSessionType,
};
use muster_platform::{Ids as _, SequentialIds};
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::compute_sessions::domain::limits::{ComputeLimits, STOP_ATTEMPTS};

const SECOND: i64 = 1_000_000;
const LIMITS: ComputeLimits = ComputeLimits {
    start: Duration::from_mins(5),
    stop: Duration::from_mins(1),
    history: Duration::from_hours(24),
};
const IDLE: i64 = 600 * SECOND;

fn wish(kind: ComputeSessionType, containers: u32) -> Wish {
    Wish {
        name: "x-1".to_owned(),
        owner: "KEY".to_owned(),
        user: "alice".to_owned(),
        tenant: "demo".to_owned(),
        domain: "default".to_owned(),
        kind,
        image: ContainerImage {
            name: "python:3.11".to_owned(),
            command: vec![],
            docker: None,
            interpreter: None,
            services: vec![],
            environ: BTreeMap::new(),
        },
        tag: None,
        startup_command: Some("true".to_owned()),
        bootstrap_script: None,
        starts_at: None,
        environ: BTreeMap::new(),
        mounts: vec![],
        mount_paths: BTreeMap::default(),
        resource_options: BTreeMap::new(),
        scaling_group: None,
        slots: [("cpu".to_owned(), 1.into())].into_iter().collect(),
        cluster_size: containers,
        on_one_agent: false,
        preopen_ports: vec![],
        dependencies: vec![],
        idle_timeout: Some(IDLE),
    }
}

/// What an agent has of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    Runs,
    Over,
}

#[derive(Debug, Clone)]
enum Word {
    Started(String, ContainerStarted),
    Ended(String, ContainerEnded),
}

/// A session, and agents that do what they are told; whatever is on its way may take its time, overtake and come twice.
struct World {
    session: Session,
    ids: SequentialIds,
    now: i64,
    asked: usize,
    refused: bool,
    released: usize,
    orders: Vec<Deed>,
    words: Vec<Word>,
    bodies: BTreeMap<Uuid, Body>,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Granted,
    Queued,
    Refused,
    Lost(usize),
    Order { which: usize, works: bool },
    Word { which: usize, twice: bool },
    Exit { which: usize, code: i32 },
    Destroy { forced: bool },
    Restart,
    Use,
    Pass(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Granted),
        1 => Just(Step::Queued),
        1 => Just(Step::Refused),
        1 => (0..3_usize).prop_map(Step::Lost),
        8 => (0..8_usize, prop::bool::weighted(0.9)).prop_map(|(which, works)| Step::Order { which, works }),
        8 => (0..8_usize, any::<bool>()).prop_map(|(which, twice)| Step::Word { which, twice }),
        2 => (0..3_usize, 0..2).prop_map(|(which, code)| Step::Exit { which, code }),
        1 => any::<bool>().prop_map(|forced| Step::Destroy { forced }),
        2 => Just(Step::Restart),
        1 => Just(Step::Use),
        2 => (0..400_i64).prop_map(Step::Pass),
    ]
}

impl World {
    fn new(kind: ComputeSessionType, containers: u32) -> Self {
        let ids = SequentialIds::new();
        let mut world = Self {
            session: Session::new(ids.next(), wish(kind, containers), false, 0),
            ids,
            now: 0,
            asked: 0,
            refused: false,
            released: 0,
            orders: vec![],
            words: vec![],
            bodies: BTreeMap::new(),
        };
        world.happens(Session::ask);
        world
    }

    fn happens<T>(&mut self, change: impl FnOnce(&mut Session, &mut Turn<'_>) -> T) -> T {
        let before = self.session.clone();
        let mut turn = Turn::new(self.now, LIMITS, &self.ids);
        let result = change(&mut self.session, &mut turn);
        for deed in turn.into_deeds() {
            match deed {
                Deed::Allocate(_) => self.asked += 1,
                Deed::Release(_) => self.released += 1,
                order => self.orders.push(order),
            }
        }
        if before.status.is_over() {
            let now = &self.session;
            assert_eq!(
                (before.status, before.status_info),
                (now.status, now.status_info.clone())
            );
        }
        self.check();
        result
    }

    /// A status fits the containers, has a way out, and slots are given back when it is over and not before.
    fn check(&self) {
        use ComputeSessionStatus as S;
        let session = &self.session;
        let statuses: Vec<S> = session
            .containers
            .iter()
            .map(|container| container.status)
            .collect();
        let live = || statuses.iter().filter(|status| !status.is_over());
        let any = |status: S| statuses.contains(&status);
        match session.status {
            S::Pending => assert!(statuses.is_empty() && session.due_at.is_some()),
            S::Preparing => assert!(
                any(S::Preparing) && live().all(|one| matches!(one, S::Preparing | S::Running))
            ),
            S::Running => assert!(any(S::Running) && live().all(|one| *one == S::Running)),
            S::Restarting => assert!(
                any(S::Restarting) && live().all(|one| matches!(one, S::Restarting | S::Running))
            ),
            S::Terminating => {
                assert!(any(S::Terminating) && live().all(|one| *one == S::Terminating));
            }
            S::Terminated | S::Cancelled => assert!(live().next().is_none()),
        }
        let is_over = session.status.is_over();
        if matches!(
            session.status,
            S::Preparing | S::Restarting | S::Terminating
        ) {
            assert!(session.due_at.is_some());
        }
        assert_eq!(session.terminated_at.is_some(), is_over);
        assert_eq!(self.released, usize::from(is_over && !self.refused));
        if is_over {
            assert_eq!(session.status == S::Cancelled, session.started_at.is_none());
            assert!(session.due_at.is_none() && session.status_info.is_some());
        }
        if !session.wish.is_batch() {
            assert_eq!(session.result, BatchResult::Undefined);
        }
    }

    fn agent(index: usize) -> String {
        format!("agent-{index}")
    }

    fn grant(&mut self) {
        let granted = SlotsGranted {
            request: self.session.request.unwrap_or_default(),
            session: self.session.id,
            tenant: "demo".to_owned(),
            scaling_group: "default".to_owned(),
            leases: (0..self.session.wish.cluster_size as usize)
                .map(|index| SlotLease {
                    agent: Self::agent(index),
                    address: None,
                })
                .collect(),
        };
        self.happens(|session, turn| session.grant(turn, &granted));
    }

    /// An order reaches its agent.
    fn deliver(&mut self, which: usize, works: bool) {
        if self.orders.is_empty() {
            return;
        }
        let order = self.orders.remove(which % self.orders.len());
        let start = |works: bool| {
            if works {
                ContainerStart::Running {
                    host: "127.0.0.1".to_owned(),
                    service_ports: vec![],
                }
            } else {
                ContainerStart::Failed {
                    reason: "no".to_owned(),
                }
            }
        };
        let word = match order {
            Deed::Start(agent, order) => {
                // Once it was ended it is not started any more.
                let works = works && !self.bodies.contains_key(&order.container);
                self.bodies
                    .insert(order.container, if works { Body::Runs } else { Body::Over });
                let result = start(works);
                Word::Started(
                    agent,
                    ContainerStarted {
                        order: order.order,
                        container: order.container,
                        result,
                    },
                )
            }
            Deed::Restart(agent, order) => {
                let works = works && self.bodies.get(&order.container) == Some(&Body::Runs);
                self.bodies
                    .insert(order.container, if works { Body::Runs } else { Body::Over });
                let result = start(works);
                Word::Started(
                    agent,
                    ContainerStarted {
                        order: order.order,
                        container: order.container,
                        result,
                    },
                )
            }
            Deed::Stop(agent, order) => {
                let before = self.bodies.insert(order.container, Body::Over);
                let end = if before == Some(Body::Runs) {
                    ContainerEnd::Stopped
                } else {
                    ContainerEnd::Unknown
                };
                Word::Ended(agent, ended(Some(order.order), order.container, end))
            }
            Deed::Allocate(_) | Deed::Release(_) => return,
        };
        self.words.push(word);
    }

    fn hear(&mut self, which: usize, twice: bool) {
        if self.words.is_empty() {
            return;
        }
        let which = which % self.words.len();
        let word = if twice {
            self.words[which].clone()
        } else {
            self.words.remove(which)
        };
        match word {
            Word::Started(agent, word) => {
                self.happens(|session, turn| session.started(turn, &agent, &word));
            }
            Word::Ended(agent, word) => {
                self.happens(|session, turn| session.ended(turn, &agent, &word));
            }
        }
    }

    fn take(&mut self, step: Step) {
        let (request, session) = (self.session.request.unwrap_or_default(), self.session.id);
        let tenant = "demo".to_owned();
        match step {
            Step::Granted => self.grant(),
            Step::Queued => {
                let reason = WaitingReason::NoRoom;
                let queued = SlotsQueued {
                    request,
                    session,
                    tenant,
                    reason,
                };
                self.happens(|session, turn| session.queued(turn, &queued));
            }
            Step::Refused => {
                self.refused |= self.session.is_asked(request);
                let refused = SlotsRefused {
                    request,
                    session,
                    tenant,
                    reason: SlotsRefusal::Cancelled,
                };
                self.happens(|session, turn| session.refuse(turn, &refused));
            }
            Step::Lost(index) => {
                let lost = SlotsLost {
                    session,
                    tenant,
                    agent: Self::agent(index),
                };
                self.happens(|session, turn| session.lose(turn, &lost.agent));
            }
            Step::Order { which, works } => self.deliver(which, works),
            Step::Word { which, twice } => self.hear(which, twice),
            Step::Exit { which, code } => {
                let containers = &self.session.containers;
                let container = containers.get(which).map(|one| (one.id, one.agent.clone()));
                if let Some((id, agent)) = container
                    && self.bodies.get(&id) == Some(&Body::Runs)
                {
                    self.bodies.insert(id, Body::Over);
                    let end = ContainerEnd::Exited { code };
                    self.words.push(Word::Ended(agent, ended(None, id, end)));
                }
            }
            Step::Destroy { forced } => self.happens(|session, turn| session.destroy(turn, forced)),
            Step::Restart => {
                self.happens(Session::restart);
            }
            Step::Use => {
                self.happens(|session, turn| session.use_it(turn, true));
            }
            Step::Pass(seconds) => {
                self.now += seconds * SECOND;
                self.happens(Session::look);
            }
        }
    }
}

fn ended(order: Option<Uuid>, container: Uuid, end: ContainerEnd) -> ContainerEnded {
    ContainerEnded {
        order,
        container,
        end,
        usage: None,
        logs: String::new(),
    }
}

fn kind() -> impl Strategy<Value = ComputeSessionType> {
    prop_oneof![
        Just(ComputeSessionType::Interactive),
        Just(ComputeSessionType::Batch)
    ]
}

proptest! {
    #[test]
    fn whatever_happens_it_comes_to_an_end_and_leaves_nothing(
        kind in kind(), containers in 1..4_u32, steps in vec(step(), 0..60), agents_answer in any::<bool>(),
    ) {
        let mut world = World::new(kind, containers);
        for step in steps {
            world.take(step);
        }
        world.happens(|session, turn| session.destroy(turn, false));
        for _ in 0..STOP_ATTEMPTS {
            if agents_answer {
                break;
            }
            world.take(Step::Pass(60));
        }
        while !world.orders.is_empty() {
            world.deliver(0, true);
        }
        while !world.words.is_empty() {
            world.hear(0, false);
        }
        prop_assert!(world.session.status.is_over());
        prop_assert!(world.bodies.values().all(|body| *body == Body::Over), "{:?}", world.bodies);
    }

    #[test]
    fn left_alone_by_everyone_but_time_it_comes_to_rest(kind in kind(), steps in vec(step(), 0..40)) {
        let mut world = World::new(kind, 2);
        for step in steps {
            world.take(step);
        }
        for _ in 0..10 {
            world.take(Step::Pass(600));
        }
        let status = world.session.status;
        let may_stay = status == ComputeSessionStatus::Pending || status.is_over() || (status == ComputeSessionStatus::Running && kind == ComputeSessionType::Batch);
        prop_assert!(may_stay, "{status:?}");
    }
}

/// One that runs, with its agents' words heard.
fn running(kind: ComputeSessionType, containers: u32) -> World {
    let mut world = World::new(kind, containers);
    world.grant();
    settle(&mut world);
    assert_eq!(world.session.status, ComputeSessionStatus::Running);
    world
}

/// Lets everything on its way arrive.
fn settle(world: &mut World) {
    while !world.orders.is_empty() || !world.words.is_empty() {
        world.deliver(0, true);
        world.hear(0, false);
    }
}

fn said(world: &World) -> (ComputeSessionStatus, &str) {
    (
        world.session.status,
        world.session.status_info.as_deref().unwrap_or_default(),
    )
}

type Happening<'a> = &'a dyn Fn(&mut World);

#[test]
fn each_way_to_end_has_its_reason() {
    use ComputeSessionStatus as S;
    use ComputeSessionType as T;
    let lost = |world: &mut World| world.take(Step::Lost(1));
    let forced = |world: &mut World| world.take(Step::Destroy { forced: true });
    let destroyed = |world: &mut World| world.take(Step::Destroy { forced: false });
    let exit = |world: &mut World| world.take(Step::Exit { which: 0, code: 3 });
    let idle = |world: &mut World| world.take(Step::Pass(600));
    let cases: [(T, Happening<'_>, &str); 5] = [
        (T::Interactive, &lost, "agent-lost"),
        (T::Interactive, &forced, "force-terminated"),
        (T::Interactive, &destroyed, "user-requested"),
        (T::Interactive, &idle, "idle-timeout"),
        (T::Batch, &exit, "self-terminated"),
    ];
    for (kind, happens, reason) in cases {
        let mut world = running(kind, 2);
        happens(&mut world);
        settle(&mut world);
        assert_eq!(said(&world), (S::Terminated, reason));
    }
}

#[test]
fn one_that_was_used_is_not_idle() {
    let mut world = running(ComputeSessionType::Interactive, 1);
    world.take(Step::Pass(500));
    world.take(Step::Use);
    world.take(Step::Pass(500));
    assert_eq!(world.session.status, ComputeSessionStatus::Running);
    world.take(Step::Pass(100));
    assert_eq!(
        said(&world),
        (ComputeSessionStatus::Terminating, "idle-timeout")
    );
}

#[test]
fn a_batch_that_ends_before_its_start_is_heard_of_has_a_result() {
    for (code, result) in [(0, BatchResult::Success), (1, BatchResult::Failure)] {
        let mut world = World::new(ComputeSessionType::Batch, 1);
        world.grant();
        world.deliver(0, true);
        world.take(Step::Exit { which: 0, code });
        world.words.reverse();
        settle(&mut world);
        assert_eq!(
            said(&world),
            (ComputeSessionStatus::Terminated, "self-terminated")
        );
        assert_eq!(
            (world.session.result, world.session.containers[0].exit_code),
            (result, Some(code))
        );
        assert_eq!(world.session.has_succeeded(), Some(code == 0));
    }
}

#[test]
fn one_that_does_not_start_is_cancelled() {
    let mut world = World::new(ComputeSessionType::Interactive, 2);
    world.grant();
    world.deliver(1, false);
    settle(&mut world);
    assert_eq!(
        said(&world),
        (ComputeSessionStatus::Cancelled, "failed-to-start (no)")
    );

    let mut world = World::new(ComputeSessionType::Interactive, 2);
    world.grant();
    world.take(Step::Pass(300));
    settle(&mut world);
    assert_eq!(
        said(&world),
        (ComputeSessionStatus::Cancelled, "start-timeout")
    );
}

#[test]
fn a_silent_agent_is_told_several_times_and_not_waited_for_for_ever() {
    let mut world = running(ComputeSessionType::Interactive, 1);
    world.take(Step::Destroy { forced: false });
    for attempts in 1..STOP_ATTEMPTS {
        assert_eq!(world.orders.len(), attempts as usize);
        world.take(Step::Pass(60));
    }
    assert_eq!(world.session.status, ComputeSessionStatus::Terminating);
    world.take(Step::Pass(60));
    assert_eq!(
        said(&world),
        (ComputeSessionStatus::Terminated, "stop-timeout")
    );
    assert_eq!(world.orders.len(), STOP_ATTEMPTS as usize);
}

#[test]
fn a_restart_keeps_what_it_is_and_fails_as_a_whole() {
    let mut world = running(ComputeSessionType::Interactive, 2);
    let before = world.session.clone();
    world.take(Step::Pass(60));
    world.take(Step::Restart);
    world.take(Step::Restart);
    assert_eq!(world.orders.len(), 2);
    settle(&mut world);
    let after = &world.session;
    assert_eq!(after.status, ComputeSessionStatus::Running);
    assert_eq!((after.id, after.started_at), (before.id, before.started_at));

    world.take(Step::Restart);
    world.deliver(0, false);
    settle(&mut world);
    assert_eq!(
        said(&world),
        (ComputeSessionStatus::Terminated, "failed-to-restart (no)")
    );
}

#[test]
fn only_the_main_container_of_a_batch_runs_its_command() {
    let mut world = World::new(ComputeSessionType::Batch, 3);
    world.grant();
    let session = &world.session;
    assert_eq!(session.containers[0].id, session.id);
    assert!(session.containers[1].id != session.containers[2].id);
    let commands: Vec<_> = world
        .orders
        .iter()
        .map(|order| match order {
            Deed::Start(_, order) => (
                order.place.hostname.clone(),
                order.startup_command.is_some(),
            ),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [("main1", true), ("sub1", false), ("sub2", false)];
    assert_eq!(
        commands,
        expected.map(|(name, runs)| (name.to_owned(), runs))
    );
    // Those may be done before it is.
    settle(&mut world);
    world.take(Step::Exit { which: 2, code: 0 });
    settle(&mut world);
    assert_eq!(world.session.status, ComputeSessionStatus::Running);
}
