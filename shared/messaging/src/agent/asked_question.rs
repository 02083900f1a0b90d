//! One question, until it is answered.

use async_nats::{HeaderMap, Message, Subject, service};
use bytes::Bytes;
use muster_contract::{AgentQuestion, Outcome, headers, subject};
use tokio::sync::OwnedSemaphorePermit;
use tracing::{Span, error, warn};

use super::AgentBroker;
use crate::{header_map, spans};

/// Status of an answer that is none.
const FAILED: &str = "500";

/// Why an answer was not sent.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// It is no JSON, or longer than a message may be. Whoever asks was told that there is no answer.
    #[error("an answer that cannot be sent: {0}")]
    Unfit(String),
    /// The connection to the broker is closed.
    #[error("the connection to the broker is closed")]
    Closed,
}

/// A question that this agent is asked. Whoever asks waits for its answer; dropped without one, until its own deadline.
pub struct AskedQuestion {
    broker: AgentBroker,
    message: Message,
    address: Subject,
    name: String,
    span: Span,
    /// Among those that are being answered.
    _place: Option<OwnedSemaphorePermit>,
}

impl AskedQuestion {
    /// Reads the subject. A question that nobody waits for, or none of the contract's, is thrown away.
    pub(super) fn read(
        broker: AgentBroker,
        message: Message,
        place: Option<OwnedSemaphorePermit>,
    ) -> Option<Self> {
        let name = subject::question_name(&message.subject).map(str::to_owned);
        let (Some(name), Some(address)) = (name, message.reply.clone()) else {
            warn!(target: "muster::messaging", subject = %message.subject, "a question that nobody waits for");
            return None;
        };
        let span = spans::answer(&message.subject, message.headers.as_ref());
        Some(Self {
            broker,
            message,
            address,
            name,
            span,
            _place: place,
        })
    }

    /// What is asked: `Q::NAME` of the message type it [decodes](Self::decode) to.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What kind of question it says it is: `Q::schema()`, with the version of the body.
    #[must_use]
    pub fn schema(&self) -> Option<&str> {
        let headers = self.message.headers.as_ref()?;
        header_map::get(headers, headers::SCHEMA)
    }

    /// The body as it came: JSON.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.message.payload
    }

    /// The span of answering it, a child of that of whoever asks. Open until this is dropped.
    #[must_use]
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// The question.
    ///
    /// # Errors
    /// It is another one, or of a version that this agent does not know.
    pub fn decode<Q: AgentQuestion>(&self) -> Result<Q, serde_json::Error> {
        serde_json::from_slice(&self.message.payload)
    }

    /// Answers it, in one message: the broker lets an agent send no more.
    ///
    /// # Errors
    /// The answer was not sent.
    pub async fn answer<Q: AgentQuestion>(
        self,
        outcome: &Outcome<Q::Answer, Q::Refusal>,
    ) -> Result<(), AnswerError> {
        let limit = self.broker.link.body_limit();
        let unfit = match serde_json::to_vec(outcome) {
            Ok(body) if body.len() <= limit => {
                return self.send(HeaderMap::new(), body.into()).await;
            }
            Ok(_) => format!("it is longer than {limit} bytes"),
            Err(error) => error.to_string(),
        };
        error!(target: "muster::messaging", question = self.name, reason = unfit, "a question could not be answered");
        self.fail().await?;
        Err(AnswerError::Unfit(unfit))
    }

    /// Says that there is no answer, so that whoever asks need not wait for one. Why there is none is for the agent's log.
    ///
    /// # Errors
    /// That was not sent.
    pub async fn fail(self) -> Result<(), AnswerError> {
        let mut map = HeaderMap::new();
        header_map::set(
            &mut map,
            service::NATS_SERVICE_ERROR,
            "it could not be answered",
        );
        header_map::set(&mut map, service::NATS_SERVICE_ERROR_CODE, FAILED);
        self.send(map, Bytes::new()).await
    }

    async fn send(&self, map: HeaderMap, body: Bytes) -> Result<(), AnswerError> {
        let client = &self.broker.link.client;
        let address = self.address.clone();
        let sent = client.publish_with_headers(address, map, body).await;
        sent.map_err(|_| AnswerError::Closed)
    }
}
