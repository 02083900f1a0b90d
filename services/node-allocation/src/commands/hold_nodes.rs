//! Keeps the nodes of sessions for a look.

use std::collections::{BTreeSet, HashSet};

use muster_contract::node_allocation::{HoldNodes, NodesHeld};
use muster_messaging::{Effects, HandleCommand, HandlerError, OutcomeOf, Request};
use muster_storage::{StorageError, Transaction};

use super::{
    all_done, now,
    release_nodes::end_of_sessions,
    serving::serve_all,
    told::{Answer, Told, emit},
};
use crate::store::{fences::fence, lock, release::hold, session_nodes::held_nodes};

/// Takes [`HoldNodes`].
pub(crate) struct HoldNodesHandler;

impl HandleCommand<HoldNodes> for HoldNodesHandler {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<HoldNodes>],
        effects: &mut Effects,
    ) -> Result<Vec<OutcomeOf<HoldNodes>>, HandlerError> {
        let commands: Vec<&HoldNodes> = requests.iter().map(|request| &request.body).collect();
        let told = hold_nodes(transaction, now(requests), &commands).await?;
        emit(effects, requests, told)?;
        Ok(all_done(requests))
    }
}

/// What is to be told: what is held, and what comes of it that these sessions wait no more.
pub(crate) async fn hold_nodes(
    transaction: &mut Transaction,
    now: i64,
    commands: &[&HoldNodes],
) -> Result<Vec<Told>, StorageError> {
    lock(transaction).await?;
    let sessions: BTreeSet<&str> = commands
        .iter()
        .map(|command| command.session.as_str())
        .collect();
    let fences = sessions.iter().map(|session| (*session).to_owned());
    fence(transaction, now, fences).await?;
    let closed: HashSet<&str> = sessions.iter().copied().collect();
    let nodes = held_nodes(transaction, sessions).await?;
    hold(transaction, now, &nodes).await?;
    let mut told: Vec<Told> = commands
        .iter()
        .enumerate()
        .map(|(place, command)| {
            let held = nodes.iter().filter(|node| node.session == command.session);
            let event = NodesHeld {
                request: command.request,
                session: command.session.clone(),
                tenant: command.tenant.clone(),
                nodes: held.map(|node| node.id).collect(),
            };
            Told::of(place, Answer::Held(event))
        })
        .collect();
    told.extend(end_of_sessions(transaction, &closed).await?);
    told.extend(serve_all(transaction, now, &[]).await?);
    Ok(told)
}

#[cfg(test)]
mod tests;
