//! What happens elsewhere and changes sessions: the answers of node allocation, the ends of jobs, the reports of agents.

pub(crate) mod allocation_refused;
pub(crate) mod job_stopped;
pub(crate) mod jobs_deleted;
mod news;
pub(crate) mod nodes_granted;
pub(crate) mod nodes_held;
pub(crate) mod nodes_released;
pub(crate) mod session_hook_finished;

/// Declares the reaction to an event, which does what `$take` says with the batch.
macro_rules! reaction {
    ($(#[$documentation:meta])* $reaction:ident, $event:ty, $take:ident) => {
        $(#[$documentation])*
        pub(crate) struct $reaction {
            ids: std::sync::Arc<dyn muster_platform::Ids>,
        }

        impl $reaction {
            pub(crate) fn new(ids: std::sync::Arc<dyn muster_platform::Ids>) -> Self {
                Self { ids }
            }
        }

        impl muster_messaging::React<$event> for $reaction {
            async fn react(
                &self,
                transaction: &mut muster_storage::Transaction,
                events: &[muster_messaging::Request<$event>],
                effects: &mut muster_messaging::Effects,
            ) -> Result<(), muster_messaging::HandlerError> {
                let news = crate::node_sessions::reactions::news::news(events);
                let sayings = $take(transaction, &*self.ids, &news).await?;
                sayings.tell(events.iter().map(|event| &event.context), effects)
            }
        }
    };
}

#[cfg(test)]
pub(crate) use news::News;
use reaction;
