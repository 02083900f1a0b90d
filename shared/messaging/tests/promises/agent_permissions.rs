//! With the permissions made from the contract an agent can take its orders and report, and nothing else.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};
use std::time::Duration;

use futures_util::StreamExt as _;
use muster_contract::{
    Outcome, Part, Report as _, Service,
    agent::{HookResult, HookedNode, NodeHook, NodeHookFinished, RunNodeHook},
    dead_letters::{DeadLetterFilter, DeadLetterId},
    node_allocation::{DiscardDeadLetter, ListDeadLetters, ReplayDeadLetter},
    subject,
    topology::Limits,
};
use muster_messaging::{
    AgentBroker, AgentBrokerOptions, Context, Effects, HandlerError, Periodic, Reported,
    ServiceBuilder, TakeReport, topology,
};
use muster_platform::{Health, Shutdown};
use muster_storage::Transaction;
use muster_testkit::{DEADLINE, eventually};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    common::{
        Engine, World,
        handlers::Steering,
        ingress::{PATIENCE, new_id},
        keys::{Keys, foundation},
        on_both_databases,
        probe::Probe,
    },
    permissions::STREAMS,
};

on_both_databases!(an_agent_can_do_its_work);

const AGENT: &str = "n1.dusty";

/// Gives one order.
#[derive(Default)]
struct GivingOne(AtomicBool);

impl Periodic for GivingOne {
    async fn run(
        &self,
        _transaction: &mut Transaction,
        cause: &Context,
        effects: &mut Effects,
    ) -> Result<bool, HandlerError> {
        if !self.0.swap(true, Ordering::SeqCst) {
            let order = RunNodeHook {
                order: Uuid::from_u128(1),
                hook: NodeHook::Provision,
                attempt: 1,
                deadline: i64::MAX,
                node: HookedNode {
                    hostname: AGENT.to_owned(),
                    ip_address: String::new(),
                    pool: "metal".to_owned(),
                    version: "7".to_owned(),
                    architecture: "x86_64".to_owned(),
                    flavor: None,
                    generation: 0,
                },
                session: None,
                tenant: None,
            };
            effects.order(cause, AGENT, &order)?;
        }
        Ok(false)
    }
}

/// Takes reports once it is repaired.
#[derive(Clone)]
struct Taking(Steering, Arc<Mutex<Vec<Reported<NodeHookFinished>>>>);

impl TakeReport<NodeHookFinished> for Taking {
    async fn take(
        &self,
        _transaction: &mut Transaction,
        reports: &[Reported<NodeHookFinished>],
        _effects: &mut Effects,
    ) -> Result<(), HandlerError> {
        if !self.0.is_repaired() {
            return Err(HandlerError::Permanent("on purpose".to_owned()));
        }
        self.1.lock().unwrap().extend_from_slice(reports);
        Ok(())
    }
}

async fn an_agent_can_do_its_work(engine: Engine) {
    let keys = Keys::new();
    let world = World::around(keys.server().await, engine, Limits::default()).await;
    let operator = keys.client(&world, Part::Operator).await;
    let agents = [AGENT.to_owned()];
    topology::apply(&operator.broker, &world.limits, &agents)
        .await
        .unwrap();
    let (health, shutdown) = (Health::new(), Shutdown::new());
    let taking = Taking(world.steering.clone(), Arc::default());
    let foundation = foundation(&world, &keys, Service::NodeAllocation, &health).await;
    let _running = ServiceBuilder::new(Service::NodeAllocation, foundation)
        .periodic("orders", Duration::from_hours(1), GivingOne::default())
        .report::<NodeHookFinished>(taking.clone())
        .dead_letters::<ListDeadLetters, ReplayDeadLetter, DiscardDeadLetter>()
        .run(&shutdown)
        .await
        .unwrap();

    let mut beats = operator
        .broker
        .client()
        .subscribe("muster.agt.*.beat")
        .await
        .unwrap();
    operator.broker.client().flush().await.unwrap();
    let agent = AgentBroker::connect(AgentBrokerOptions {
        url: world.nats.url(),
        agent: AGENT.to_owned(),
        key_seed: Some(keys.agents_seed(AGENT)),
        connect_deadline: DEADLINE,
    })
    .await
    .unwrap();
    agent.beat(&"alive").await;
    let beat = tokio::time::timeout(DEADLINE, beats.next()).await;
    let beat = beat.unwrap().unwrap();
    assert_eq!(beat.subject.as_str(), subject::signal(AGENT, "beat"));

    let stop = CancellationToken::new();
    let order = agent.orders(stop.clone()).next().await.unwrap();
    let finished = NodeHookFinished {
        order: order.decode::<RunNodeHook>().unwrap().order,
        result: HookResult::Succeeded,
    };
    order.report(&finished, &stop).await.unwrap();

    // Put aside, and taken up again by an operator: it is the agent's report still.
    let query = ListDeadLetters(DeadLetterFilter {
        after: 0,
        limit: 10,
        include_replayed: false,
    });
    let id = eventually(DEADLINE, "a dead letter", async || {
        let Outcome::Done(page) = operator.queries.ask(&query, None, PATIENCE).await.unwrap();
        page.dead_letters.first().map(|letter| letter.id)
    })
    .await
    .unwrap();
    world.steering.repair();
    let replay = ReplayDeadLetter(DeadLetterId { id });
    let replayed = operator
        .send_command(&replay, new_id(), None, PATIENCE)
        .await;
    assert!(matches!(replayed, Ok(Outcome::Done(_))), "{replayed:?}");
    let taken = eventually(DEADLINE, "the report", async || {
        taking.1.lock().unwrap().first().cloned()
    })
    .await
    .unwrap();
    assert_eq!((taken.agent.as_str(), taken.body), (AGENT, finished));
    agent.close().await;
    shutdown.drain(DEADLINE).await;
    let log = world.nats.log();
    assert!(!log.contains("Violation"), "{log}");
}

#[tokio::test]
async fn an_agent_can_do_nothing_else() {
    let keys = Keys::new();
    let server = keys.server().await;
    let mut probe = Probe::with_seed(keys.agents_seed("a"), &server).await;
    probe.cannot_publish(&STREAMS).await;
    let others = subject::encode_token(AGENT);
    let of_other = |text: &str| text.replace("OTHER", &others);
    let refused = [
        // Another's report, beat and orders; its own orders, which services give.
        NodeHookFinished::subject(AGENT),
        subject::signal(AGENT, "beat"),
        subject::order("a", "run-node-hook"),
        subject::order(AGENT, "run-node-hook"),
        subject::report("a", "unknown"),
        of_other("$JS.API.CONSUMER.INFO.MUSTER_AGENTS.OTHER"),
        of_other("$JS.API.CONSUMER.MSG.NEXT.MUSTER_AGENTS.OTHER"),
        of_other("$JS.ACK.MUSTER_AGENTS.OTHER.1.1.1.1.0"),
        of_other("$JS.ACK.hub.account.MUSTER_AGENTS.OTHER.1.1.1.1.0.random"),
        // What others told, and what they were told.
        "$JS.API.CONSUMER.MSG.NEXT.MUSTER_AGENT_REPORTS.node-allocation".to_owned(),
        "$JS.API.CONSUMER.CREATE.MUSTER_AGENT_REPORTS".to_owned(),
        "$JS.API.CONSUMER.CREATE.MUSTER_AGENTS".to_owned(),
        "$JS.API.CONSUMER.DELETE.MUSTER_AGENTS.a".to_owned(),
        "$JS.API.STREAM.INFO.MUSTER_AGENTS".to_owned(),
        "$JS.API.STREAM.MSG.GET.MUSTER_AGENTS".to_owned(),
        "$JS.API.STREAM.MSG.GET.MUSTER_AGENT_REPORTS".to_owned(),
        "$JS.API.DIRECT.GET.MUSTER_AGENTS".to_owned(),
        // What is not an agent's to say.
        subject::replayed_report("node-allocation", "a"),
        "muster.cmd.session.v1.open-node-session".to_owned(),
        "muster.qry.session.v1.list-node-sessions".to_owned(),
        "muster.evt.session.v1.demo.node-session.opened".to_owned(),
        "muster.rpl.ingress.a".to_owned(),
        "_INBOX.ingress.x".to_owned(),
    ];
    let refused: Vec<&str> = refused.iter().map(String::as_str).collect();
    probe.cannot_publish(&refused).await;
    probe
        .cannot_subscribe(&[
            ">",
            "muster.>",
            "muster.agt.>",
            "muster.agt.a.order.>",
            "muster.agt.n1%2Edusty.order.>",
            "muster.agt.*.beat",
            "_INBOX.>",
            "_INBOX.agent.>",
            "_INBOX.agent.n1%2Edusty.>",
            "muster.rpl.>",
        ])
        .await;
}
