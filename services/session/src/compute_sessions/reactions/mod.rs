//! What happens elsewhere and changes sessions: the answers of node allocation, the reports of agents.

pub(crate) mod container_ended;
pub(crate) mod container_started;
mod news;
pub(crate) mod slots_granted;
pub(crate) mod slots_lost;
pub(crate) mod slots_queued;
pub(crate) mod slots_refused;

/// Declares the reaction to an event, which does what `$take` says with the batch.
macro_rules! reaction {
    ($(#[$documentation:meta])* $reaction:ident, $event:ty, $take:ident) => {
        crate::compute_sessions::reactions::declared!($(#[$documentation])* $reaction);

        impl muster_messaging::React<$event> for $reaction {
            async fn react(
                &self,
                transaction: &mut muster_storage::Transaction,
                events: &[muster_messaging::Request<$event>],
                effects: &mut muster_messaging::Effects,
            ) -> Result<(), muster_messaging::HandlerError> {
                let news = crate::compute_sessions::reactions::news::news(events);
                let sayings = $take(transaction, self.desk(), &news).await?;
                sayings.tell(events.iter().map(|event| &event.context), effects)
            }
        }
    };
}

/// Declares what takes the reports of one kind, which does what `$take` says with the batch.
macro_rules! reports {
    ($(#[$documentation:meta])* $reports:ident, $report:ty, $take:ident) => {
        crate::compute_sessions::reactions::declared!($(#[$documentation])* $reports);

        impl muster_messaging::TakeReport<$report> for $reports {
            async fn take(
                &self,
                transaction: &mut muster_storage::Transaction,
                reports: &[muster_messaging::Reported<$report>],
                effects: &mut muster_messaging::Effects,
            ) -> Result<(), muster_messaging::HandlerError> {
                let words = crate::compute_sessions::reactions::news::words(reports);
                let sayings = $take(transaction, self.desk(), &words).await?;
                sayings.tell(reports.iter().map(|report| &report.context), effects)
            }
        }
    };
}

/// Declares something that takes messages.
macro_rules! declared {
    ($(#[$documentation:meta])* $name:ident) => {
        $(#[$documentation])*
        pub(crate) struct $name {
            ids: std::sync::Arc<dyn muster_platform::Ids>,
            limits: crate::compute_sessions::ComputeLimits,
        }

        impl $name {
            pub(crate) fn new(
                ids: std::sync::Arc<dyn muster_platform::Ids>,
                limits: crate::compute_sessions::ComputeLimits,
            ) -> Self {
                Self { ids, limits }
            }

            fn desk(&self) -> crate::compute_sessions::book::Desk<'_> {
                crate::compute_sessions::book::Desk {
                    ids: &*self.ids,
                    limits: self.limits,
                }
            }
        }
    };
}

pub(super) use declared;
#[cfg(test)]
pub(crate) use news::{News, Word};
use {reaction, reports};
