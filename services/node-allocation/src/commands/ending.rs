//! Requests that come to nothing: those that wait no more, and what they have already.

use std::collections::{BTreeSet, HashMap, HashSet};

use muster_contract::node_allocation::AllocationRefusal;
use muster_storage::{StorageError, Transaction};
use uuid::Uuid;

use super::told::{Answer, Told, refused};
use crate::{
    domain::{places::Places, releasing::HeldNode},
    hooks::giving_back::{Returned, give_back},
    moment::Moment,
    store::{
        contextualizing,
        session_nodes::held_nodes,
        waiting::{self, WaitingRequest},
    },
};

/// Ends of requests.
pub(crate) struct EndedRequests {
    /// What is told of each.
    pub(crate) answers: HashMap<Uuid, Answer>,
    /// What is done to the nodes that they had.
    orders: Vec<(Option<usize>, Answer)>,
}

impl EndedRequests {
    pub(crate) fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// All of it, where requests have places in a batch with these.
    pub(crate) fn told(self, places: &HashMap<Uuid, Option<usize>>) -> Vec<Told> {
        let place = |request: &Uuid| places.get(request).copied().flatten();
        let answers = self.answers.into_iter();
        let mut told: Vec<Told> = answers
            .map(|(request, event)| Told::at(place(&request), event))
            .collect();
        told.extend(Told::all(self.orders));
        told
    }
}

/// Takes the requests that `ends` names a reason for out of the queue, gives back the nodes that they have already and tells
/// their ends.
pub(crate) async fn end_waiting(
    transaction: &mut Transaction,
    moment: Moment<'_>,
    ends: impl Fn(&WaitingRequest) -> Option<AllocationRefusal>,
) -> Result<EndedRequests, StorageError> {
    let mut answers = HashMap::new();
    let (mut waiting_in_vain, mut abandoned) = (Vec::new(), Vec::new());
    for request in waiting::waiting(transaction).await? {
        if let Some(reason) = ends(&request) {
            let event = refused(request.request, &request.session, &request.tenant, reason);
            answers.insert(request.request, event);
            if request.places.is_some() {
                abandoned.push(request);
            } else {
                waiting_in_vain.push(request.request);
            }
        }
    }
    waiting::remove(transaction, waiting_in_vain).await?;
    let told = abandon(transaction, moment, &abandoned).await?;
    let orders = told.into_iter().map(|told| (told.place, told.event));
    Ok(EndedRequests {
        answers,
        orders: orders.collect(),
    })
}

/// Gives back the nodes of requests that come to nothing.
pub(super) async fn abandon(
    transaction: &mut Transaction,
    moment: Moment<'_>,
    requests: &[WaitingRequest],
) -> Result<Vec<Told>, StorageError> {
    if requests.is_empty() {
        return Ok(Vec::new());
    }
    contextualizing::remove(transaction, requests.iter().map(|request| request.request)).await?;
    let leases: HashSet<(i64, i64)> = requests
        .iter()
        .filter_map(|request| request.places.as_ref())
        .flat_map(Places::leases)
        .collect();
    let sessions: BTreeSet<&str> = requests
        .iter()
        .map(|request| request.session.as_str())
        .collect();
    let held: Vec<HeldNode> = held_nodes(transaction, sessions).await?;
    let returned: Vec<Returned<'_>> = held
        .iter()
        .filter(|node| leases.contains(&(node.id, node.generation)))
        .map(|node| (None, node))
        .collect();
    let orders = give_back(transaction, moment, &returned).await?;
    Ok(Told::all(orders))
}
