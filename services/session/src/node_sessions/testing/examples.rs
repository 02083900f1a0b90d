//! Commands and events of the tests of node sessions, and what is looked at of what is said.

use std::time::Duration;

use muster_contract::{
    Principal, Role,
    agent::{HookResult, RunSessionHook, SessionHookFinished},
    node_allocation::{LeasedNode, NodeDemand, NodeSelector, NodesGranted, NodesReleased},
    session::{
        CloseNodeSession, GrowNodeSession, HoldNodeSession, ListNodeSessions, OpenNodeSession,
        SessionReference, ShrinkNodeSession,
    },
};
use uuid::Uuid;

use crate::{
    node_sessions::saying::{Saying, Settlement},
    testing::principal,
};

/// Any time that looks like one: microseconds since 1970 UTC.
pub(crate) const NOON: i64 = 1_675_944_000_000_000;
/// A second.
pub(crate) const SECOND: i64 = 1_000_000;
/// An hour.
pub(crate) const HOUR: i64 = 3_600 * SECOND;
/// Life of the nodes of [`lease`], in seconds, and how long it may be at most.
pub(crate) const LIFETIME: i64 = 6 * 3_600;
const MAXIMUM_LIFETIME: i64 = 12 * 3_600;

/// The longest that an attempt of a hook may take.
pub(crate) const HOOK_LIMIT: Duration = Duration::from_mins(2);
/// The agent that runs the hooks.
pub(crate) const AGENT: &str = "network";

/// A user of the tenant `wired`, whose sessions are set up and torn down.
pub(crate) fn carol() -> Principal {
    principal("carol", "wired", &[Role::User])
}

/// A session without anything.
pub(crate) fn opening() -> OpenNodeSession {
    OpenNodeSession {
        alias: None,
        demands: vec![],
        wait_until: None,
        job: None,
        rate: None,
    }
}

/// One of that name.
pub(crate) fn named(alias: &str) -> OpenNodeSession {
    OpenNodeSession {
        alias: Some(alias.to_owned()),
        ..opening()
    }
}

/// One with a node.
pub(crate) fn opening_with_node() -> OpenNodeSession {
    OpenNodeSession {
        demands: vec![demand()],
        ..opening()
    }
}

/// A reference by id or alias.
pub(crate) fn by_name(name: &str) -> SessionReference {
    SessionReference::Name(name.to_owned())
}

pub(crate) fn growing(name: &str) -> GrowNodeSession {
    GrowNodeSession {
        session: by_name(name),
        demands: vec![demand()],
        wait_until: None,
    }
}

pub(crate) fn shrinking(name: &str, hostname: &str) -> ShrinkNodeSession {
    ShrinkNodeSession {
        session: by_name(name),
        hostname: hostname.to_owned(),
    }
}

/// For six hours more, with at most so many nodes held.
pub(crate) fn holding(name: &str, held_nodes_limit: Option<u32>) -> HoldNodeSession {
    HoldNodeSession {
        session: by_name(name),
        held_nodes_limit,
        prolonged_by: LIFETIME,
    }
}

pub(crate) fn closing(name: &str) -> CloseNodeSession {
    CloseNodeSession {
        session: by_name(name),
    }
}

/// One node of a pool.
pub(crate) fn demand() -> NodeDemand {
    NodeDemand {
        selector: NodeSelector::Pool {
            name: "metal".to_owned(),
        },
        minimum: 1,
        maximum: 1,
        excluded_hosts: vec![],
    }
}

/// The first lease of a node whose pool has [`LIFETIME`].
pub(crate) fn lease(id: i64) -> LeasedNode {
    LeasedNode {
        id,
        hostname: format!("n{id}.dusty"),
        ip_address: format!("192.0.2.{id}"),
        pool: "metal".to_owned(),
        generation: 1,
        lifetime: Some(LIFETIME),
        maximum_lifetime: Some(MAXIMUM_LIFETIME),
    }
}

/// A lease of a node whose sessions never end by themselves.
pub(crate) fn endless(id: i64) -> LeasedNode {
    LeasedNode {
        lifetime: None,
        maximum_lifetime: None,
        pool: "cloud".to_owned(),
        ..lease(id)
    }
}

pub(crate) fn grant(request: Uuid, session: &str, nodes: &[LeasedNode]) -> NodesGranted {
    NodesGranted {
        request,
        session: session.to_owned(),
        tenant: "demo".to_owned(),
        nodes: nodes.to_vec(),
    }
}

pub(crate) fn release(request: Uuid, session: &str) -> NodesReleased {
    NodesReleased {
        request,
        session: session.to_owned(),
        tenant: "demo".to_owned(),
        nodes: vec![],
    }
}

/// What node allocation is asked for: request and session.
pub(crate) fn asked(said: &[Saying]) -> Vec<(Uuid, String)> {
    said.iter()
        .filter_map(|saying| match saying {
            Saying::Allocate(command) => Some((command.request, command.session.clone())),
            Saying::Release(command) => Some((command.request, command.session.clone())),
            Saying::Hold(command) => Some((command.request, command.session.clone())),
            _ => None,
        })
        .collect()
}

/// What agents are told to do.
pub(crate) fn ordered(said: &[Saying]) -> Vec<RunSessionHook> {
    said.iter()
        .filter_map(|saying| match saying {
            Saying::Order(agent, order) => {
                assert_eq!(agent, AGENT);
                Some(order.clone())
            }
            _ => None,
        })
        .collect()
}

/// The agent has done it.
pub(crate) fn success(order: &RunSessionHook) -> (&'static str, SessionHookFinished) {
    let order = order.order;
    let result = HookResult::Succeeded;
    (AGENT, SessionHookFinished { order, result })
}

/// The agent could not do it.
pub(crate) fn failure(order: &RunSessionHook, reason: &str) -> (&'static str, SessionHookFinished) {
    let order = order.order;
    let reason = reason.to_owned();
    let result = HookResult::Failed { reason };
    (AGENT, SessionHookFinished { order, result })
}

/// What is told to whoever waits.
pub(crate) fn settled(said: &[Saying]) -> Vec<(Uuid, Settlement)> {
    said.iter()
        .filter_map(|saying| match saying {
            Saying::Settle(command, settlement) => Some((*command, settlement.clone())),
            _ => None,
        })
        .collect()
}

/// The question for all sessions.
pub(crate) fn everything() -> ListNodeSessions {
    ListNodeSessions {
        limit: 500,
        ..ListNodeSessions::default()
    }
}
