//! Changes nodes as an operator says.

use muster_contract::{
    Outcome,
    node_allocation::{ChangeNode, ChangeNodeRefusal, Node, NodeChange, NodeSelector, NodeState},
};
use muster_messaging::{Effects, HandleCommand, HandlerError, OutcomeOf, Request};
use muster_platform::host_names::is_host_name;
use muster_storage::{StorageError, Transaction};

use super::{
    now,
    serving::serve_all,
    told::{Told, emit},
};
use crate::{
    domain::{states::is_for_operators, storable::storable},
    store::{
        change_nodes::{self, NewNode, drain, set_state},
        find_node::{ambiguous, find_node},
        levels::LevelChanges,
        list_nodes::node,
        lock,
        pools::pools,
    },
};

/// Takes [`ChangeNode`].
pub(crate) struct ChangeNodeHandler;

impl HandleCommand<ChangeNode> for ChangeNodeHandler {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<ChangeNode>],
        effects: &mut Effects,
    ) -> Result<Vec<OutcomeOf<ChangeNode>>, HandlerError> {
        let commands: Vec<&ChangeNode> = requests.iter().map(|request| &request.body).collect();
        let (results, told) = change_nodes(transaction, now(requests), &commands).await?;
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
    now: i64,
    commands: &[&ChangeNode],
) -> Result<(Vec<Result<Node, ChangeNodeRefusal>>, Vec<Told>), StorageError> {
    lock(transaction).await?;
    let mut results = Vec::with_capacity(commands.len());
    for command in commands {
        results.push(change_node(transaction, now, command).await?);
    }
    // The answers show the nodes as the operator wanted them; somebody who waits may get them at once.
    let told = serve_all(transaction, now, &[]).await?;
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
                set_state(transaction, now, &node, state, reason.as_deref()).await?;
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
    let Some(pool) = pools(transaction)
        .await?
        .fitting(&selector)
        .first()
        .copied()
    else {
        return Ok(Err(ChangeNodeRefusal::UnknownPool { pool: name }));
    };
    if let Some(other) = ambiguous(transaction, new.hostname).await? {
        return Ok(Err(ChangeNodeRefusal::AmbiguousName { other }));
    }
    let mut levels = LevelChanges::default();
    change_nodes::add(transaction, now, &[NewNode { pool, ..new }], &mut levels).await?;
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
    set_state(transaction, now, &node, state, reason).await?;
    Ok(Ok(()))
}

#[cfg(test)]
mod tests;
