//! Events and reports as the reactions look at them.

use muster_messaging::{Reported, Request};

use crate::compute_sessions::book::Moment;

/// An event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct News<'a, E> {
    /// Its place in the batch, and when it was taken.
    pub(crate) moment: Moment,
    /// What it says.
    pub(crate) body: &'a E,
}

/// The word of an agent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Word<'a, R> {
    /// Its place in the batch, and when it was taken.
    pub(crate) moment: Moment,
    /// Whose word it is.
    pub(crate) agent: &'a str,
    /// What it says.
    pub(crate) body: &'a R,
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

/// The reports of a batch.
pub(super) fn words<R>(reports: &[Reported<R>]) -> Vec<Word<'_, R>> {
    let places = reports.iter().enumerate();
    places
        .map(|(cause, report)| Word {
            moment: Moment {
                cause,
                now: report.context.received_at().as_micros(),
            },
            agent: &report.agent,
            body: &report.body,
        })
        .collect()
}
