//! What a batch has to say of runs once it is committed: collected apart from the broker, so that tests can look at it.

use muster_contract::session::{SessionJobEnded, SessionRunCompleted, SessionRunStarted};
use muster_messaging::{Context, Effects, HandlerError};

/// One thing to say to whoever listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Saying {
    Started(SessionRunStarted),
    Ended(SessionJobEnded),
    Completed(SessionRunCompleted),
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
            match saying {
                Saying::Started(event) => effects.emit(cause, event),
                Saying::Ended(event) => effects.emit(cause, event),
                Saying::Completed(event) => effects.emit(cause, event),
            }?;
        }
        Ok(())
    }

    /// All of it.
    #[cfg(test)]
    pub(crate) fn into_vec(self) -> Vec<Saying> {
        self.said.into_iter().map(|(_, saying)| saying).collect()
    }
}
