//! Counts that sessions are looked at and used.

use muster_contract::{
    Outcome,
    session::{ComputeSessionRefusal, UseComputeSession},
};
use muster_storage::{StorageError, Transaction};

use super::{
    handler,
    orders::{self, Order, Reached},
};
use crate::compute_sessions::{book::Desk, saying::Sayings};

handler!(
    /// Takes [`UseComputeSession`].
    UseComputeSessionHandler,
    UseComputeSession,
    use_compute_sessions
);

/// Counts, as if the commands came one by one in this order.
pub(crate) async fn use_compute_sessions(
    transaction: &mut Transaction,
    desk: Desk<'_>,
    orders: &[Order<'_, UseComputeSession>],
) -> Result<(Vec<Reached<UseComputeSession>>, Sayings), StorageError> {
    let (mut book, meant) = orders::find(transaction, desk, orders, |body| &body.session).await?;
    let mut reached = Vec::with_capacity(orders.len());
    for (order, meant) in orders.iter().zip(meant) {
        let outcome = meant.and_then(|id| {
            let is_activity = order.body.is_activity;
            let used = book.change(order.moment, id, |session, turn| {
                session.use_it(turn, is_activity)
            });
            let session = book.session(id).ok_or(ComputeSessionRefusal::Unknown)?;
            if used == Some(true) {
                Ok(session.shown())
            } else {
                let (session, status) = (session.id, session.status);
                Err(ComputeSessionRefusal::NotRunning { session, status })
            }
        });
        reached.push(Some(match outcome {
            Ok(session) => Outcome::Done(session),
            Err(refusal) => Outcome::Refused(refusal),
        }));
    }
    Ok((reached, book.write(transaction).await?))
}

#[cfg(test)]
mod tests;
