//! Changes nodes as an operator says.

use std::sync::Arc;

use muster_contract::{
    Outcome,
    agent::NodeHook,
    node_allocation::{ChangeNode, ChangeNodeRefusal, Node, NodeChange, NodeSelector, NodeState},
};
use muster_messaging::{Effects, HandleCommand, HandlerError, OutcomeOf, Request};
use muster_platform::{Ids, host_names::is_host_name};
use muster_storage::{StorageError, Transaction};

use super::{
    moment,
    serving::serve_all,
    told::{Told, emit},
};
use crate::{
    domain::{lifecycle::comes_back, states::is_for_operators, storable::storable},
    moment::Moment,
    store::{
        change_nodes::{self, NewNode, drain, set_state},
        find_node::{FoundNode, ambiguous, find_node},
        hook_orders::forget_order_of,
        levels::LevelChanges,
        list_nodes::node,
        lock,
        pools::pools,
    },
};

/// Takes [`ChangeNode`].
pub(crate) struct ChangeNodeHandler(pub(crate) Arc<dyn Ids>);

impl HandleCommand<ChangeNode> for ChangeNodeHandler {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<ChangeNode>],
        effects: &mut Effects,
    ) -> Result<Vec<OutcomeOf<ChangeNode>>, HandlerError> {
        let commands: Vec<&ChangeNode> = requests.iter().map(|request| &request.body).collect();
        let (results, told) =
            change_nodes(transaction, moment(requests, &*self.0), &commands).await?;
        emit(effects, requests, told)?;
        let outcomes = results.into_iter().map(|result| match result {
            Ok(node) => Outcome::Done(node),
            Err(refusal) => Outcome::Refused(refusal),
        });
        Ok(outcomes.collect())
    }
}

/// What became of each change, one after the other, and what is to be told of those that waited for a node.
pub(crate) async fn change_nodes(
    transaction: &mut Transaction,
    moment: Moment<'_>,
    commands: &[&ChangeNode],
) -> Result<(Vec<Result<Node, ChangeNodeRefusal>>, Vec<Told>), StorageError> {
    lock(transaction).await?;
    let mut results = Vec::with_capacity(commands.len());
    for command in commands {
        results.push(change_node(transaction, moment.now, command).await?);
    }
    // The answers show the nodes as the operator wanted them; somebody who waits may get them at once.
    let told = serve_all(transaction, moment, &[]).await?;
    Ok((results, told))
}

async fn change_node(
    transaction: &mut Transaction,
    now: i64,
    command: &ChangeNode,
) -> Result<Result<Node, ChangeNodeRefusal>, StorageError> {
    let hostname = storable(&command.hostname);
    let reason = command.reason.as_deref().map(storable);
    let changed = match &command.change {
        NodeChange::Add {
            pool,
            ip_address,
            chassis,
            console_port,
        } => {
            let new = NewNode {
                hostname: &hostname,
                ip_address: &storable(ip_address),
                pool: 0,
                chassis: &storable(chassis),
                console_port: *console_port,
                declared: false,
                reason: reason.as_deref(),
                state: NodeState::Ready,
            };
            add(transaction, now, pool, new).await?
        }
        NodeChange::SetState { state } => {
            put(transaction, now, &hostname, *state, reason.as_deref()).await?
        }
        NodeChange::Drain => match find_node(transaction, &hostname).await? {
            None => Err(ChangeNodeRefusal::UnknownNode),
            Some(node) if node.session.is_some() => {
                drain(transaction, &node, reason.as_deref()).await?;
                Ok(())
            }
            Some(node) => {
                let state = NodeState::Reserved;
                change_state(transaction, now, &node, state, reason.as_deref()).await?;
                Ok(())
            }
        },
    };
    match changed {
        Err(refusal) => Ok(Err(refusal)),
        Ok(()) => Ok(node(transaction, &hostname)
            .await?
            .ok_or(ChangeNodeRefusal::UnknownNode)),
    }
}

async fn add(
    transaction: &mut Transaction,
    now: i64,
    pool: &str,
    new: NewNode<'_>,
) -> Result<Result<(), ChangeNodeRefusal>, StorageError> {
    if !is_host_name(new.hostname) {
        return Ok(Err(ChangeNodeRefusal::InvalidName));
    }
    let name = pool.to_owned();
    let selector = NodeSelector::Pool { name: name.clone() };
    let pools = pools(transaction).await?;
    let fitting = pools.fitting(&selector);
    let Some(pool) = fitting.first().and_then(|pool| pools.get(*pool)) else {
        return Ok(Err(ChangeNodeRefusal::UnknownPool { pool: name }));
    };
    if let Some(other) = ambiguous(transaction, new.hostname).await? {
        return Ok(Err(ChangeNodeRefusal::AmbiguousName { other }));
    }
    let mut levels = LevelChanges::default();
    let new = NewNode {
        pool: pool.id,
        state: comes_back(&pool.hooks, false, 0, now).state,
        ..new
    };
    change_nodes::add(transaction, now, &[new], &mut levels).await?;
    levels.write(transaction).await?;
    Ok(Ok(()))
}

async fn put(
    transaction: &mut Transaction,
    now: i64,
    hostname: &str,
    state: NodeState,
    reason: Option<&str>,
) -> Result<Result<(), ChangeNodeRefusal>, StorageError> {
    let Some(node) = find_node(transaction, hostname).await? else {
        return Ok(Err(ChangeNodeRefusal::UnknownNode));
    };
    if let Some(session) = node.session {
        return Ok(Err(ChangeNodeRefusal::InUse { session }));
    }
    if !is_for_operators(state) {
        return Ok(Err(ChangeNodeRefusal::WrongState { state }));
    }
    change_state(transaction, now, &node, state, reason).await?;
    Ok(Ok(()))
}

/// Puts a node that no session holds into a state, and ends what an agent is doing to it. What has not been wiped is not
/// called free.
async fn change_state(
    transaction: &mut Transaction,
    now: i64,
    node: &FoundNode,
    state: NodeState,
    reason: Option<&str>,
) -> Result<(), StorageError> {
    let is_at_work = matches!(
        node.state,
        NodeState::Provisioning | NodeState::Deprovisioning
    );
    // One that was reserved while it was prepared for its session is unwiped too.
    if is_at_work || node.unwiped {
        forget_order_of(transaction, node.id).await?;
    }
    let must_be_wiped = node.unwiped
        && state == NodeState::Ready
        && (pools(transaction).await?)
            .get(node.pool)
            .is_some_and(|pool| pool.hooks.has(NodeHook::Deprovision));
    if must_be_wiped {
        let state = NodeState::Deprovisioning;
        return set_state(transaction, now, node, state, Some(now), reason).await;
    }
    set_state(transaction, now, node, state, None, reason).await
}

#[cfg(test)]
mod tests;
