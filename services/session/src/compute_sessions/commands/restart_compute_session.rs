//! Starts sessions anew.

use muster_contract::{
    Outcome,
    session::{ComputeSessionRefusal, RestartComputeSession},
};
use muster_storage::{StorageError, Transaction};

use super::{
    handler,
    orders::{self, Order, Reached},
};
use crate::compute_sessions::{
    book::Desk,
    domain::session::Session,
    saying::{Sayings, Settlement},
    waiting::Awaited,
};

handler!(
    /// Takes [`RestartComputeSession`].
    RestartComputeSessionHandler,
    RestartComputeSession,
    restart_compute_sessions
);

/// Has the sessions started anew, as if the commands came one by one in this order. Whoever comes while that is done waits for it
/// too.
pub(crate) async fn restart_compute_sessions(
    transaction: &mut Transaction,
    desk: Desk<'_>,
    orders: &[Order<'_, RestartComputeSession>],
) -> Result<(Vec<Reached<RestartComputeSession>>, Sayings), StorageError> {
    let (mut book, meant) = orders::find(transaction, desk, orders, |body| &body.session).await?;
    let mut reached = Vec::with_capacity(orders.len());
    for (order, meant) in orders.iter().zip(meant) {
        let begun = meant.and_then(|id| {
            if book.change(order.moment, id, Session::restart) == Some(true) {
                return Ok(id);
            }
            let session = book.session(id).ok_or(ComputeSessionRefusal::Unknown)?;
            let (session, status) = (session.id, session.status);
            Err(ComputeSessionRefusal::NotRunning { session, status })
        });
        reached.push(match begun {
            Ok(id) => match book.wait(id, order.id, Awaited::Restarted) {
                Some(Settlement::Restart(outcome)) => Some(outcome),
                _ => None,
            },
            Err(refusal) => Some(Outcome::Refused(refusal)),
        });
    }
    Ok((reached, book.write(transaction).await?))
}

#[cfg(test)]
mod tests;
