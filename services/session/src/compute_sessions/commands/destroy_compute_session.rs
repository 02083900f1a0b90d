//! Ends sessions.

use std::collections::BTreeSet;

use muster_contract::{Outcome, session::DestroyComputeSession};
use muster_storage::{StorageError, Transaction};
use uuid::Uuid;

use super::{
    handler,
    orders::{Order, Reached},
};
use crate::compute_sessions::{
    book::{Book, Desk},
    saying::{Sayings, Settlement},
    store::{dependencies::dependents, find_sessions::find_sessions},
    waiting::Awaited,
};

handler!(
    /// Takes [`DestroyComputeSession`].
    DestroyComputeSessionHandler,
    DestroyComputeSession,
    destroy_compute_sessions
);

/// Begins to end the sessions, as if the commands came one by one in this order. Whoever comes while one ends waits for its end too.
pub(crate) async fn destroy_compute_sessions(
    transaction: &mut Transaction,
    desk: Desk<'_>,
    orders: &[Order<'_, DestroyComputeSession>],
) -> Result<(Vec<Reached<DestroyComputeSession>>, Sayings), StorageError> {
    let references: Vec<_> = orders.iter().map(|order| &order.body.session).collect();
    let meant = find_sessions(transaction, &references).await?;
    let mut dependents = Vec::with_capacity(orders.len());
    for (order, meant) in orders.iter().zip(&meant) {
        dependents.push(match meant {
            Ok(id) if order.body.recursive => all_dependents(transaction, *id).await?,
            _ => BTreeSet::new(),
        });
    }
    let wanted = meant.iter().filter_map(|meant| meant.as_ref().ok());
    let wanted = wanted.chain(dependents.iter().flatten()).copied();
    let mut book = Book::open(transaction, desk, wanted).await?;
    let mut reached = Vec::with_capacity(orders.len());
    for ((order, meant), dependents) in orders.iter().zip(meant).zip(dependents) {
        let id = match meant {
            Ok(id) => id,
            Err(refusal) => {
                reached.push(Some(Outcome::Refused(refusal)));
                continue;
            }
        };
        for id in dependents.into_iter().chain([id]) {
            book.change(order.moment, id, |session, turn| {
                session.destroy(turn, order.body.forced);
            });
        }
        // One that has ended meanwhile is what was asked for.
        reached.push(match book.wait(id, order.id, Awaited::Over) {
            Some(Settlement::Destroy(outcome)) => Some(outcome),
            _ => None,
        });
    }
    Ok((reached, book.write(transaction).await?))
}

/// The sessions that wait for this one, and those that wait for them, and so on. Whatever waits for a session that is not over waits
/// itself: it is in the table of those that do.
async fn all_dependents(
    transaction: &mut Transaction,
    session: Uuid,
) -> Result<BTreeSet<Uuid>, StorageError> {
    let mut found = BTreeSet::new();
    let mut next = vec![session];
    while !next.is_empty() {
        next = dependents(transaction, &next).await?;
        next.retain(|id| found.insert(*id));
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
