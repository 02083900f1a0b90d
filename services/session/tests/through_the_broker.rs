//! Hooks of sessions as the service runs them: orders to an agent through a real broker, its reports back.

#![cfg(test)]

use std::{path::Path, time::Duration};

use futures_util::StreamExt;
use muster_contract::{
    Command, Message, Outcome, Principal, Role, Service,
    agent::{HookResult, RunSessionHook, SessionHook, SessionHookFinished},
    session::{
        CloseNodeSession, ListNodeSessions, NodeSession, NodeSessionState,
        NodeSessionTearDownFailed, OpenNodeSession, OpenNodeSessionRefusal, SessionHookState,
        SessionReference,
    },
    subject,
};
use muster_messaging::{Orders, OutcomeOf};
use muster_platform::{Shutdown, Site, Timestamp, settings::SessionSettings};
use muster_session::{MIGRATIONS, SiteSessionHooks, start};
use muster_testkit::{DEADLINE, ServiceWorld};

const NOW: Timestamp = Timestamp::from_seconds(1_763_800_000);

const SITE: &str = r#"
[[agent]]
name = "network"
[[project]]
name = "wired"
session_hooks = { agent = "network", set_up = "2m", tear_down = "5m", attempts = 2 }
[[project]]
name = "plain"
"#;

struct System(ServiceWorld);

impl System {
    async fn start() -> (Self, Orders) {
        let site = Site::parse(SITE, Path::new("site.toml")).unwrap();
        let hooks = SiteSessionHooks::of_site(&site);
        let service = async |foundation, tasks: &Shutdown| {
            start(foundation, hooks, &SessionSettings::default(), tasks).await
        };
        let world = ServiceWorld::start(Service::Session, &MIGRATIONS, &["network"], NOW, service);
        let world = world.await.unwrap();
        let orders = world.orders("network").await.unwrap();
        (Self(world), orders)
    }

    async fn send<C: Command>(&self, project: &str, command: &C) -> OutcomeOf<C> {
        self.0.send(&user(project), command).await.unwrap()
    }

    async fn session(&self, id: &str) -> NodeSession {
        let question = ListNodeSessions {
            session: Some(SessionReference::Name(id.to_owned())),
            limit: 1,
            ..ListNodeSessions::default()
        };
        match self.0.ask(&user("any"), &question).await.unwrap() {
            Outcome::Done(mut page) => page.sessions.pop().unwrap(),
            Outcome::Refused(never) => match never {},
        }
    }

    /// Carries the next order out like that; returns it.
    async fn carry_out(&self, orders: &mut Orders, result: HookResult) -> RunSessionHook {
        let next = tokio::time::timeout(DEADLINE, orders.next()).await;
        let at_hand = next.unwrap().unwrap();
        assert_eq!(at_hand.schema(), RunSessionHook::schema());
        let order: RunSessionHook = at_hand.decode().unwrap();
        let report = SessionHookFinished {
            order: order.order,
            result,
        };
        at_hand
            .report(&report, &self.0.tasks.token())
            .await
            .unwrap();
        order
    }
}

fn user(project: &str) -> Principal {
    Principal {
        name: "user".to_owned(),
        domain: "default".to_owned(),
        project: project.to_owned(),
        roles: vec![Role::User],
    }
}

fn open() -> OpenNodeSession {
    OpenNodeSession {
        alias: None,
        demands: vec![],
        wait_until: None,
        job: None,
        rate: None,
    }
}

fn failed(reason: &str) -> HookResult {
    HookResult::Failed {
        reason: reason.to_owned(),
    }
}

#[tokio::test]
async fn an_agent_sets_sessions_up_and_tears_them_down() {
    let (system, mut orders) = System::start().await;
    let client = system.0.client.client();
    let name = NodeSessionTearDownFailed::NAME;
    let subject = subject::event("session", 1, "wired", name);
    let mut given_up = client.subscribe(subject).await.unwrap();
    client.flush().await.unwrap();

    // Without hooks nobody is waited for.
    let plain = system.send("plain", &open()).await;
    assert!(matches!(plain, Outcome::Done(session) if session.set_up.is_none()));

    let opening = open();
    let (opened, order) = tokio::join!(
        system.send("wired", &opening),
        system.carry_out(&mut orders, HookResult::Succeeded),
    );
    let Outcome::Done(session) = opened else {
        panic!("{opened:?}")
    };
    assert_eq!(session.state, NodeSessionState::Active);
    assert_eq!(
        (order.hook, order.session.id),
        (SessionHook::SetUp, session.id.clone())
    );
    assert_eq!(order.deadline, NOW.plus(Duration::from_mins(2)).as_micros());

    // The close does not wait for the agent, which fails twice.
    let reference = SessionReference::Name(session.id.clone());
    let closed = system
        .send("wired", &CloseNodeSession { session: reference })
        .await;
    assert!(matches!(closed, Outcome::Done(session) if session.state == NodeSessionState::Closed));
    let order = system.carry_out(&mut orders, failed("busy")).await;
    assert_eq!((order.hook, order.attempt), (SessionHook::TearDown, 1));
    let id = session.id.as_str();
    muster_testkit::eventually(DEADLINE, "the failure to be known", async || {
        let status = system.session(id).await.tear_down?;
        (status.state == SessionHookState::Waiting).then_some(())
    })
    .await
    .unwrap();
    system.0.clock.advance(Duration::from_mins(1));
    let order = system.carry_out(&mut orders, failed("still busy")).await;
    assert_eq!(order.attempt, 2);
    let event = tokio::time::timeout(DEADLINE, given_up.next()).await;
    let event = event.unwrap().unwrap().payload;
    let event: NodeSessionTearDownFailed = serde_json::from_slice(&event).unwrap();
    assert_eq!((event.session.as_str(), event.attempts), (id, 2));
    let status = system.session(id).await.tear_down.unwrap();
    assert_eq!(status.state, SessionHookState::Failed);
    assert_eq!(status.reason.as_deref(), Some("still busy"));
}

#[tokio::test]
async fn a_session_that_cannot_be_set_up_is_refused_and_a_silent_agent_is_not_waited_for() {
    let (system, mut orders) = System::start().await;
    let opening = open();
    let (refused, _) = tokio::join!(
        system.send("wired", &opening),
        system.carry_out(&mut orders, failed("no VLAN left")),
    );
    let reason = "no VLAN left".to_owned();
    assert_eq!(
        refused,
        Outcome::Refused(OpenNodeSessionRefusal::SetUpFailed { reason })
    );
    let order = system.carry_out(&mut orders, HookResult::Succeeded).await;
    assert_eq!(order.hook, SessionHook::TearDown);

    let silence = async {
        let next = tokio::time::timeout(DEADLINE, orders.next()).await;
        // It is at work for ever.
        let at_hand = next.unwrap().unwrap();
        system.0.clock.advance(Duration::from_secs(131));
        at_hand
    };
    let (refused, at_hand) = tokio::join!(system.send("wired", &opening), silence);
    let reason = "agent \"network\" has not answered".to_owned();
    assert_eq!(
        refused,
        Outcome::Refused(OpenNodeSessionRefusal::SetUpFailed { reason })
    );
    drop(at_hand);
}
