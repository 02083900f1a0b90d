//! Takes nodes back from sessions.

use std::collections::{BTreeSet, HashSet};

use muster_contract::node_allocation::{AllocationRefusal, NodesReleased, ReleaseNodes};
use muster_messaging::{Effects, HandleCommand, HandlerError, OutcomeOf, Request};
use muster_storage::{StorageError, Transaction};

use super::{
    all_done, now,
    serving::{end_waiting, serve_all},
    told::{Answer, Told, emit},
};
use crate::{
    domain::releasing::{HeldNode, Release, plan},
    store::{fences::fence, lock, release::release, session_nodes::held_nodes},
};

/// Takes [`ReleaseNodes`].
pub(crate) struct ReleaseNodesHandler;

impl HandleCommand<ReleaseNodes> for ReleaseNodesHandler {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<ReleaseNodes>],
        effects: &mut Effects,
    ) -> Result<Vec<OutcomeOf<ReleaseNodes>>, HandlerError> {
        let commands: Vec<&ReleaseNodes> = requests.iter().map(|request| &request.body).collect();
        let told = release_nodes(transaction, now(requests), &commands).await?;
        emit(effects, requests, told)?;
        Ok(all_done(requests))
    }
}

/// What is to be told: what was given back, who of those that waited ended, who of them got the nodes.
pub(crate) async fn release_nodes(
    transaction: &mut Transaction,
    now: i64,
    commands: &[&ReleaseNodes],
) -> Result<Vec<Told>, StorageError> {
    lock(transaction).await?;
    let closed: HashSet<&str> = commands
        .iter()
        .filter(|command| command.leases.is_none())
        .map(|command| command.session.as_str())
        .collect();
    let fences = closed.iter().map(|session| (*session).to_owned());
    fence(transaction, now, fences).await?;
    let sessions: BTreeSet<&str> = commands
        .iter()
        .map(|command| command.session.as_str())
        .collect();
    let nodes = held_nodes(transaction, sessions).await?;
    let asked: Vec<Release<'_>> = commands
        .iter()
        .map(|command| Release {
            session: &command.session,
            leases: command.leases.as_deref(),
        })
        .collect();
    let plan = plan(&nodes, &asked);
    let freed: Vec<&HeldNode> = plan
        .iter()
        .flatten()
        .filter_map(|place| nodes.get(*place))
        .collect();
    release(transaction, now, &freed).await?;

    let mut told: Vec<Told> = commands
        .iter()
        .zip(&plan)
        .enumerate()
        .map(|(place, (command, places))| {
            let released = places.iter().filter_map(|place| nodes.get(*place));
            let event = NodesReleased {
                request: command.request,
                session: command.session.clone(),
                tenant: command.tenant.clone(),
                nodes: released.map(|node| node.id).collect(),
            };
            Told::of(place, Answer::Released(event))
        })
        .collect();
    told.extend(end_of_sessions(transaction, &closed).await?);
    told.extend(serve_all(transaction, now, &[]).await?);
    Ok(told)
}

/// Ends what these sessions wait for.
pub(super) async fn end_of_sessions(
    transaction: &mut Transaction,
    sessions: &HashSet<&str>,
) -> Result<impl Iterator<Item = Told> + use<>, StorageError> {
    let ended = if sessions.is_empty() {
        std::collections::HashMap::new()
    } else {
        end_waiting(transaction, |waiting| {
            sessions
                .contains(waiting.session.as_str())
                .then_some(AllocationRefusal::Cancelled)
        })
        .await?
    };
    Ok(ended.into_values().map(Told::by_the_way))
}

#[cfg(test)]
mod tests;
