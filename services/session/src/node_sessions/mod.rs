//! Node sessions: named stacks of nodes that grow and shrink (design §2, seed 3). This service orchestrates, node allocation
//! allocates:
//!
//! | what comes in | where it is handled |
//! |---|---|
//! | open, grow, shrink, hold, close, extend a session; whoever waited for nodes is gone | `commands/` |
//! | nodes were granted, refused, released, held; a job has stopped | `reactions/` |
//! | agents have set sessions up, or torn them down | `reactions/session_hook_finished.rs` |
//! | a session's time is over; an answer, or the word of an agent, is missed | `periodic/` |
//! | which sessions are there; what they have used | `queries/` |
//!
//! A command that needs nodes is pending until node allocation has answered; what was asked is kept in `pending_request`
//! (`asking.rs`). Every batch reads its sessions into a `Book`, changes them there by the rules in `domain/`, and writes
//! them back. What a site wants done before a session gets its nodes, and after it has given them back, is ordered of agents,
//! attempt by attempt (`domain/hook.rs`, `book/hooks.rs`); nothing waits for an agent for ever. The SQL is in `store/`.

mod asking;
mod book;
mod commands;
mod domain;
mod periodic;
mod queries;
mod reactions;
mod saying;
mod site_hooks;
mod store;
#[cfg(test)]
pub(crate) mod testing;

use std::{sync::Arc, time::Duration};

use muster_contract::{
    agent::SessionHookFinished,
    job_archive::{JobStopped, JobsDeleted},
    node_allocation::{AllocationRefused, NodesGranted, NodesHeld, NodesReleased},
    session::{
        AccountNodeSessions, CancelNodeRequest, CloseNodeSession, ExtendNodeSession,
        GrowNodeSession, HoldNodeSession, ListNodeSessions, OpenNodeSession, ShrinkNodeSession,
    },
};
use muster_messaging::{Environment, ServiceBuilder};
use muster_storage::Database;

use self::{
    commands::{
        cancel_node_request::CancelNodeRequestHandler, close_node_session::CloseNodeSessionHandler,
        extend_node_session::ExtendNodeSessionHandler, grow_node_session::GrowNodeSessionHandler,
        hold_node_session::HoldNodeSessionHandler, open_node_session::OpenNodeSessionHandler,
        shrink_node_session::ShrinkNodeSessionHandler,
    },
    periodic::{
        ask_again::AskAgain,
        expire_sessions::ExpireSessions,
        forget_stopped_jobs::{self, ForgetStoppedJobs},
        look_after_hooks::LookAfterHooks,
    },
    queries::{
        account_node_sessions::AccountNodeSessionsHandler,
        list_node_sessions::ListNodeSessionsHandler,
    },
    reactions::{
        allocation_refused::AllocationRefusedReaction, job_stopped::JobStoppedReaction,
        jobs_deleted::JobsDeletedReaction, nodes_granted::NodesGrantedReaction,
        nodes_held::NodesHeldReaction, nodes_released::NodesReleasedReaction,
        session_hook_finished::SessionHookReports,
    },
};

pub use site_hooks::SiteSessionHooks;

/// How often sessions are looked at whose time is over.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(1);

/// How often questions are looked at whose answer is missed.
const SWEEP_INTERVAL: Duration = Duration::from_secs(10);

/// How often hooks are looked at whose agents have not answered, or whose next attempt is due.
const HOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Everything that node sessions take and answer, with the hooks of the site.
pub(crate) fn register(
    builder: ServiceBuilder,
    database: &Database,
    environment: &Environment,
    hooks: SiteSessionHooks,
) -> ServiceBuilder {
    let ids = || Arc::clone(&environment.ids);
    let list = ListNodeSessionsHandler::new(database.clone());
    let account = AccountNodeSessionsHandler::new(database.clone(), environment.clock.clone());
    builder
        .begin::<OpenNodeSession>(OpenNodeSessionHandler::new(ids(), hooks))
        .begin::<GrowNodeSession>(GrowNodeSessionHandler::new(ids()))
        .begin::<ShrinkNodeSession>(ShrinkNodeSessionHandler::new(ids()))
        .begin::<HoldNodeSession>(HoldNodeSessionHandler::new(ids()))
        .begin::<CloseNodeSession>(CloseNodeSessionHandler::new(ids()))
        .begin::<ExtendNodeSession>(ExtendNodeSessionHandler::new(ids()))
        .begin::<CancelNodeRequest>(CancelNodeRequestHandler::new(ids()))
        .react::<NodesGranted>(NodesGrantedReaction::new(ids()))
        .react::<AllocationRefused>(AllocationRefusedReaction::new(ids()))
        .react::<NodesReleased>(NodesReleasedReaction::new(ids()))
        .react::<NodesHeld>(NodesHeldReaction::new(ids()))
        .react::<JobStopped>(JobStoppedReaction::new(ids()))
        .react::<JobsDeleted>(JobsDeletedReaction::new(ids()))
        .report::<SessionHookFinished>(SessionHookReports::new(ids()))
        .periodic("expiry", EXPIRY_INTERVAL, ExpireSessions::new(ids()))
        .periodic("questions", SWEEP_INTERVAL, AskAgain)
        .periodic("hooks", HOOK_INTERVAL, LookAfterHooks::new(ids()))
        .periodic(
            "stopped jobs",
            forget_stopped_jobs::INTERVAL,
            ForgetStoppedJobs,
        )
        .query::<ListNodeSessions>(list)
        .query::<AccountNodeSessions>(account)
}
