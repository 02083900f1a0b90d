//! Keeps the nodes of sessions for a look.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use muster_contract::node_allocation::{HoldNodes, NodesHeld};
use muster_messaging::{Effects, HandleCommand, HandlerError, OutcomeOf, Request};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction};

use super::{
    all_done, moment,
    release_nodes::end_of_sessions,
    serving::serve_all,
    told::{Answer, Told, emit},
};
use crate::{
    moment::Moment,
    store::{fences::fence, lock, release::hold, session_nodes::held_nodes},
};

/// Takes [`HoldNodes`].
pub(crate) struct HoldNodesHandler(pub(crate) Arc<dyn Ids>);

impl HandleCommand<HoldNodes> for HoldNodesHandler {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<HoldNodes>],
        effects: &mut Effects,
    ) -> Result<Vec<OutcomeOf<HoldNodes>>, HandlerError> {
        let commands: Vec<&HoldNodes> = requests.iter().map(|request| &request.body).collect();
        let told = hold_nodes(transaction, moment(requests, &*self.0), &commands).await?;
        emit(effects, requests, told)?;
        Ok(all_done(requests))
    }
}

/// What is to be told: what is held, and what comes of it that these sessions wait no more.
pub(crate) async fn hold_nodes(
    transaction: &mut Transaction,
    moment: Moment<'_>,
    commands: &[&HoldNodes],
) -> Result<Vec<Told>, StorageError> {
    lock(transaction).await?;
    let sessions: BTreeSet<&str> = commands
        .iter()
        .map(|command| command.session.as_str())
        .collect();
    let fences = sessions.iter().map(|session| (*session).to_owned());
    fence(transaction, moment.now, fences).await?;
    let closed: HashSet<&str> = sessions.iter().copied().collect();
    // What is still being prepared for them goes back: there is nothing to look at.
    let ended = end_of_sessions(transaction, moment, &closed, &HashSet::new()).await?;
    let nodes = held_nodes(transaction, sessions).await?;
    hold(transaction, moment.now, &nodes).await?;
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
    told.extend(ended);
    told.extend(serve_all(transaction, moment, &[]).await?);
    Ok(told)
}

#[cfg(test)]
mod tests;
