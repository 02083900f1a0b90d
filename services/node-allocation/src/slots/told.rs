//! What a change of slots has to tell.

use std::{collections::HashMap, time::Duration};

use muster_contract::{
    Command,
    node_allocation::{
        SlotLease, SlotsGranted, SlotsLost, SlotsQueued, SlotsRefusal, SlotsRefused, WaitingReason,
    },
};
use muster_messaging::{Context, Effects, HandlerError, Request};
use uuid::Uuid;

use super::domain::wish::Wish;

/// An event with what caused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// Place of the command in its batch; `None`: whatever brought the slots, or took them away.
    pub(crate) place: Option<usize>,
    pub(crate) event: Answer,
    /// Of a new grant: microseconds that the request has waited for it.
    pub(crate) waited: Option<i64>,
}

impl Told {
    /// It has waited for so many microseconds.
    pub(crate) fn after(self, waited: i64) -> Self {
        Self {
            waited: Some(waited),
            ..self
        }
    }
}

/// The queue for slots of agents, in metrics.
const QUEUE: &str = "slots";

/// Where agents can be reached, by name.
pub(crate) type Addresses = HashMap<String, String>;

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Granted(SlotsGranted),
    Queued(SlotsQueued),
    Refused(SlotsRefused),
    Lost(SlotsLost),
}

/// A session that had something of an agent that is lost.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LostSession {
    pub(crate) session: Uuid,
    pub(crate) tenant: String,
    pub(crate) agent: String,
}

/// Who is answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) place: Option<usize>,
    pub(crate) request: Uuid,
    pub(crate) session: Uuid,
    pub(crate) tenant: &'a str,
}

impl<'a> Asking<'a> {
    /// One that waits.
    pub(crate) fn of(wish: &'a Wish) -> Self {
        Self {
            place: None,
            request: wish.request,
            session: wish.session,
            tenant: &wish.holder.tenant,
        }
    }

    /// That command asks.
    pub(crate) fn at(self, place: usize) -> Self {
        Self {
            place: Some(place),
            ..self
        }
    }

    /// It has slots on these agents, which can be reached at these addresses.
    pub(crate) fn granted(
        self,
        scaling_group: &str,
        agents: &[String],
        addresses: &Addresses,
    ) -> Told {
        let leases = agents.iter().map(|agent| SlotLease {
            agent: agent.clone(),
            address: addresses.get(agent).cloned(),
        });
        self.told(Answer::Granted(SlotsGranted {
            request: self.request,
            session: self.session,
            tenant: self.tenant.to_owned(),
            scaling_group: scaling_group.to_owned(),
            leases: leases.collect(),
        }))
    }

    /// It waits.
    pub(crate) fn queued(self, reason: WaitingReason) -> Told {
        self.told(Answer::Queued(SlotsQueued {
            request: self.request,
            session: self.session,
            tenant: self.tenant.to_owned(),
            reason,
        }))
    }

    /// It gets none.
    pub(crate) fn refused(self, reason: SlotsRefusal) -> Told {
        self.told(Answer::Refused(SlotsRefused {
            request: self.request,
            session: self.session,
            tenant: self.tenant.to_owned(),
            reason,
        }))
    }

    /// What it had there is lost.
    pub(crate) fn lost(self, agent: &str) -> Told {
        self.told(Answer::Lost(SlotsLost {
            session: self.session,
            tenant: self.tenant.to_owned(),
            agent: agent.to_owned(),
        }))
    }

    fn told(self, event: Answer) -> Told {
        Told {
            place: self.place,
            event,
            waited: None,
        }
    }
}

/// What these sessions had of agents is lost.
pub(crate) fn lost(sessions: impl IntoIterator<Item = LostSession>) -> Vec<Told> {
    let told = sessions.into_iter().map(|lost| Told {
        place: None,
        event: Answer::Lost(SlotsLost {
            session: lost.session,
            tenant: lost.tenant,
            agent: lost.agent,
        }),
        waited: None,
    });
    told.collect()
}

/// Emits what a batch of commands has to tell; what has no place in it is put down to the first of them.
pub(crate) fn emit<C: Command>(
    effects: &mut Effects,
    requests: &[Request<C>],
    told: &[Told],
) -> Result<(), HandlerError> {
    for told in told {
        if let Some(request) = requests.get(told.place.unwrap_or_default()) {
            emit_one(effects, &request.context, told)?;
        }
    }
    Ok(())
}

/// Emits what no command has caused.
pub(crate) fn emit_all(
    effects: &mut Effects,
    cause: &Context,
    told: &[Told],
) -> Result<(), HandlerError> {
    let mut told = told.iter();
    told.try_for_each(|told| emit_one(effects, cause, told))
}

fn emit_one(effects: &mut Effects, cause: &Context, told: &Told) -> Result<(), HandlerError> {
    if let Some(waited) = told.waited {
        let waited = Duration::from_micros(waited.max(0).unsigned_abs());
        effects.granted_after(QUEUE, waited);
    }
    match &told.event {
        Answer::Granted(event) => effects.emit(cause, event),
        Answer::Queued(event) => effects.emit(cause, event),
        Answer::Refused(event) => effects.emit(cause, event),
        Answer::Lost(event) => effects.emit(cause, event),
    }
}
