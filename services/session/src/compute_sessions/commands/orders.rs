//! Commands as the handlers look at them, and the sessions they are about.

use muster_contract::{Command, session::ComputeSessionReference};
use muster_messaging::{OutcomeOf, Progress, Request};
use muster_storage::{StorageError, Transaction};
use uuid::Uuid;

use crate::compute_sessions::{
    book::{Book, Desk, Moment},
    store::find_sessions::{Meant, find_sessions},
};

/// A command. The ingress has found out that its caller may act for the owner that it names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order<'a, C> {
    /// Its place in the batch, and when it was taken.
    pub(crate) moment: Moment,
    /// Its id.
    pub(crate) id: Uuid,
    /// What it says.
    pub(crate) body: &'a C,
}

/// How far a command is: its outcome, or `None` as long as it waits.
pub(crate) type Reached<C> = Option<OutcomeOf<C>>;

/// The commands of a batch.
pub(super) fn orders<C>(requests: &[Request<C>]) -> Vec<Order<'_, C>> {
    let places = requests.iter().enumerate();
    places
        .map(|(cause, request)| Order {
            moment: Moment {
                cause,
                now: request.context.received_at().as_micros(),
            },
            id: request.context.id(),
            body: &request.body,
        })
        .collect()
}

/// As the message path wants it.
pub(super) fn progress<C: Command>(reached: Vec<Reached<C>>) -> Vec<Progress<C>> {
    let progress = reached.into_iter();
    progress
        .map(|outcome| outcome.map_or(Progress::Pending, Progress::Settled))
        .collect()
}

/// The sessions that commands are about, and what each means. Somebody else may have changed them until it is this one's turn.
pub(super) async fn find<'a, C>(
    transaction: &mut Transaction,
    desk: Desk<'a>,
    orders: &[Order<'_, C>],
    reference: fn(&C) -> &ComputeSessionReference,
) -> Result<(Book<'a>, Vec<Meant>), StorageError> {
    let references: Vec<&ComputeSessionReference> =
        orders.iter().map(|order| reference(order.body)).collect();
    let meant = find_sessions(transaction, &references).await?;
    let wanted = meant
        .iter()
        .filter_map(|meant| meant.as_ref().ok().copied());
    Ok((Book::open(transaction, desk, wanted).await?, meant))
}
