//! What the tests of slots share.

use std::collections::HashMap;

use muster_contract::{
    ResourceSlots,
    agent::{AgentBeat, ContainerHost},
    node_allocation::{
        Agent, AgentStatus, AllocateSlots, ListAgents, ReleaseSlots, SlotsRefusal, WaitingReason,
    },
};
use muster_platform::{Site, slot_amount};
use muster_storage::Database;
use uuid::Uuid;

use super::{
    SiteSlots,
    commands::{allocate_slots::allocate_slots, release_slots::release_slots},
    domain::beat::KnownAgent,
    periodic::{lost_agents::lose_silent, slot_queue::serve_due},
    serving::serve_waiting,
    signals::agent_beat::hear_beats,
    store::list_agents::list_agents,
    told::{Answer, Told},
};
use crate::testing::{NOW, SECOND};

/// That an agent is still there is noted so often, in these tests.
pub(crate) const REFRESH: i64 = 4 * SECOND;

/// Amounts such as `cpu=2,mem=4g`.
pub(crate) fn slots(text: &str) -> ResourceSlots {
    let pairs = text.split(',').filter(|pair| !pair.is_empty());
    let amount = |pair: &str| {
        let (slot, amount) = pair.split_once('=').unwrap();
        (slot.to_owned(), slot_amount(slot, amount).unwrap())
    };
    pairs.map(amount).collect()
}

/// The session with that number.
pub(crate) fn session(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// The request of the session with that number.
fn request(number: u128) -> Uuid {
    Uuid::from_u128(1_000_000 + number)
}

/// A session of `alice` in `demo` that wants one container.
pub(crate) fn wanted(number: u128, each: &str) -> AllocateSlots {
    AllocateSlots {
        request: request(number),
        session: session(number),
        tenant: "demo".to_owned(),
        domain: "default".to_owned(),
        owner: "alice".to_owned(),
        scaling_group: None,
        slots: slots(each),
        containers: 1,
        on_one_agent: false,
        not_before: None,
    }
}

/// One that wants so many.
pub(crate) fn cluster(number: u128, each: &str, containers: u32) -> AllocateSlots {
    AllocateSlots {
        containers,
        ..wanted(number, each)
    }
}

/// One of that owner.
pub(crate) fn of_owner(owner: &str, command: AllocateSlots) -> AllocateSlots {
    AllocateSlots {
        owner: owner.to_owned(),
        ..command
    }
}

/// What was told of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    Granted(Vec<String>),
    Queued(WaitingReason),
    Refused(SlotsRefusal),
    Lost(String),
}

/// It got slots on these agents.
pub(crate) fn got(number: u128, agents: &[&str]) -> (u128, End) {
    let agents = agents.iter().map(|agent| (*agent).to_owned());
    (number, End::Granted(agents.collect()))
}

/// It waits.
pub(crate) fn queued(number: u128, reason: WaitingReason) -> (u128, End) {
    (number, End::Queued(reason))
}

/// It gets none.
pub(crate) fn refused(number: u128, reason: SlotsRefusal) -> (u128, End) {
    (number, End::Refused(reason))
}

/// What it had there is lost.
pub(crate) fn lost(number: u128, agent: &str) -> (u128, End) {
    (number, End::Lost(agent.to_owned()))
}

fn ends(told: Vec<Told>) -> Vec<(u128, End)> {
    let end = |told: Told| match told.event {
        Answer::Granted(event) => {
            assert_eq!(event.request, request(event.session.as_u128()));
            let agents = event.leases.into_iter().map(|lease| lease.agent);
            (event.session.as_u128(), End::Granted(agents.collect()))
        }
        Answer::Queued(event) => (event.session.as_u128(), End::Queued(event.reason)),
        Answer::Refused(event) => (event.session.as_u128(), End::Refused(event.reason)),
        Answer::Lost(event) => (event.session.as_u128(), End::Lost(event.agent)),
    };
    told.into_iter().map(end).collect()
}

/// Runs something in a transaction, at a time.
macro_rules! in_transaction {
    ($database:expr, |$transaction:ident| $work:expr) => {{
        let mut transaction = $database.begin().await.unwrap();
        let $transaction = &mut transaction;
        let result = $work.await.unwrap();
        transaction.commit().await.unwrap();
        result
    }};
}

/// Carries out requests in one transaction.
pub(crate) async fn allocate_at(
    database: &Database,
    now: i64,
    commands: &[AllocateSlots],
) -> Vec<(u128, End)> {
    let commands: Vec<&AllocateSlots> = commands.iter().collect();
    ends(in_transaction!(database, |transaction| allocate_slots(
        transaction,
        now,
        &commands
    )))
}

/// The same now.
pub(crate) async fn allocate(database: &Database, commands: &[AllocateSlots]) -> Vec<(u128, End)> {
    allocate_at(database, NOW, commands).await
}

/// Gives back what these sessions have, in one transaction.
pub(crate) async fn release(database: &Database, numbers: &[u128]) -> Vec<(u128, End)> {
    let commands: Vec<ReleaseSlots> = numbers
        .iter()
        .map(|number| ReleaseSlots {
            session: session(*number),
            tenant: "demo".to_owned(),
        })
        .collect();
    let commands: Vec<&ReleaseSlots> = commands.iter().collect();
    ends(in_transaction!(database, |transaction| release_slots(
        transaction,
        NOW,
        &commands
    )))
}

/// A beat of an agent of a group.
pub(crate) fn beat_of(scaling_group: &str, slots_text: &str) -> AgentBeat {
    AgentBeat {
        instance: "i1".to_owned(),
        version: "1.0.0".to_owned(),
        running: 0,
        concurrency: 16,
        containers: Some(ContainerHost {
            scaling_group: scaling_group.to_owned(),
            slots: slots(slots_text),
            address: "127.0.0.1".to_owned(),
        }),
    }
}

/// Beats of agents, given as (name, group, slots).
pub(crate) async fn beats(
    database: &Database,
    now: i64,
    agents: &[(&str, &str, &str)],
) -> Vec<(u128, End)> {
    let known = agents.iter().map(|(name, group, slots)| {
        KnownAgent::of_beat(name, &beat_of(group, slots), now).unwrap()
    });
    let known: Vec<KnownAgent> = known.collect();
    ends(in_transaction!(database, |transaction| hear_beats(
        transaction,
        now,
        known,
        REFRESH
    )))
}

/// Agents of the default group, given as (name, slots), are there.
pub(crate) async fn agents(database: &Database, agents: &[(&str, &str)]) -> Vec<(u128, End)> {
    let agents = agents
        .iter()
        .map(|(name, slots)| (*name, "default", *slots));
    let agents: Vec<(&str, &str, &str)> = agents.collect();
    beats(database, NOW, &agents).await
}

/// Takes agents for lost that have been silent since then, so many at most.
pub(crate) async fn lose(
    database: &Database,
    silent_since: i64,
    limit: i64,
) -> (Vec<(u128, End)>, bool) {
    let (told, more) = in_transaction!(database, |transaction| lose_silent(
        transaction,
        NOW,
        silent_since,
        limit
    ));
    (ends(told), more)
}

/// Serves whoever's time has come.
pub(crate) async fn due(database: &Database, now: i64, sweep: bool) -> Vec<(u128, End)> {
    ends(in_transaction!(database, |transaction| serve_due(
        transaction,
        now,
        sweep
    )))
}

/// Applies a site; it has the project `demo` anyway.
pub(crate) async fn apply(database: &Database, text: &str) {
    let text = if text.contains("[[project]]") {
        text.to_owned()
    } else {
        format!("[[project]]\nname = \"demo\"\n{text}")
    };
    let site = Site::parse(&text, std::path::Path::new("site.toml")).unwrap();
    SiteSlots::of_site(&site).apply(database).await.unwrap();
}

/// All agents.
pub(crate) async fn known_agents(database: &Database) -> Vec<Agent> {
    let question = ListAgents {
        limit: 100,
        ..ListAgents::default()
    };
    list_agents(database, &question).await.unwrap()
}

/// What sessions have of an agent.
pub(crate) async fn occupied(database: &Database, name: &str) -> ResourceSlots {
    let mut agents = known_agents(database).await.into_iter();
    agents.find(|agent| agent.name == name).unwrap().occupied
}

/// Checks that no agent has given more than it has, that nobody has more than the quota, and that nobody waits who could have slots.
pub(crate) async fn check_slots(database: &Database) {
    let all = known_agents(database).await;
    for agent in &all {
        assert!(agent.occupied.fits_in(&agent.available), "{agent:?}");
        assert!(
            agent.status == AgentStatus::Alive || agent.occupied == ResourceSlots::default(),
            "{agent:?}"
        );
    }
    for (column, scope) in [
        ("owner", "keypair"),
        ("tenant", "group"),
        ("domain", "domain"),
    ] {
        check_quotas(database, column, scope).await;
    }
    let mut transaction = database.begin().await.unwrap();
    let told = serve_waiting(&mut transaction, NOW).await.unwrap();
    let got: Vec<&Told> = told
        .iter()
        .filter(|told| matches!(told.event, Answer::Granted(_)))
        .collect();
    assert!(got.is_empty(), "{got:?}");
    transaction.rollback().await.unwrap();
}

async fn check_quotas(database: &Database, column: &str, scope: &str) {
    let sql = match column {
        "owner" => "SELECT owner, session, slots FROM slot_lease WHERE ended_at IS NULL",
        "tenant" => "SELECT tenant, session, slots FROM slot_lease WHERE ended_at IS NULL",
        _ => "SELECT domain, session, slots FROM slot_lease WHERE ended_at IS NULL",
    };
    let rows: Vec<(String, String, String)> = database.fetch_all(sql, &[]).await.unwrap();
    let mut used: HashMap<String, (Vec<String>, ResourceSlots)> = HashMap::new();
    for (name, session, slots) in rows {
        let (sessions, sum) = used.entry(name).or_default();
        if !sessions.contains(&session) {
            sessions.push(session);
        }
        *sum = sum.plus(&serde_json::from_str(&slots).unwrap());
    }
    let quotas: Vec<(String, Option<i64>, String)> = database
        .fetch_all(
            "SELECT name, sessions, slots FROM slot_quota WHERE scope = $1",
            &[scope.into()],
        )
        .await
        .unwrap();
    for (name, sessions, limits) in quotas {
        let (has, sum) = used.remove(&name).unwrap_or_default();
        let count = i64::try_from(has.len()).unwrap();
        assert!(sessions.is_none_or(|most| count <= most), "{scope} {name}");
        let limits: ResourceSlots = serde_json::from_str(&limits).unwrap();
        for (slot, most) in limits.iter() {
            assert!(sum.get(slot) <= most, "{scope} {name}: {slot}");
        }
    }
}
