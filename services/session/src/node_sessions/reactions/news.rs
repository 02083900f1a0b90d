//! Events as the reactions look at them.

use muster_messaging::Request;

use crate::node_sessions::book::Moment;

/// An event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct News<'a, E> {
    /// Its place in the batch, and when it was taken.
    pub(crate) moment: Moment,
    /// What it says.
    pub(crate) body: &'a E,
}

/// The events of a batch.
pub(super) fn news<E>(events: &[Request<E>]) -> Vec<News<'_, E>> {
    let places = events.iter().enumerate();
    places
        .map(|(cause, event)| News {
            moment: Moment {
                cause,
                now: event.context.received_at().as_micros(),
            },
            body: &event.body,
        })
        .collect()
}
