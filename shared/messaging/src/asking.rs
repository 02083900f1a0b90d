//! The ingress's way of asking the owner of the tables (design §3, rule 8), and agents.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_nats::{HeaderMap, Message, StatusCode, service};
use bytes::Bytes;
use futures_util::StreamExt;
use muster_contract::{AgentQuestion, Outcome, Principal, Query, headers, subject};
use muster_platform::Shutdown;
use serde::Serialize;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};
use tracing::{Instrument, warn};
use uuid::Uuid;

use crate::{
    Broker, BrokerError, Connection, Environment, header_map, spans,
    waiters::{Waiter, Waiters},
};

/// Pause before a question is asked again that nobody was there to answer.
const ASK_AGAIN_PAUSE: Duration = Duration::from_millis(100);

/// How long nothing may come before the question is asked again: whoever had it may have died with it. Doubled each time,
/// so that an owner who is only slow is not asked over and over.
const PATIENCE: Duration = Duration::from_secs(2);

/// Limits of a [`QueryClient`].
#[derive(Debug, Clone, Copy)]
pub struct QueryClientOptions {
    /// Questions that may wait at once; one more is refused.
    pub waiter_limit: usize,
    /// Bytes that one answer may have.
    pub answer_limit: usize,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The broker cannot be reached.
    #[error("the broker is away")]
    BrokerAway,
    /// Nobody was there to answer: of a service before the deadline, of an agent at this moment.
    #[error("nobody is there to answer")]
    OwnerAway,
    /// Too many questions wait already.
    #[error("{limit} questions are waiting already")]
    TooManyWaiters {
        /// Questions that may wait.
        limit: usize,
    },
    /// The question or the answer is too long.
    #[error("more than {limit} bytes")]
    TooLarge {
        /// Bytes it may have.
        limit: usize,
    },
    /// No answer before the deadline.
    #[error("no answer in time")]
    Deadline,
    /// The owner failed.
    #[error("whoever was asked failed: {0}")]
    Failed(String),
    /// Question or answer is not of the contract's type.
    #[error("encoding")]
    Encoding(#[source] serde_json::Error),
}

impl AskError {
    /// Which of them it is, for a span: one of a few fixed words.
    fn kind(&self) -> &'static str {
        match self {
            Self::BrokerAway => "broker_away",
            Self::OwnerAway => "owner_away",
            Self::TooManyWaiters { .. } => "too_many_waiters",
            Self::TooLarge { .. } => "too_large",
            Self::Deadline => "timeout",
            Self::Failed(_) => "failed",
            Self::Encoding(_) => "encoding",
        }
    }
}

/// The answer, decoded; the span says why there is none.
fn read<T: serde::de::DeserializeOwned>(
    answer: Result<Vec<u8>, AskError>,
    span: &tracing::Span,
) -> Result<T, AskError> {
    let answer =
        answer.and_then(|answer| serde_json::from_slice(&answer).map_err(AskError::Encoding));
    answer.inspect_err(|error| spans::fail(span, error.kind(), &error.to_string()))
}

/// Why one try at a question has brought no answer.
enum NoAnswer {
    /// Nobody was there who could have been asked.
    Nobody,
    /// Nothing has come for as long as there was patience.
    Silence,
    /// If there was an answer it went to a connection that was lost.
    Lost,
    /// There is no use in another try.
    Final(AskError),
}

impl From<AskError> for NoAnswer {
    fn from(error: AskError) -> Self {
        Self::Final(error)
    }
}

/// Asks questions; cheap to clone.
#[derive(Clone)]
pub struct QueryClient {
    broker: Broker,
    waiters: Arc<Waiters<String, Arc<Message>>>,
    inbox: Arc<str>,
    options: QueryClientOptions,
    environment: Environment,
}

impl QueryClient {
    /// Starts to listen for answers.
    pub async fn start(
        broker: Broker,
        options: QueryClientOptions,
        environment: Environment,
        shutdown: &Shutdown,
    ) -> Result<Self, BrokerError> {
        let part = broker.part().name();
        let inbox = format!("{}.{}", subject::inbox_prefix(part), broker.instance());
        let all = format!("{inbox}.*");
        let mut answers = broker
            .client()
            .subscribe(all.clone())
            .await
            .map_err(|source| BrokerError::Subscribe {
                subject: all,
                source,
            })?;
        let waiters = Waiters::<String, Arc<Message>>::new(options.waiter_limit);
        let (listening, stop) = (waiters.clone(), shutdown.token());
        tokio::spawn(async move {
            while let Some(message) = answers.next().await {
                let address = message.subject.to_string();
                listening.give(&address, Arc::new(message));
            }
            if !stop.is_cancelled() {
                warn!(target: "muster::messaging", "the subscription to answers has ended");
            }
        });
        Ok(Self {
            broker,
            waiters,
            inbox: inbox.into(),
            options,
            environment,
        })
    }

    /// Asks the owner and waits for its answer; asks again while nobody is there.
    pub async fn ask<Q: Query>(
        &self,
        query: &Q,
        principal: Option<&Principal>,
        deadline: Duration,
    ) -> Result<Outcome<Q::Answer, Q::Refusal>, AskError> {
        let payload = self.encode(query)?;
        let span = spans::ask(&Q::subject());
        let mut map = HeaderMap::new();
        header_map::set(&mut map, headers::SCHEMA, Q::schema());
        if let Some(principal) = principal {
            let principal = serde_json::to_string(principal).map_err(AskError::Encoding)?;
            header_map::set(&mut map, headers::PRINCIPAL, principal);
        }
        spans::inject(&span, &mut map);
        let deadline = Instant::now() + deadline;
        let mut patience = PATIENCE;
        let asking = async {
            loop {
                let answer = self.ask_once(Q::subject(), &map, &payload, Some(patience), deadline);
                match answer.await {
                    Ok(answer) => return Ok(answer),
                    Err(NoAnswer::Silence) => patience *= 2,
                    Err(NoAnswer::Nobody | NoAnswer::Lost)
                        if Instant::now() + ASK_AGAIN_PAUSE < deadline =>
                    {
                        tokio::time::sleep(ASK_AGAIN_PAUSE).await;
                    }
                    Err(NoAnswer::Nobody | NoAnswer::Lost) => return Err(AskError::OwnerAway),
                    Err(NoAnswer::Final(error)) => return Err(error),
                }
            }
        };
        let answer = asking.instrument(span.clone()).await;
        read(answer, &span)
    }

    /// Asks the agent and waits for its answer. It is asked once: what it does may not be done twice, so where it is not known
    /// whether the question has reached it, it is for the caller to see.
    ///
    /// # Errors
    /// The agent is not there ([`AskError::OwnerAway`], at once), or has not answered in time, or the connection to the broker
    /// was lost meanwhile.
    pub async fn ask_agent<Q: AgentQuestion>(
        &self,
        agent: &str,
        question: &Q,
        deadline: Duration,
    ) -> Result<Outcome<Q::Answer, Q::Refusal>, AskError> {
        let payload = self.encode(question)?;
        let subject = Q::subject(agent);
        let span = spans::ask(&subject);
        let mut map = HeaderMap::new();
        header_map::set(&mut map, headers::SCHEMA, Q::schema());
        spans::inject(&span, &mut map);
        let deadline = Instant::now() + deadline;
        let asking = self.ask_once(subject, &map, &payload, None, deadline);
        let answer = asking.instrument(span.clone()).await;
        let answer = answer.map_err(|none| match none {
            NoAnswer::Nobody => AskError::OwnerAway,
            NoAnswer::Silence => AskError::Deadline,
            NoAnswer::Lost => AskError::BrokerAway,
            NoAnswer::Final(error) => error,
        });
        read(answer, &span)
    }

    fn encode(&self, question: &impl Serialize) -> Result<Bytes, AskError> {
        let payload = serde_json::to_vec(question).map_err(AskError::Encoding)?;
        let limit = self.broker.body_limit();
        if payload.len() > limit {
            return Err(AskError::TooLarge { limit });
        }
        Ok(payload.into())
    }

    /// `patience` = how long nothing may come; without it there is only the deadline.
    async fn ask_once(
        &self,
        subject: String,
        headers: &HeaderMap,
        payload: &Bytes,
        patience: Option<Duration>,
        deadline: Instant,
    ) -> Result<Vec<u8>, NoAnswer> {
        if !self.broker.is_connected() {
            return Err(AskError::BrokerAway.into());
        }
        let id: Uuid = self.environment.ids.next();
        let address = format!("{}.{}", self.inbox, id.simple());
        let limit = self.waiters.limit();
        let mut waiter = self
            .waiters
            .wait_for(address.clone())
            .ok_or(AskError::TooManyWaiters { limit })?;
        // Remembered before the question is sent: if the connection is lost after that, so is the answer.
        let mut connection = self.broker.connection();
        let epoch = connection.borrow_and_update().epoch;
        let asking = async {
            self.broker
                .client()
                .publish_with_reply_and_headers(subject, address, headers.clone(), payload.clone())
                .await
                .map_err(|_| AskError::BrokerAway)?;
            self.collect(&mut waiter, &mut connection, epoch, patience)
                .await
        };
        timeout_at(deadline, asking)
            .await
            .unwrap_or(Err(AskError::Deadline.into()))
    }

    /// Puts the answer together from its parts, in whatever order they come.
    async fn collect(
        &self,
        waiter: &mut Waiter<String, Arc<Message>>,
        connection: &mut watch::Receiver<Connection>,
        epoch: u64,
        patience: Option<Duration>,
    ) -> Result<Vec<u8>, NoAnswer> {
        let mut parts = BTreeMap::new();
        let mut size = 0;
        loop {
            let message = tokio::select! {
                biased;
                message = waiter.next() => message.ok_or(AskError::Deadline)?,
                // The answer went to the connection that was lost.
                _ = connection.wait_for(|now| now.connected && now.epoch != epoch) => {
                    return Err(NoAnswer::Lost);
                }
                () = run_out(patience) => return Err(NoAnswer::Silence),
            };
            if message.status == Some(StatusCode::NO_RESPONDERS) {
                return Err(NoAnswer::Nobody);
            }
            let header = |name| {
                let headers = message.headers.as_ref()?;
                Some(headers.get(name)?.as_str().to_owned())
            };
            if let Some(error) = header(service::NATS_SERVICE_ERROR) {
                return Err(AskError::Failed(error).into());
            }
            let (number, count) = header(headers::ANSWER_PART)
                .and_then(|part| numbers(&part))
                .unwrap_or((1, 1));
            size += message.payload.len();
            let limit = self.options.answer_limit;
            if size > limit {
                return Err(AskError::TooLarge { limit }.into());
            }
            parts.insert(number, message.payload.clone());
            if parts.len() >= count {
                let mut answer = Vec::with_capacity(size);
                for part in parts.values() {
                    answer.extend_from_slice(part);
                }
                return Ok(answer);
            }
        }
    }
}

/// When there is no patience left; without one it never runs out.
async fn run_out(patience: Option<Duration>) {
    match patience {
        Some(patience) => tokio::time::sleep(patience).await,
        None => std::future::pending().await,
    }
}

/// `2/5`: the second part of five.
fn numbers(part: &str) -> Option<(usize, usize)> {
    let (number, count) = part.split_once('/')?;
    Some((number.parse().ok()?, count.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_say_their_number() {
        assert_eq!(numbers("2/5"), Some((2, 5)));
        assert_eq!(numbers("2"), None);
        assert_eq!(numbers("x/5"), None);
    }
}
