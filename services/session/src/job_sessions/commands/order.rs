//! Commands as the handlers look at them.

use muster_contract::{Outcome, Principal, session::DocumentRefusal};
use muster_messaging::{HandlerError, Request};

/// A command about a document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order<'a, C> {
    /// Who sends it.
    pub(crate) caller: &'a Principal,
    /// When it was taken: microseconds since 1970 UTC.
    pub(crate) now: i64,
    /// What it says.
    pub(crate) body: &'a C,
}

/// The commands of a batch. The ingress names the caller in every command, so that one without cannot have come from it.
pub(super) fn orders<C>(requests: &[Request<C>]) -> Result<Vec<Order<'_, C>>, HandlerError> {
    requests
        .iter()
        .map(|request| {
            let context = &request.context;
            let caller = context.principal().ok_or_else(|| {
                HandlerError::Permanent("the command names no principal".to_owned())
            })?;
            Ok(Order {
                caller,
                now: context.received_at().as_micros(),
                body: &request.body,
            })
        })
        .collect()
}

/// Refuses who may not act for the tenant, and what can be no tenant and no id.
pub(super) fn check<C>(
    order: &Order<'_, C>,
    tenant: &str,
    id: Option<&str>,
) -> Result<(), DocumentRefusal> {
    if order.caller.project != tenant && !order.caller.crosses_tenants() {
        let reason = format!("you may not change what is of project {tenant}");
        return Err(DocumentRefusal::Forbidden { reason });
    }
    if order.caller.roles.is_empty() {
        let reason = "whoever has no role may only read".to_owned();
        return Err(DocumentRefusal::Forbidden { reason });
    }
    if tenant.contains('\0') || id.is_some_and(|id| id.contains('\0')) {
        return Err(DocumentRefusal::Unknown);
    }
    Ok(())
}

/// A document that cannot be one.
pub(super) fn invalid(reason: String) -> DocumentRefusal {
    DocumentRefusal::Invalid { reason }
}

/// The outcomes of a batch.
pub(super) fn outcomes<T>(
    results: Vec<Result<T, DocumentRefusal>>,
) -> Vec<Outcome<T, DocumentRefusal>> {
    let results = results.into_iter();
    results
        .map(|result| result.map_or_else(Outcome::Refused, Outcome::Done))
        .collect()
}

/// Declares the handler of a command about a document, which does what `$carry_out` says with the batch.
macro_rules! document_handler {
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

        impl muster_messaging::HandleCommand<$command> for $handler {
            async fn handle(
                &self,
                transaction: &mut muster_storage::Transaction,
                requests: &[muster_messaging::Request<$command>],
                _: &mut muster_messaging::Effects,
            ) -> Result<Vec<muster_messaging::OutcomeOf<$command>>, muster_messaging::HandlerError>
            {
                let orders = crate::job_sessions::commands::order::orders(requests)?;
                let results = $carry_out(transaction, &*self.ids, &orders).await?;
                Ok(crate::job_sessions::commands::order::outcomes(results))
            }
        }
    };
}

pub(super) use document_handler;
