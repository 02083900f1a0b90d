//! What a change has to tell.

use muster_contract::{
    Command,
    node_allocation::{
        AllocationRefusal, AllocationRefused, NodesGranted, NodesHeld, NodesReleased,
    },
};
use muster_messaging::{Context, Effects, HandlerError, Request};

/// An event with what caused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// Place of the command in its batch; `None`: whatever made nodes free.
    pub(crate) place: Option<usize>,
    pub(crate) event: Answer,
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Granted(NodesGranted),
    Refused(AllocationRefused),
    Released(NodesReleased),
    Held(NodesHeld),
}

impl Told {
    pub(crate) fn of(place: usize, event: Answer) -> Self {
        let place = Some(place);
        Self { place, event }
    }

    pub(crate) fn by_the_way(event: Answer) -> Self {
        Self { place: None, event }
    }
}

/// A refusal of a request.
pub(crate) fn refused(
    request: uuid::Uuid,
    session: &str,
    tenant: &str,
    reason: AllocationRefusal,
) -> Answer {
    Answer::Refused(AllocationRefused {
        request,
        session: session.to_owned(),
        tenant: tenant.to_owned(),
        reason,
    })
}

/// Emits the events of a batch.
pub(crate) fn emit<C: Command>(
    effects: &mut Effects,
    requests: &[Request<C>],
    told: Vec<Told>,
) -> Result<(), HandlerError> {
    for told in told {
        let cause = requests.get(told.place.unwrap_or_default());
        if let Some(cause) = cause {
            emit_one(effects, &cause.context, &told.event)?;
        }
    }
    Ok(())
}

/// Emits one event.
pub(crate) fn emit_one(
    effects: &mut Effects,
    cause: &Context,
    event: &Answer,
) -> Result<(), HandlerError> {
    match event {
        Answer::Granted(event) => effects.emit(cause, event),
        Answer::Refused(event) => effects.emit(cause, event),
        Answer::Released(event) => effects.emit(cause, event),
        Answer::Held(event) => effects.emit(cause, event),
    }
}
