//! What a change has to tell.

use std::time::Duration;

use muster_contract::{
    Command,
    agent::RunNodeHook,
    node_allocation::{
        AllocationRefusal, AllocationRefused, NodesGranted, NodesHeld, NodesReleased,
    },
};
use muster_messaging::{Context, Effects, HandlerError, Request};

/// An event or an order with what caused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// Place of the command in its batch; `None`: whatever made nodes free.
    pub(crate) place: Option<usize>,
    pub(crate) event: Answer,
    /// Of a grant: microseconds that the request has waited for it.
    pub(crate) waited: Option<i64>,
}

/// The queue for whole nodes, in metrics.
const QUEUE: &str = "nodes";

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Granted(NodesGranted),
    Refused(AllocationRefused),
    Released(NodesReleased),
    Held(NodesHeld),
    /// Something to do for an agent.
    Order {
        agent: String,
        order: Box<RunNodeHook>,
    },
}

impl Told {
    pub(crate) fn of(place: usize, event: Answer) -> Self {
        Self::at(Some(place), event)
    }

    /// Nodes for a request that has waited for them for so many microseconds.
    pub(crate) fn granted(place: Option<usize>, event: Answer, waited: i64) -> Self {
        Self {
            waited: Some(waited),
            ..Self::at(place, event)
        }
    }

    pub(crate) fn at(place: Option<usize>, event: Answer) -> Self {
        Self {
            place,
            event,
            waited: None,
        }
    }

    /// Each with its place.
    pub(crate) fn all(answers: Vec<(Option<usize>, Answer)>) -> Vec<Self> {
        let told = answers.into_iter();
        told.map(|(place, event)| Self::at(place, event)).collect()
    }

    pub(crate) fn by_the_way(event: Answer) -> Self {
        Self::at(None, event)
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

/// Emits what a batch of commands has to tell.
pub(crate) fn emit<C: Command>(
    effects: &mut Effects,
    requests: &[Request<C>],
    told: Vec<Told>,
) -> Result<(), HandlerError> {
    let causes: Vec<&Context> = requests.iter().map(|request| &request.context).collect();
    emit_all(effects, &causes, told)
}

/// Emits what a batch has to tell; what has no place in it is put down to the first of its causes.
pub(crate) fn emit_all(
    effects: &mut Effects,
    causes: &[&Context],
    told: Vec<Told>,
) -> Result<(), HandlerError> {
    for told in told {
        if let Some(cause) = causes.get(told.place.unwrap_or_default()) {
            emit_one(effects, cause, &told)?;
        }
    }
    Ok(())
}

/// Emits one event, or gives one order.
pub(crate) fn emit_one(
    effects: &mut Effects,
    cause: &Context,
    told: &Told,
) -> Result<(), HandlerError> {
    if let Some(waited) = told.waited {
        let waited = Duration::from_micros(waited.max(0).unsigned_abs());
        effects.granted_after(QUEUE, waited);
    }
    match &told.event {
        Answer::Granted(event) => effects.emit(cause, event),
        Answer::Refused(event) => effects.emit(cause, event),
        Answer::Released(event) => effects.emit(cause, event),
        Answer::Held(event) => effects.emit(cause, event),
        Answer::Order { agent, order } => effects.order(cause, agent, &**order),
    }
}
