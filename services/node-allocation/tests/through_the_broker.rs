//! The service as it runs: commands and queries through a real broker, events out of it.

#![cfg(test)]

use std::{path::Path, time::Duration};

use async_nats::Subscriber;
use futures_util::StreamExt;
use muster_contract::{
    Command, Message, Outcome, Principal, Query, ResourceSlots, Role, Service, Signal,
    agent::{AgentBeat, ContainerHost, HookResult, NodeHook, NodeHookFinished, RunNodeHook},
    message::Never,
    node_allocation::{
        AgentPage, AgentStatus, AllocateNodes, AllocateSlots, AllocationRefusal, AllocationRefused,
        ChangeNode, ChangeNodeRefusal, ListAgents, ListNodes, ListPools, NodeChange, NodeDemand,
        NodePage, NodeSelector, NodeState, NodesGranted, NodesReleased, PoolList, ReleaseNodes,
        ReleaseSlots, SlotsGranted, SlotsLost, SlotsQueued, WaitingReason,
    },
};
use muster_messaging::{OrderAtHand, Orders, OutcomeOf};
use muster_node_allocation::{Declarations, MIGRATIONS, Times, start};
use muster_platform::{Drained, Ids, RandomIds, Shutdown, Site, Timestamp};
use muster_testkit::{DEADLINE, ServiceWorld, eventually};
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_seconds(1_763_800_000);

/// No test takes as long as leases are remembered.
const TIMES: Times = Times {
    lease_retention: Duration::from_hours(24),
    agent_timeout: AGENT_TIMEOUT,
};

/// By the clock of the test.
const AGENT_TIMEOUT: Duration = Duration::from_hours(1);

const SITE: &str = r#"
[[project]]
name = "demo"
quota = { nodes = 3 }
[[pool]]
name = "metal"
version = "7"
arch = "x86_64"
[[node]]
hostname = "n[1-4].dusty"
pool = "metal"
"#;

const HOOKS: &str = r#"
[[agent]]
name = "provisioner"
[[pool]]
name = "metal"
version = "7"
arch = "x86_64"
hooks = { agent = "provisioner", provision = "30m", contextualize = "2m", deprovision = "10m", attempts = 2 }
[[node]]
hostname = "n[1-2].dusty"
pool = "metal"
"#;

struct System(ServiceWorld);

impl System {
    async fn start() -> Self {
        Self::start_with(SITE).await
    }

    async fn start_with(site: &str) -> Self {
        let site = Site::parse(site, Path::new("site.toml")).unwrap();
        let site = Declarations::of_site(&site);
        let service =
            async |foundation, tasks: &Shutdown| start(foundation, site, TIMES, tasks).await;
        let agents = ["provisioner"];
        let world =
            ServiceWorld::start(Service::NodeAllocation, &MIGRATIONS, &agents, NOW, service);
        Self(world.await.unwrap())
    }

    /// Takes the next order; it must be that.
    async fn next_order(
        &self,
        orders: &mut Orders,
        hook: NodeHook,
        hostname: &str,
    ) -> (OrderAtHand, RunNodeHook) {
        let next = tokio::time::timeout(DEADLINE, orders.next()).await;
        let at_hand = next.unwrap().unwrap();
        assert_eq!(at_hand.schema(), RunNodeHook::schema());
        let order: RunNodeHook = at_hand.decode().unwrap();
        assert_eq!((order.hook, order.node.hostname.as_str()), (hook, hostname));
        (at_hand, order)
    }

    /// Carries the next order out like that; it must be that.
    async fn carry_out(
        &self,
        orders: &mut Orders,
        hook: NodeHook,
        hostname: &str,
        result: HookResult,
    ) {
        let (at_hand, order) = self.next_order(orders, hook, hostname).await;
        let report = NodeHookFinished {
            order: order.order,
            result,
        };
        at_hand
            .report(&report, &self.0.tasks.token())
            .await
            .unwrap();
    }

    async fn send<C: Command>(&self, command: &C) -> OutcomeOf<C> {
        self.0.send(&operator(), command).await.unwrap()
    }

    async fn send_as<C: Command>(&self, id: Uuid, command: &C) -> OutcomeOf<C> {
        self.0.send_again(id, &operator(), command).await.unwrap()
    }

    async fn ask<Q: Query<Refusal = Never>>(&self, query: &Q) -> Q::Answer {
        match self.0.ask(&operator(), query).await.unwrap() {
            Outcome::Done(answer) => answer,
            Outcome::Refused(never) => match never {},
        }
    }

    /// Waits until these and no others are in that state.
    async fn eventually_in_state(&self, state: NodeState, hosts: &[&str]) {
        let what = format!("{hosts:?} to be {}", state.name());
        let look = async || (self.in_state(state).await == hosts).then_some(());
        eventually(DEADLINE, &what, look).await.unwrap();
    }

    /// Names of the nodes in that state.
    async fn in_state(&self, state: NodeState) -> Vec<String> {
        let question = ListNodes {
            states: vec![state],
            ..ListNodes::default()
        };
        let NodePage { nodes } = self.ask(&question).await;
        nodes.into_iter().map(|node| node.hostname).collect()
    }
}

fn operator() -> Principal {
    Principal {
        name: "operator".to_owned(),
        domain: "default".to_owned(),
        project: "demo".to_owned(),
        roles: vec![Role::Admin],
    }
}

fn wanted(session: &str, count: u32) -> AllocateNodes {
    AllocateNodes {
        request: RandomIds.next(),
        session: session.to_owned(),
        tenant: "demo".to_owned(),
        demands: vec![NodeDemand {
            selector: NodeSelector::Properties {
                version: "7".to_owned(),
                architecture: "x86_64".to_owned(),
                flavor: None,
            },
            minimum: count,
            maximum: count,
            excluded_hosts: vec![],
        }],
        wait_until: None,
    }
}

fn release(session: &str) -> ReleaseNodes {
    ReleaseNodes {
        request: RandomIds.next(),
        session: session.to_owned(),
        tenant: "demo".to_owned(),
        leases: None,
    }
}

/// The next event for a request; events may be seen more than once, and those of other requests before it.
async fn next<E: serde::de::DeserializeOwned>(
    events: &mut Subscriber,
    is_it: impl Fn(&E) -> bool,
) -> E {
    let wait = async {
        loop {
            let message = events.next().await.unwrap();
            if let Ok(event) = serde_json::from_slice(&message.payload)
                && is_it(&event)
            {
                return event;
            }
        }
    };
    tokio::time::timeout(DEADLINE, wait).await.unwrap()
}

// api/duffy.md §7: redelivery; stale read model; reaper against growth; waiting.
#[tokio::test]
async fn nodes_go_out_and_come_back_and_are_told_of() {
    let system = System::start().await;
    let client = system.0.client.client();
    let subject = |fact: &str| format!("muster.evt.node-allocation.v1.demo.{fact}");
    let mut granted = client.subscribe(subject("nodes.granted")).await.unwrap();
    let mut refused = client
        .subscribe(subject("allocation.refused"))
        .await
        .unwrap();
    let mut released = client.subscribe(subject("nodes.released")).await.unwrap();
    client.flush().await.unwrap();

    let first = wanted("s1", 2);
    let id = RandomIds.next();
    assert_eq!(system.send_as(id, &first).await, Outcome::Done(()));
    // What is told is in the tables.
    assert_eq!(
        system.in_state(NodeState::Deployed).await,
        ["n1.dusty", "n2.dusty"]
    );
    let event: NodesGranted = next(&mut granted, |event: &NodesGranted| {
        event.request == first.request
    })
    .await;
    assert_eq!((event.session.as_str(), event.nodes.len()), ("s1", 2));
    // The same command once more is the same, not another.
    assert_eq!(system.send_as(id, &first).await, Outcome::Done(()));
    assert_eq!(system.in_state(NodeState::Deployed).await.len(), 2);

    let second = wanted("s2", 2);
    system.send(&second).await;
    let event: AllocationRefused = next(&mut refused, |event: &AllocationRefused| {
        event.request == second.request
    })
    .await;
    let (quota, held, wanted_nodes) = (3, 2, 2);
    assert_eq!(
        event.reason,
        AllocationRefusal::QuotaExceeded {
            quota,
            held,
            wanted: wanted_nodes
        }
    );

    // Two wait; one has what it waits for when nodes are given back, the other waits in vain.
    let until = |seconds| Some(NOW.plus(Duration::from_secs(seconds)).as_micros());
    let third = AllocateNodes {
        wait_until: until(60),
        ..wanted("s3", 3)
    };
    let fourth = AllocateNodes {
        wait_until: until(60),
        ..wanted("s4", 2)
    };
    system.send(&third).await;
    system.send(&fourth).await;
    let end = release("s1");
    system.send(&end).await;
    let event: NodesReleased = next(&mut released, |event: &NodesReleased| {
        event.request == end.request
    })
    .await;
    assert_eq!(event.nodes.len(), 2);
    let event: NodesGranted = next(&mut granted, |event: &NodesGranted| {
        event.request == third.request
    })
    .await;
    assert_eq!(event.nodes.len(), 3);
    system.0.clock.set(NOW.plus(Duration::from_mins(1)));
    let event: AllocationRefused = next(&mut refused, |event: &AllocationRefused| {
        event.request == fourth.request
    })
    .await;
    assert_eq!(event.reason, AllocationRefusal::WaitedInVain);

    // The session is fenced off.
    let late = wanted("s1", 1);
    system.send(&late).await;
    let event: AllocationRefused = next(&mut refused, |event: &AllocationRefused| {
        event.request == late.request
    })
    .await;
    assert_eq!(event.reason, AllocationRefusal::Cancelled);

    let drain = |hostname: &str| ChangeNode {
        hostname: hostname.to_owned(),
        change: NodeChange::Drain,
        reason: None,
    };
    assert_eq!(
        system.send(&drain("n9")).await,
        Outcome::Refused(ChangeNodeRefusal::UnknownNode)
    );
    let Outcome::Done(node) = system.send(&drain("n3.dusty")).await else {
        panic!("the drain was refused");
    };
    assert_eq!(node.session.as_deref(), Some("s3"));
    system.send(&release("s3")).await;
    let PoolList { pools } = system.ask(&ListPools {}).await;
    let levels = [(NodeState::Ready, 3), (NodeState::Reserved, 1)];
    assert_eq!(pools[0].levels, levels.into());
    assert_eq!(system.0.tasks.drain(DEADLINE).await, Drained::Clean);
}

// Agents do the work (design §6): a node's whole life, with one that fails within a request.
#[tokio::test]
async fn an_agent_installs_prepares_and_wipes_nodes() {
    let system = System::start_with(HOOKS).await;
    let client = system.0.client.client();
    let subject = |fact: &str| format!("muster.evt.node-allocation.v1.demo.{fact}");
    let mut granted = client.subscribe(subject("nodes.granted")).await.unwrap();
    let mut refused = client
        .subscribe(subject("allocation.refused"))
        .await
        .unwrap();
    client.flush().await.unwrap();
    let mut orders = system.0.orders("provisioner").await.unwrap();
    let good = || HookResult::Succeeded;
    let bad = || HookResult::Failed {
        reason: "no route to host".to_owned(),
    };

    for host in ["n1.dusty", "n2.dusty"] {
        let hook = NodeHook::Provision;
        system.carry_out(&mut orders, hook, host, good()).await;
    }
    system
        .eventually_in_state(NodeState::Ready, &["n1.dusty", "n2.dusty"])
        .await;

    // The first cannot be prepared: the session gets the other, and has not been told before.
    let first = wanted("s1", 1);
    system.send(&first).await;
    let hook = NodeHook::Contextualize;
    system.carry_out(&mut orders, hook, "n1.dusty", bad()).await;
    system
        .carry_out(&mut orders, hook, "n2.dusty", good())
        .await;
    let event: NodesGranted = next(&mut granted, |_: &NodesGranted| true).await;
    assert_eq!(event.request, first.request);
    let hosts: Vec<&str> = event
        .nodes
        .iter()
        .map(|node| node.hostname.as_str())
        .collect();
    assert_eq!(hosts, ["n2.dusty"]);
    assert_eq!(system.in_state(NodeState::Quarantined).await, ["n1.dusty"]);

    // Given back it is wiped and installed again; the session does not wait for that.
    system.send(&release("s1")).await;
    system
        .eventually_in_state(NodeState::Deprovisioning, &["n2.dusty"])
        .await;
    let hook = NodeHook::Deprovision;
    system
        .carry_out(&mut orders, hook, "n2.dusty", good())
        .await;
    let hook = NodeHook::Provision;
    system
        .carry_out(&mut orders, hook, "n2.dusty", good())
        .await;
    system
        .eventually_in_state(NodeState::Ready, &["n2.dusty"])
        .await;

    // Nothing is heard of the agent: the request is refused and the node is wiped, when that attempt is over.
    let second = wanted("s2", 1);
    system.send(&second).await;
    let hook = NodeHook::Contextualize;
    let (silent, _) = system.next_order(&mut orders, hook, "n2.dusty").await;
    system.0.clock.set(NOW.plus(Duration::from_secs(131)));
    let event: AllocationRefused = next(&mut refused, |event: &AllocationRefused| {
        event.request == second.request
    })
    .await;
    let agent = "provisioner".to_owned();
    assert_eq!(event.reason, AllocationRefusal::AgentSilent { agent });
    drop(silent);
    system
        .eventually_in_state(NodeState::Deprovisioning, &["n2.dusty"])
        .await;
    assert_eq!(system.0.tasks.drain(DEADLINE).await, Drained::Clean);
}

fn cores(count: u64) -> ResourceSlots {
    let cpu = ("cpu".to_owned(), count.into());
    [cpu].into_iter().collect()
}

fn slots_wanted(containers: u32) -> AllocateSlots {
    AllocateSlots {
        request: RandomIds.next(),
        session: RandomIds.next(),
        tenant: "demo".to_owned(),
        domain: "default".to_owned(),
        owner: "AKIAEXAMPLE".to_owned(),
        scaling_group: None,
        slots: cores(1),
        containers,
        on_one_agent: false,
        not_before: None,
    }
}

impl System {
    /// The agent says that it is there.
    async fn beat(&self, agent: &str) {
        let beat = AgentBeat {
            instance: "i1".to_owned(),
            version: "1.0.0".to_owned(),
            running: 0,
            concurrency: 16,
            containers: Some(ContainerHost {
                scaling_group: "default".to_owned(),
                slots: cores(2),
                address: "127.0.0.1".to_owned(),
            }),
        };
        let body = serde_json::to_vec(&beat).unwrap();
        let client = self.0.client.client();
        let subject = AgentBeat::subject(agent);
        client.publish(subject, body.into()).await.unwrap();
    }

    async fn agent_status(&self) -> Option<AgentStatus> {
        let question = ListAgents {
            limit: 10,
            ..ListAgents::default()
        };
        let AgentPage { agents } = self.ask(&question).await;
        agents.first().map(|agent| agent.status)
    }

    /// Waits until there is one agent, and it is so; does something each time.
    async fn eventually_agent(&self, status: AgentStatus, meanwhile: impl AsyncFn()) {
        let look = async || {
            meanwhile().await;
            (self.agent_status().await == Some(status)).then_some(())
        };
        eventually(DEADLINE, "the agent's status", look)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn slots_of_agents_go_out_and_come_back_and_are_lost() {
    let system = System::start().await;
    let client = system.0.client.client();
    let subject = |fact: &str| format!("muster.evt.node-allocation.v1.demo.slots.{fact}");
    let mut granted = client.subscribe(subject("granted")).await.unwrap();
    let mut queued = client.subscribe(subject("queued")).await.unwrap();
    let mut lost = client.subscribe(subject("lost")).await.unwrap();
    client.flush().await.unwrap();

    let (first, second) = (slots_wanted(2), slots_wanted(1));
    assert_eq!(system.send(&first).await, Outcome::Done(()));
    let event: SlotsQueued = next(&mut queued, |event: &SlotsQueued| {
        event.session == first.session
    })
    .await;
    assert_eq!(event.reason, WaitingReason::NoAgents);
    let beat = async || system.beat("a1").await;
    system.eventually_agent(AgentStatus::Alive, beat).await;
    let event: SlotsGranted = next(&mut granted, |event: &SlotsGranted| {
        event.session == first.session
    })
    .await;
    assert_eq!((event.request, event.leases.len()), (first.request, 2));
    assert!(event.leases.iter().all(|lease| lease.agent == "a1"));

    system.send(&second).await;
    let event: SlotsQueued = next(&mut queued, |event: &SlotsQueued| {
        event.session == second.session
    })
    .await;
    assert_eq!(event.reason, WaitingReason::NoRoom);
    let end = ReleaseSlots {
        session: first.session,
        tenant: "demo".to_owned(),
    };
    assert_eq!(system.send(&end).await, Outcome::Done(()));
    next(&mut granted, |event: &SlotsGranted| {
        event.session == second.session
    })
    .await;

    // Half a minute passes at each look. Were it more than the service allows between two of its own, it would not be sure that
    // it has missed no beat.
    let time_passes = async || system.0.clock.advance(Duration::from_secs(30));
    system
        .eventually_agent(AgentStatus::Lost, time_passes)
        .await;
    let event: SlotsLost = next(&mut lost, |event: &SlotsLost| {
        event.session == second.session
    })
    .await;
    assert_eq!(event.agent, "a1");
    system.eventually_agent(AgentStatus::Alive, beat).await;
}
