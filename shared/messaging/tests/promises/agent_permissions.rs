//! With the permissions made from the contract an agent can take its orders and report, and nothing else.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};
use std::time::Duration;

use muster_contract::{
    AgentQuestion as _, Outcome, Part, Report as _, Service, Signal as _,
    agent::{
        AgentBeat, CodeMode, CodeRefusal, ContainersUsage, ExecuteCode, HookResult, HookedNode,
        NodeHook, NodeHookFinished, RunNodeHook,
    },
    dead_letters::{DeadLetterFilter, DeadLetterId},
    node_allocation::{DiscardDeadLetter, ListDeadLetters, ReplayDeadLetter},
    subject,
    topology::Limits,
};
use muster_messaging::{
    AgentBroker, AgentBrokerOptions, Context, Effects, HandlerError, HearSignals, Heard, Periodic,
    Reported, ServiceBuilder, TakeReport, topology,
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
        ingress::{Ingress, PATIENCE, new_id},
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

/// Hears beats.
#[derive(Clone, Default)]
struct HearingBeats(Arc<Mutex<Vec<(String, AgentBeat)>>>);

impl HearSignals<AgentBeat> for HearingBeats {
    async fn hear(
        &self,
        _transaction: &mut Transaction,
        signals: &[Heard<AgentBeat>],
        _cause: &Context,
        _effects: &mut Effects,
    ) -> Result<(), HandlerError> {
        let heard = signals
            .iter()
            .map(|Heard { agent, body, .. }| (agent.clone(), body.clone()));
        self.0.lock().unwrap().extend(heard);
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
    let hearing = HearingBeats::default();
    let foundation = foundation(&world, &keys, Service::NodeAllocation, &health).await;
    let _running = ServiceBuilder::new(Service::NodeAllocation, foundation)
        .periodic("orders", Duration::from_hours(1), GivingOne::default())
        .report::<NodeHookFinished>(taking.clone())
        .signal::<AgentBeat>(hearing.clone())
        .dead_letters::<ListDeadLetters, ReplayDeadLetter, DiscardDeadLetter>()
        .run(&shutdown)
        .await
        .unwrap();

    let agent = AgentBroker::connect(AgentBrokerOptions {
        url: world.nats.url(),
        agent: AGENT.to_owned(),
        key_seed: Some(keys.agents_seed(AGENT)),
        connect_deadline: DEADLINE,
    })
    .await
    .unwrap();
    let beat = AgentBeat {
        instance: "one".to_owned(),
        version: "1".to_owned(),
        running: 0,
        concurrency: 1,
        containers: None,
    };
    let heard = eventually(DEADLINE, "a beat", async || {
        agent.signal(&beat).await;
        hearing.0.lock().unwrap().first().cloned()
    })
    .await
    .unwrap();
    assert_eq!(heard, (AGENT.to_owned(), beat));

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
    answers(&agent, &keys.client(&world, Part::Ingress).await).await;
    agent.close().await;
    shutdown.drain(DEADLINE).await;
    let log = world.nats.log();
    assert!(!log.contains("Violation"), "{log}");
}

/// The agent answers what the ingress asks it, each time.
async fn answers(agent: &AgentBroker, ingress: &Ingress) {
    let stop = CancellationToken::new();
    let mut questions = agent.questions(stop.clone());
    let answering = tokio::spawn(async move {
        while let Some(question) = questions.next().await {
            let code: ExecuteCode = question.decode().unwrap();
            assert_eq!(code.run, "run");
            let refused = Outcome::Refused(CodeRefusal::UnknownContainer);
            question.answer::<ExecuteCode>(&refused).await.unwrap();
        }
    });
    let question = ExecuteCode {
        container: Uuid::from_u128(1),
        run: "run".to_owned(),
        mode: CodeMode::Continue,
    };
    for _ in 0..3 {
        let outcome = eventually(DEADLINE, "an answer", async || {
            let asking = ingress.queries.ask_agent(AGENT, &question, PATIENCE);
            asking.await.ok()
        });
        let refused = Outcome::Refused(CodeRefusal::UnknownContainer);
        assert_eq!(outcome.await.unwrap(), refused);
    }
    stop.cancel();
    answering.await.unwrap();
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
        AgentBeat::subject(AGENT),
        ContainersUsage::subject(AGENT),
        subject::signal("a", "unknown"),
        ExecuteCode::subject("a"),
        ExecuteCode::subject(AGENT),
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
            "muster.agt.*.stat",
            "muster.agt.*.ask.>",
            "muster.agt.*.ask.execute-code",
            "muster.agt.n1%2Edusty.ask.>",
            "_INBOX.>",
            "_INBOX.agent.>",
            "_INBOX.agent.n1%2Edusty.>",
            "muster.rpl.>",
        ])
        .await;
}
