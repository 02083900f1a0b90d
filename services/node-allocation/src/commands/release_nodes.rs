//! Takes nodes back from sessions.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use muster_contract::node_allocation::{AllocationRefusal, NodesReleased, ReleaseNodes};
use muster_messaging::{Effects, HandleCommand, HandlerError, OutcomeOf, Request};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction};

use super::{
    all_done,
    ending::end_waiting,
    moment,
    serving::serve_all,
    told::{Answer, Told, emit},
};
use crate::{
    domain::places::Places,
    domain::releasing::{Release, plan},
    hooks::giving_back::{Returned, give_back},
    moment::Moment,
    store::{fences::fence, lock, session_nodes::held_nodes},
};

/// Takes [`ReleaseNodes`].
pub(crate) struct ReleaseNodesHandler(pub(crate) Arc<dyn Ids>);

impl HandleCommand<ReleaseNodes> for ReleaseNodesHandler {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<ReleaseNodes>],
        effects: &mut Effects,
    ) -> Result<Vec<OutcomeOf<ReleaseNodes>>, HandlerError> {
        let commands: Vec<&ReleaseNodes> = requests.iter().map(|request| &request.body).collect();
        let told = release_nodes(transaction, moment(requests, &*self.0), &commands).await?;
        emit(effects, requests, told)?;
        Ok(all_done(requests))
    }
}

/// What is to be told: what was given back, who of those that waited ended, who of them got the nodes.
pub(crate) async fn release_nodes(
    transaction: &mut Transaction,
    moment: Moment<'_>,
    commands: &[&ReleaseNodes],
) -> Result<Vec<Told>, StorageError> {
    lock(transaction).await?;
    let closed: HashSet<&str> = commands
        .iter()
        .filter(|command| command.leases.is_none())
        .map(|command| command.session.as_str())
        .collect();
    let fences = closed.iter().map(|session| (*session).to_owned());
    fence(transaction, moment.now, fences).await?;
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
    let freed: Vec<Returned<'_>> = plan
        .iter()
        .enumerate()
        .flat_map(|(place, nodes)| nodes.iter().map(move |node| (Some(place), *node)))
        .filter_map(|(place, node)| Some((place, nodes.get(node)?)))
        .collect();
    let orders = give_back(transaction, moment, &freed).await?;

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
    told.extend(Told::all(orders));
    // A request of whose nodes some are given back while others are being prepared cannot be met any more.
    let freed: HashSet<(i64, i64)> = freed
        .iter()
        .filter(|(_, node)| node.unwiped)
        .map(|(_, node)| (node.id, node.generation))
        .collect();
    told.extend(end_of_sessions(transaction, moment, &closed, &freed).await?);
    told.extend(serve_all(transaction, moment, &[]).await?);
    Ok(told)
}

/// Ends what these sessions wait for, and the requests that these leases were for.
pub(super) async fn end_of_sessions(
    transaction: &mut Transaction,
    moment: Moment<'_>,
    sessions: &HashSet<&str>,
    leases: &HashSet<(i64, i64)>,
) -> Result<Vec<Told>, StorageError> {
    if sessions.is_empty() && leases.is_empty() {
        return Ok(Vec::new());
    }
    let ended = end_waiting(transaction, moment, |waiting| {
        let mut had = waiting.places.iter().flat_map(Places::leases);
        let is_over =
            sessions.contains(waiting.session.as_str()) || had.any(|lease| leases.contains(&lease));
        is_over.then_some(AllocationRefusal::Cancelled)
    })
    .await?;
    Ok(ended.told(&HashMap::new()))
}

#[cfg(test)]
mod tests;
