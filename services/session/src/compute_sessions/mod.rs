//! Compute sessions: containers that run an image (design §2, seed 2, `api/backendai.md` §3). This service orchestrates, node
//! allocation finds slots, agents run containers:
//!
//! | what comes in | where it is handled |
//! |---|---|
//! | create, destroy, restart, use a session | `commands/` |
//! | slots were granted, refused, lost, or have to be waited for; containers have started, or are over | `reactions/` |
//! | what containers use | `signals/` |
//! | an answer, the word of an agent, or a use of the session is missed; one that others wait for is over | `periodic/` |
//! | which sessions are there | `queries/` |
//!
//! Every batch reads its sessions into a `Book`, changes them there by the rules in `domain/session/`, which say what is to be done
//! elsewhere, and writes them back. Whoever waits for a session is kept in `compute_waiter` (`waiting.rs`) and answered when a change
//! makes it true. Nothing waits for an agent for ever. The SQL is in `store/`.

mod book;
mod commands;
mod domain;
mod periodic;
mod queries;
mod reactions;
mod saying;
mod signals;
mod store;
#[cfg(test)]
mod testing;
mod waiting;

use std::{sync::Arc, time::Duration};

use muster_contract::{
    agent::{ContainerEnded, ContainerStarted, ContainersUsage},
    node_allocation::{SlotsGranted, SlotsLost, SlotsQueued, SlotsRefused},
    session::{
        CreateComputeSession, DestroyComputeSession, FindComputeSession, ListComputeContainers,
        ListComputeSessions, MatchComputeSessions, RestartComputeSession, UseComputeSession,
    },
};
use muster_messaging::{Environment, ServiceBuilder};
use muster_storage::Database;

use self::{
    commands::{
        create_compute_session::CreateComputeSessionHandler,
        destroy_compute_session::DestroyComputeSessionHandler,
        restart_compute_session::RestartComputeSessionHandler,
        use_compute_session::UseComputeSessionHandler,
    },
    periodic::{
        answer_late::AnswerLate,
        begin_dependents::BeginDependents,
        forget_sessions::{self, ForgetSessions},
        look_after_sessions::LookAfterSessions,
    },
    queries::{
        find_compute_session::FindComputeSessionHandler,
        list_compute_containers::ListComputeContainersHandler,
        list_compute_sessions::ListComputeSessionsHandler,
        match_compute_sessions::MatchComputeSessionsHandler,
    },
    reactions::{
        container_ended::ContainerEndedReports, container_started::ContainerStartedReports,
        slots_granted::SlotsGrantedReaction, slots_lost::SlotsLostReaction,
        slots_queued::SlotsQueuedReaction, slots_refused::SlotsRefusedReaction,
    },
    signals::containers_usage::ContainersUsageHearer,
};

pub(crate) use domain::limits::ComputeLimits;

/// How often sessions are looked at of which nothing is heard.
const DUE_INTERVAL: Duration = Duration::from_secs(1);

/// How often those are looked for who wanted to wait no longer.
const LATE_INTERVAL: Duration = Duration::from_millis(500);

/// Everything that compute sessions take and answer.
pub(crate) fn register(
    builder: ServiceBuilder,
    database: &Database,
    environment: &Environment,
    limits: ComputeLimits,
) -> ServiceBuilder {
    let ids = || Arc::clone(&environment.ids);
    let database = || database.clone();
    builder
        .begin::<CreateComputeSession>(CreateComputeSessionHandler::new(ids(), limits))
        .begin::<DestroyComputeSession>(DestroyComputeSessionHandler::new(ids(), limits))
        .begin::<RestartComputeSession>(RestartComputeSessionHandler::new(ids(), limits))
        .begin::<UseComputeSession>(UseComputeSessionHandler::new(ids(), limits))
        .react::<SlotsGranted>(SlotsGrantedReaction::new(ids(), limits))
        .react::<SlotsQueued>(SlotsQueuedReaction::new(ids(), limits))
        .react::<SlotsRefused>(SlotsRefusedReaction::new(ids(), limits))
        .react::<SlotsLost>(SlotsLostReaction::new(ids(), limits))
        .report::<ContainerStarted>(ContainerStartedReports::new(ids(), limits))
        .report::<ContainerEnded>(ContainerEndedReports::new(ids(), limits))
        .signal::<ContainersUsage>(ContainersUsageHearer)
        .periodic(
            "compute sessions",
            DUE_INTERVAL,
            LookAfterSessions::new(ids(), limits),
        )
        .periodic(
            "waiting for compute sessions",
            LATE_INTERVAL,
            AnswerLate::new(ids(), limits),
        )
        .periodic(
            "dependent compute sessions",
            DUE_INTERVAL,
            BeginDependents::new(ids(), limits),
        )
        .periodic(
            "finished compute sessions",
            forget_sessions::INTERVAL,
            ForgetSessions::new(ids(), limits),
        )
        .query::<FindComputeSession>(FindComputeSessionHandler::new(database()))
        .query::<MatchComputeSessions>(MatchComputeSessionsHandler::new(database()))
        .query::<ListComputeSessions>(ListComputeSessionsHandler::new(database()))
        .query::<ListComputeContainers>(ListComputeContainersHandler::new(database()))
}
