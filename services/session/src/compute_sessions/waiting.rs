//! Who waits for a session, and when they are answered.

use muster_contract::{
    Outcome,
    session::{
        ComputeSessionRefusal, ComputeSessionStatus, CreatedComputeSession, DestroyedComputeSession,
    },
};
use uuid::Uuid;

use crate::compute_sessions::{domain::session::Session, saying::Settlement};

/// A command that is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiter {
    /// The command.
    pub(crate) command: Uuid,
    /// What it waits for.
    pub(crate) awaited: Awaited,
}

/// What a command waits for. `created`: whether the session is a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// That it is known whether the session can be had.
    Known { created: bool },
    /// That it runs or is over, but no longer than until this moment: microseconds since 1970 UTC.
    Started { created: bool, until: i64 },
    /// That it is over.
    Over,
    /// That it runs again.
    Restarted,
}

impl Awaited {
    /// The answer, if there is one by now.
    pub(crate) fn answer(self, session: &Session) -> Option<Settlement> {
        let status = session.status;
        match self {
            Self::Known { created } => session
                .is_known()
                .then(|| created_answer(session, created, false)),
            Self::Started { created, .. } => {
                let is_there = status == ComputeSessionStatus::Running || status.is_over();
                is_there.then(|| created_answer(session, created, false))
            }
            Self::Over => status.is_over().then(|| {
                let session = session.shown();
                Settlement::Destroy(Outcome::Done(DestroyedComputeSession { session }))
            }),
            Self::Restarted => match status {
                ComputeSessionStatus::Restarting => None,
                ComputeSessionStatus::Running => {
                    Some(Settlement::Restart(Outcome::Done(session.shown())))
                }
                _ => {
                    let reason = session.status_info.clone().unwrap_or_default();
                    let refusal = ComputeSessionRefusal::Ended { reason };
                    Some(Settlement::Restart(Outcome::Refused(refusal)))
                }
            },
        }
    }

    /// The answer if its time is over.
    pub(crate) fn late_answer(self, session: &Session, now: i64) -> Option<Settlement> {
        match self {
            Self::Started { created, until } if until <= now => {
                Some(created_answer(session, created, true))
            }
            _ => None,
        }
    }
}

fn created_answer(session: &Session, created: bool, timed_out: bool) -> Settlement {
    Settlement::Create(Outcome::Done(CreatedComputeSession {
        session: session.shown(),
        created,
        timed_out,
    }))
}
