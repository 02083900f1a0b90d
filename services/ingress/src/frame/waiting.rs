//! Sending a command and waiting for its outcome, asking a question and waiting for its answer; and
//! what a client is told when neither comes (design §3, rule 7).

use std::time::Duration;

use axum::body::Bytes;
use muster_contract::{AgentQuestion, Command, Outcome, Principal, Query};
use muster_messaging::{AskError, SendError, SendOptions, command_id_for_key};

use super::{Caller, Failure, FailureKind, Idempotency, Ingress};

impl Ingress {
    /// Sends the command that a request with `body` asks for, and waits for its outcome.
    pub(crate) async fn send<C: Command>(
        &self,
        caller: &Caller,
        idempotency: Idempotency,
        body: &Bytes,
        command: &C,
    ) -> Result<Outcome<C::Reply, C::Refusal>, Failure> {
        self.send_within(self.limits.command, caller, idempotency, body, command)
            .await
    }

    /// The same with a deadline of its own, for a command that may wait for something itself.
    pub(crate) async fn send_within<C: Command>(
        &self,
        deadline: Duration,
        caller: &Caller,
        idempotency: Idempotency,
        body: &Bytes,
        command: &C,
    ) -> Result<Outcome<C::Reply, C::Refusal>, Failure> {
        let (id, fingerprint) = match idempotency.of_request(body) {
            Some((key, fingerprint)) => (
                command_id_for_key(&caller.principal, &key),
                Some(fingerprint),
            ),
            None => (self.environment.ids.next(), None),
        };
        // Set once: a request becomes one command.
        let _ = caller.request.command_id.set(id);
        let options = SendOptions {
            id,
            correlation_id: caller.request.correlation_id,
            principal: caller.principal.as_ref().clone(),
            fingerprint,
            deadline,
        };
        self.commands
            .send(command, options)
            .await
            .map_err(Failure::from)
    }

    /// Asks the question and waits for its answer.
    pub(crate) async fn ask<Q: Query>(
        &self,
        caller: &Caller,
        query: &Q,
    ) -> Result<Outcome<Q::Answer, Q::Refusal>, Failure> {
        self.ask_for(Some(caller.principal.as_ref()), query).await
    }

    /// The same for whomever it is; `None` = nobody has said.
    pub(crate) async fn ask_for<Q: Query>(
        &self,
        principal: Option<&Principal>,
        query: &Q,
    ) -> Result<Outcome<Q::Answer, Q::Refusal>, Failure> {
        self.queries
            .ask(query, principal, self.limits.query)
            .await
            .map_err(Failure::from)
    }
}

impl Ingress {
    /// Asks an agent something and waits for its answer.
    pub(crate) async fn ask_agent<Q: AgentQuestion>(
        &self,
        agent: &str,
        question: &Q,
    ) -> Result<Outcome<Q::Answer, Q::Refusal>, Failure> {
        self.queries
            .ask_agent(agent, question, self.limits.query)
            .await
            .map_err(|error| match error {
                AskError::OwnerAway => Failure::new(
                    FailureKind::Unavailable,
                    "the agent that runs it is away; try again",
                ),
                error => error.into(),
            })
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        use FailureKind::{NotYet, TooLarge, Unavailable, Unprocessable};
        let internal = chain(&error);
        match error {
            SendError::BrokerAway => Self::new(
                Unavailable,
                "the message broker is away; nothing was done, try again",
            ),
            SendError::StreamFull => Self::new(
                Unavailable,
                "too many commands are waiting to be carried out; nothing was done, try again",
            ),
            SendError::TooManyWaiters { .. } => Self::new(
                Unavailable,
                "too many requests are waiting for an outcome; nothing was done, try again",
            )
            .because(internal),
            SendError::StillRunning { id } => Self::new(
                NotYet,
                format!(
                    "command {id} is still running; the same request with the same Idempotency-Key finds its outcome"
                ),
            ),
            SendError::TooLarge { limit } => Self::new(
                TooLarge,
                format!("the request becomes a command of more than {limit} bytes"),
            ),
            SendError::KeyReused => Self::new(
                Unprocessable,
                "this Idempotency-Key was used for another request",
            ),
            SendError::DeadLettered | SendError::Encoding(_) => Self::broken(internal),
        }
    }
}

impl From<AskError> for Failure {
    fn from(error: AskError) -> Self {
        use FailureKind::{NotYet, Unavailable};
        let internal = chain(&error);
        match error {
            AskError::BrokerAway => Self::new(Unavailable, "the message broker is away; try again"),
            AskError::OwnerAway => Self::new(
                Unavailable,
                "the service that knows the answer is away; try again",
            ),
            AskError::TooManyWaiters { .. } => Self::new(
                Unavailable,
                "too many requests are waiting for an answer; try again",
            )
            .because(internal),
            AskError::TooLarge { limit } => Self::invalid(format!(
                "the answer would have more than {limit} bytes; ask for less at a time"
            )),
            AskError::Deadline => Self::new(NotYet, "there was no answer in time"),
            AskError::Failed(_) | AskError::Encoding(_) => Self::broken(internal),
        }
    }
}

/// An error with all its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn every_way_of_having_no_outcome_has_its_status() {
        let encoding = || serde_json::from_str::<i32>("x").unwrap_err();
        let id = Uuid::from_u128(7);
        for (error, status) in [
            (SendError::BrokerAway, 503),
            (SendError::StreamFull, 503),
            (SendError::TooManyWaiters { limit: 1 }, 503),
            (SendError::TooLarge { limit: 1 }, 413),
            (SendError::StillRunning { id }, 504),
            (SendError::KeyReused, 422),
            (SendError::DeadLettered, 500),
            (SendError::Encoding(encoding()), 500),
        ] {
            let text = error.to_string();
            let failure = Failure::from(error);
            assert_eq!(failure.kind().status(), status, "{text}");
        }
        let failure = Failure::from(SendError::StillRunning { id });
        assert!(failure.message().contains(&id.to_string()));
        for (error, status) in [
            (AskError::BrokerAway, 503),
            (AskError::OwnerAway, 503),
            (AskError::TooManyWaiters { limit: 1 }, 503),
            (AskError::TooLarge { limit: 1 }, 400),
            (AskError::Deadline, 504),
            (AskError::Failed("disk full".to_owned()), 500),
            (AskError::Encoding(encoding()), 500),
        ] {
            let text = error.to_string();
            assert_eq!(Failure::from(error).kind().status(), status, "{text}");
        }
    }

    #[test]
    fn what_a_service_says_of_itself_is_for_the_log_alone() {
        let failure = Failure::from(AskError::Failed("disk full".to_owned()));
        assert_eq!(failure.message(), "internal error");
        assert!(failure.for_the_log().contains("disk full"));
    }
}
