//! What a batch has to say once it is committed: collected apart from the broker, so that tests can look at it.

use muster_contract::session::{
    ComputeSessionChanged, CreateComputeSession, DestroyComputeSession, RestartComputeSession,
};
use muster_messaging::{Context, Effects, HandlerError, OutcomeOf};
use uuid::Uuid;

use crate::compute_sessions::domain::turn::Deed;

/// One thing to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Saying {
    /// To node allocation or to an agent.
    Do(Deed),
    /// To whoever listens.
    Changed(Box<ComputeSessionChanged>),
    /// To whoever waits for the command of this id.
    Settle(Uuid, Box<Settlement>),
}

/// The outcome of a command that was begun earlier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Settlement {
    Create(OutcomeOf<CreateComputeSession>),
    Destroy(OutcomeOf<DestroyComputeSession>),
    Restart(OutcomeOf<RestartComputeSession>),
}

/// What a batch has to say, each with the place of the message that caused it.
#[derive(Debug, Default)]
pub(crate) struct Sayings {
    said: Vec<(usize, Saying)>,
}

impl Sayings {
    /// Adds one.
    pub(crate) fn say(&mut self, cause: usize, saying: Saying) {
        self.said.push((cause, saying));
    }

    /// Hands everything over to be sent with the commit.
    pub(crate) fn tell<'a>(
        self,
        contexts: impl IntoIterator<Item = &'a Context>,
        effects: &mut Effects,
    ) -> Result<(), HandlerError> {
        let contexts: Vec<&Context> = contexts.into_iter().collect();
        for (cause, saying) in &self.said {
            let cause = contexts
                .get(*cause)
                .copied()
                .ok_or_else(|| HandlerError::Permanent("an effect without a cause".to_owned()))?;
            tell(cause, saying, effects)?;
        }
        Ok(())
    }

    /// All of it.
    #[cfg(test)]
    pub(crate) fn into_vec(self) -> Vec<Saying> {
        self.said.into_iter().map(|(_, saying)| saying).collect()
    }
}

fn tell(cause: &Context, saying: &Saying, effects: &mut Effects) -> Result<(), HandlerError> {
    match saying {
        Saying::Do(Deed::Allocate(command)) => effects.command(cause, &**command),
        Saying::Do(Deed::Release(command)) => effects.command(cause, command),
        Saying::Do(Deed::Start(agent, order)) => effects.order(cause, agent, &**order),
        Saying::Do(Deed::Restart(agent, order)) => effects.order(cause, agent, order),
        Saying::Do(Deed::Stop(agent, order)) => effects.order(cause, agent, order),
        Saying::Changed(event) => effects.emit(cause, &**event),
        Saying::Settle(command, settlement) => match &**settlement {
            Settlement::Create(outcome) => {
                effects.settle::<CreateComputeSession>(*command, outcome)
            }
            Settlement::Destroy(outcome) => {
                effects.settle::<DestroyComputeSession>(*command, outcome)
            }
            Settlement::Restart(outcome) => {
                effects.settle::<RestartComputeSession>(*command, outcome)
            }
        },
    }
}
