//! What sessions are told to do.

pub(crate) mod create_compute_session;
pub(crate) mod destroy_compute_session;
mod orders;
pub(crate) mod restart_compute_session;
pub(crate) mod use_compute_session;

/// Declares the handler of a command, which does what `$carry_out` says with the batch.
macro_rules! handler {
    ($(#[$documentation:meta])* $handler:ident, $command:ty, $carry_out:ident) => {
        $(#[$documentation])*
        pub(crate) struct $handler {
            ids: std::sync::Arc<dyn muster_platform::Ids>,
            limits: crate::compute_sessions::ComputeLimits,
        }

        impl $handler {
            pub(crate) fn new(
                ids: std::sync::Arc<dyn muster_platform::Ids>,
                limits: crate::compute_sessions::ComputeLimits,
            ) -> Self {
                Self { ids, limits }
            }
        }

        impl muster_messaging::BeginCommand<$command> for $handler {
            async fn begin(
                &self,
                transaction: &mut muster_storage::Transaction,
                requests: &[muster_messaging::Request<$command>],
                effects: &mut muster_messaging::Effects,
            ) -> Result<Vec<muster_messaging::Progress<$command>>, muster_messaging::HandlerError>
            {
                let desk = crate::compute_sessions::book::Desk {
                    ids: &*self.ids,
                    limits: self.limits,
                };
                let orders = crate::compute_sessions::commands::orders::orders(requests);
                let (progress, sayings) = $carry_out(transaction, desk, &orders).await?;
                sayings.tell(requests.iter().map(|request| &request.context), effects)?;
                Ok(crate::compute_sessions::commands::orders::progress(progress))
            }
        }
    };
}

use handler;
#[cfg(test)]
pub(crate) use orders::{Order, Reached};
