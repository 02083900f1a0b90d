//! What sessions are told to do.

pub(crate) mod cancel_node_request;
pub(crate) mod close_node_session;
pub(crate) mod extend_node_session;
pub(crate) mod grow_node_session;
pub(crate) mod hold_node_session;
pub(crate) mod open_node_session;
mod orders;
pub(crate) mod shrink_node_session;

/// Declares the handler of a command, which does what `$carry_out` says with the batch.
macro_rules! handler {
    ($(#[$documentation:meta])* $handler:ident, $command:ty, $carry_out:ident) => {
        $(#[$documentation])*
        pub(crate) struct $handler {
            ids: std::sync::Arc<dyn muster_platform::Ids>,
        }

        impl $handler {
            pub(crate) fn new(ids: std::sync::Arc<dyn muster_platform::Ids>) -> Self {
                Self { ids }
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
                let orders = crate::node_sessions::commands::orders::orders(requests)?;
                let (progress, sayings) = $carry_out(transaction, &*self.ids, &orders).await?;
                sayings.tell(requests.iter().map(|request| &request.context), effects)?;
                Ok(crate::node_sessions::commands::orders::progress(progress))
            }
        }
    };
}

use handler;
#[cfg(test)]
pub(crate) use orders::{Order, Reached};
