//! What a batch has to say once it is committed: collected apart from the broker, so that tests can look at it.

use muster_contract::{
    agent::RunSessionHook,
    node_allocation::{AllocateNodes, CancelAllocation, HoldNodes, ReleaseNodes},
    session::{
        CloseNodeSession, GrowNodeSession, HoldNodeSession, NodeSessionClosed, NodeSessionGrown,
        NodeSessionHeld, NodeSessionOpened, NodeSessionShrunk, NodeSessionTearDownFailed,
        OpenNodeSession, ShrinkNodeSession,
    },
};
use muster_messaging::{Context, Effects, HandlerError, OutcomeOf};
use uuid::Uuid;

use crate::node_sessions::asking::Ask;

/// One thing to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Saying {
    /// To node allocation.
    Allocate(AllocateNodes),
    Release(ReleaseNodes),
    Hold(HoldNodes),
    /// To the agent of this name.
    Order(String, RunSessionHook),
    Cancel(CancelAllocation),
    /// To whoever listens.
    Opened(NodeSessionOpened),
    Grown(NodeSessionGrown),
    Shrunk(NodeSessionShrunk),
    Held(NodeSessionHeld),
    Closed(NodeSessionClosed),
    TearDownFailed(NodeSessionTearDownFailed),
    /// To whoever waits for the command of this id.
    Settle(Uuid, Settlement),
}

/// The outcome of a command that was begun earlier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Settlement {
    Open(OutcomeOf<OpenNodeSession>),
    Grow(OutcomeOf<GrowNodeSession>),
    Shrink(OutcomeOf<ShrinkNodeSession>),
    Hold(OutcomeOf<HoldNodeSession>),
    Close(OutcomeOf<CloseNodeSession>),
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

    /// Asks node allocation.
    pub(crate) fn ask(&mut self, cause: usize, ask: &Ask) {
        let saying = match ask {
            Ask::SetUp { .. } => return,
            Ask::Open(allocate) | Ask::Grow(allocate) => Saying::Allocate(allocate.clone()),
            Ask::Shrink { release, .. } | Ask::Close(release) => Saying::Release(release.clone()),
            Ask::Hold(hold) => Saying::Hold(hold.clone()),
        };
        self.say(cause, saying);
    }

    /// Tells the outcome, if a command waits for it.
    pub(crate) fn settle(&mut self, cause: usize, command: Option<Uuid>, settlement: Settlement) {
        if let Some(command) = command {
            self.say(cause, Saying::Settle(command, settlement));
        }
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
        Saying::Allocate(command) => effects.command(cause, command),
        Saying::Release(command) => effects.command(cause, command),
        Saying::Hold(command) => effects.command(cause, command),
        Saying::Order(agent, order) => effects.order(cause, agent, order),
        Saying::Cancel(command) => effects.command(cause, command),
        Saying::Opened(event) => effects.emit(cause, event),
        Saying::Grown(event) => effects.emit(cause, event),
        Saying::Shrunk(event) => effects.emit(cause, event),
        Saying::Held(event) => effects.emit(cause, event),
        Saying::Closed(event) => effects.emit(cause, event),
        Saying::TearDownFailed(event) => effects.emit(cause, event),
        Saying::Settle(command, settlement) => match settlement {
            Settlement::Open(outcome) => effects.settle::<OpenNodeSession>(*command, outcome),
            Settlement::Grow(outcome) => effects.settle::<GrowNodeSession>(*command, outcome),
            Settlement::Shrink(outcome) => effects.settle::<ShrinkNodeSession>(*command, outcome),
            Settlement::Hold(outcome) => effects.settle::<HoldNodeSession>(*command, outcome),
            Settlement::Close(outcome) => effects.settle::<CloseNodeSession>(*command, outcome),
        },
    }
}
