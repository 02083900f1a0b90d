//! Commands as the handlers of sessions look at them.

use muster_contract::{Principal, session::JobSessionRefusal, session::limits::is_valid_id};
use muster_messaging::{HandlerError, Request};

use crate::job_sessions::{book::Moment, store::sessions::SessionKey};

/// A command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order<'a, C> {
    /// Who sends it.
    pub(crate) caller: &'a Principal,
    /// Its place in the batch, and when it was taken.
    pub(crate) moment: Moment,
    /// What it says.
    pub(crate) body: &'a C,
}

/// The commands of a batch. The ingress names the caller in every command, so that one without cannot have come from it.
pub(super) fn orders<C>(requests: &[Request<C>]) -> Result<Vec<Order<'_, C>>, HandlerError> {
    requests
        .iter()
        .enumerate()
        .map(|(cause, request)| {
            let context = &request.context;
            let caller = context.principal().ok_or_else(|| {
                HandlerError::Permanent("the command names no principal".to_owned())
            })?;
            let now = context.received_at().as_micros();
            Ok(Order {
                caller,
                moment: Moment { cause, now },
                body: &request.body,
            })
        })
        .collect()
}

/// The session that is meant, if the caller may change it, and if there can be one of that name: not every text can be in a
/// table.
pub(super) fn meant(
    caller: &Principal,
    tenant: &str,
    session_id: &str,
) -> Result<SessionKey, JobSessionRefusal> {
    may_act_for(caller, tenant)?;
    if !is_valid_id(session_id) {
        return Err(JobSessionRefusal::UnknownSession);
    }
    Ok((tenant.to_owned(), session_id.to_owned()))
}

/// Whoever has no role may only read.
pub(super) fn may_act_for(caller: &Principal, tenant: &str) -> Result<(), JobSessionRefusal> {
    let is_theirs = caller.project == tenant || caller.crosses_tenants();
    if !is_theirs || caller.roles.is_empty() || tenant.contains('\0') {
        return Err(JobSessionRefusal::NotYours);
    }
    Ok(())
}
