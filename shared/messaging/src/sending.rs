//! The ingress's way of sending a command and waiting for its outcome (design §3, rules 2 and 7).

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_nats::{
    HeaderMap,
    jetstream::{
        ErrorCode,
        context::{PublishError, PublishErrorKind},
    },
};
use futures_util::StreamExt;
use muster_contract::{
    Command, Outcome, Principal, Reply, ReplyBody, headers, subject,
    table::{Kind, entries},
};
use muster_platform::Shutdown;
use muster_telemetry::{
    Metrics,
    metrics::{CommandMetrics, CommandOutcome, WaiterMetrics},
};
use tokio::time::Instant;
use tracing::{Instrument, error, warn};
use uuid::Uuid;

use crate::{
    Broker, BrokerError, Connection, Environment, header_map, spans, topology::chain,
    waiters::Waiters,
};

/// Pause before a command is sent again that the broker did not take.
const RESEND_PAUSE: Duration = Duration::from_millis(100);

/// Limits of a [`CommandClient`].
#[derive(Debug, Clone, Copy)]
pub struct CommandClientOptions {
    /// Requests that may wait at once; one more is refused.
    pub waiter_limit: usize,
}

/// What goes with a command.
#[derive(Debug, Clone)]
pub struct SendOptions {
    /// Its id: new, or [derived](crate::command_id_for_key) from an `Idempotency-Key`.
    pub id: Uuid,
    /// Same for everything that the request sets off.
    pub correlation_id: Uuid,
    /// Who calls.
    pub principal: Principal,
    /// With an `Idempotency-Key`: the hash of the request.
    pub fingerprint: Option<String>,
    /// How long to wait for the outcome.
    pub deadline: Duration,
}

/// Why there is no outcome.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The broker cannot be reached: nothing was sent.
    #[error("the broker is away")]
    BrokerAway,
    /// The service has more commands waiting than its stream may hold: nothing was stored.
    #[error("the service has too many commands waiting")]
    StreamFull,
    /// Too many requests wait already: nothing was sent.
    #[error("{limit} requests are waiting already")]
    TooManyWaiters {
        /// Requests that may wait.
        limit: usize,
    },
    /// The command does not fit into one message.
    #[error("the command is longer than {limit} bytes")]
    TooLarge {
        /// Bytes that fit.
        limit: usize,
    },
    /// The deadline has passed. The command runs all the same; its id gives its outcome later.
    #[error("command {id} is still running")]
    StillRunning {
        /// The command's id.
        id: Uuid,
    },
    /// The `Idempotency-Key` was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// It could not be processed and was put aside.
    #[error("the command could not be processed and was put aside")]
    DeadLettered,
    /// Command or outcome is not of the contract's type.
    #[error("encoding")]
    Encoding(#[source] serde_json::Error),
}

impl SendError {
    /// Which of them it is, for a span: one of a few fixed words.
    fn kind(&self) -> &'static str {
        match self {
            Self::BrokerAway => "broker_away",
            Self::StreamFull => "stream_full",
            Self::TooManyWaiters { .. } => "too_many_waiters",
            Self::TooLarge { .. } => "too_large",
            Self::StillRunning { .. } => "timeout",
            Self::KeyReused => "key_reused",
            Self::DeadLettered => "dead_letter",
            Self::Encoding(_) => "encoding",
        }
    }
}

/// What the reply says; without one the command is still running.
fn outcome<T: serde::de::DeserializeOwned>(
    reply: Option<ReplyBody>,
    id: Uuid,
) -> Result<T, SendError> {
    match reply {
        Some(ReplyBody::Outcome(outcome)) => {
            serde_json::from_str(outcome.get()).map_err(SendError::Encoding)
        }
        Some(ReplyBody::KeyReused) => Err(SendError::KeyReused),
        Some(ReplyBody::DeadLettered) => Err(SendError::DeadLettered),
        None => Err(SendError::StillRunning { id }),
    }
}

type Key = (Uuid, Option<String>);

/// Sends commands and waits for their outcomes; cheap to clone.
#[derive(Clone)]
pub struct CommandClient {
    broker: Broker,
    waiters: Arc<Waiters<Key, ReplyBody>>,
    reply_to: Arc<str>,
    environment: Environment,
    waiting: WaiterMetrics,
    commands: Arc<HashMap<String, CommandMetrics>>,
}

impl CommandClient {
    /// Starts to listen for outcomes.
    pub async fn start(
        broker: Broker,
        options: CommandClientOptions,
        environment: Environment,
        metrics: &Metrics,
        shutdown: &Shutdown,
    ) -> Result<Self, BrokerError> {
        let reply_to = subject::reply(broker.part().name(), broker.instance());
        let mut replies = broker
            .client()
            .subscribe(reply_to.clone())
            .await
            .map_err(|source| BrokerError::Subscribe {
                subject: reply_to.clone(),
                source,
            })?;
        let waiters = Waiters::new(options.waiter_limit);
        let (listening, stop) = (waiters.clone(), shutdown.token());
        // Not a task that shutting down waits for: requests that are being finished still need it.
        tokio::spawn(async move {
            while let Some(message) = replies.next().await {
                give(&listening, &message.payload);
            }
            if !stop.is_cancelled() {
                warn!(target: "muster::messaging", "the subscription to outcomes has ended");
            }
        });
        let commands = entries(Kind::Command)
            .map(|entry| (entry.schema.clone(), metrics.command(entry.schema.clone())))
            .collect();
        Ok(Self {
            broker,
            waiters,
            reply_to: reply_to.into(),
            environment,
            waiting: metrics.waiters(),
            commands: Arc::new(commands),
        })
    }

    /// How many requests wait at this moment.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiters.count()
    }

    /// Sends the command and waits for its outcome.
    ///
    /// It is sent again if the connection was lost meanwhile, since either it or its reply may have been lost too; the inbox
    /// of the service makes that harmless.
    pub async fn send<C: Command>(
        &self,
        command: &C,
        options: SendOptions,
    ) -> Result<Outcome<C::Reply, C::Refusal>, SendError> {
        let started = Instant::now();
        let result = self.exchange(command, &options, started).await;
        if let Some(metrics) = self.commands.get(&C::schema()) {
            metrics.finished(outcome_of(&result), started.elapsed());
        }
        result
    }

    async fn exchange<C: Command>(
        &self,
        command: &C,
        options: &SendOptions,
        started: Instant,
    ) -> Result<Outcome<C::Reply, C::Refusal>, SendError> {
        let payload = serde_json::to_vec(command).map_err(SendError::Encoding)?;
        let limit = self.broker.body_limit();
        if payload.len() > limit {
            return Err(SendError::TooLarge { limit });
        }
        if !self.broker.is_connected() {
            return Err(SendError::BrokerAway);
        }
        let key = (options.id, options.fingerprint.clone());
        let limit = self.waiters.limit();
        let mut waiter = self
            .waiters
            .wait_for(key)
            .ok_or(SendError::TooManyWaiters { limit })?;
        let _waiting = self.waiting.enter();

        let span = spans::send_command(&C::subject(), options.id, options.correlation_id);
        let mut headers = self.headers::<C>(options)?;
        spans::inject(&span, &mut headers);
        let deadline = started + options.deadline;
        let sending = self.send_until_stored(C::subject(), headers, payload.into(), deadline);
        let sending = sending.instrument(span.clone());
        let reply = tokio::select! {
            biased;
            reply = waiter.next() => Ok(reply),
            unsent = sending => Err(self.explain(&unsent, options.id)),
            () = tokio::time::sleep_until(deadline) => Ok(None),
        };
        let result = reply.and_then(|reply| outcome(reply, options.id));
        // With the key of another request the client is wrong, not we.
        if let Err(error) = &result
            && !matches!(error, SendError::KeyReused)
        {
            spans::fail(&span, error.kind(), &error.to_string());
        }
        result
    }

    /// The connection.
    pub(crate) fn broker(&self) -> &Broker {
        &self.broker
    }

    /// Sends the command, and again whenever it or the reply may have been lost. Comes back only with an error.
    async fn send_until_stored(
        &self,
        subject: String,
        headers: HeaderMap,
        payload: bytes::Bytes,
        deadline: Instant,
    ) -> Unsent {
        let mut connection = self.broker.connection();
        let mut perhaps_stored = false;
        loop {
            let epoch = connection.borrow_and_update().epoch;
            let stored = publish(
                &self.broker,
                subject.clone(),
                headers.clone(),
                payload.clone(),
            );
            let Err(error) = stored.await else {
                perhaps_stored = true;
                // The outcome comes by the other way; here only a new connection matters.
                let renewed = |now: &Connection| now.connected && now.epoch != epoch;
                if connection.wait_for(renewed).await.is_err() {
                    return Unsent::Away { perhaps_stored };
                }
                continue;
            };
            match Refusal::of(&error) {
                Refusal::TooLarge => return Unsent::TooLarge,
                // Sent for the second time it may be stored all the same, from the first.
                Refusal::Full if !perhaps_stored => return Unsent::Full,
                Refusal::Full | Refusal::NoStream => {}
                Refusal::Unknown => perhaps_stored = true,
            }
            warn!(target: "muster::messaging", error = %chain(&error), "a command was not taken; sending it again");
            let away = async {
                tokio::time::sleep(RESEND_PAUSE).await;
                connection.wait_for(|now| now.connected).await.is_err()
            };
            // Given up a little before the deadline, to say that nothing was sent if it is so.
            let give_up = deadline.checked_sub(RESEND_PAUSE).unwrap_or(deadline);
            match tokio::time::timeout_at(give_up, away).await {
                Ok(false) => {}
                Ok(true) | Err(_) => return Unsent::Away { perhaps_stored },
            }
        }
    }

    fn explain(&self, unsent: &Unsent, id: Uuid) -> SendError {
        match unsent {
            Unsent::Away {
                perhaps_stored: true,
            } => SendError::StillRunning { id },
            Unsent::Away {
                perhaps_stored: false,
            } => SendError::BrokerAway,
            Unsent::Full => SendError::StreamFull,
            Unsent::TooLarge => SendError::TooLarge {
                limit: self.broker.body_limit(),
            },
        }
    }

    fn headers<C: Command>(&self, options: &SendOptions) -> Result<HeaderMap, SendError> {
        let principal = serde_json::to_string(&options.principal).map_err(SendError::Encoding)?;
        let now = self.environment.clock.now();
        let deadline = now.plus(options.deadline).as_micros().to_string();
        let mut map = HeaderMap::new();
        let mut set = |name, value: String| header_map::set(&mut map, name, value);
        set(headers::MESSAGE_ID, options.id.to_string());
        set(headers::SCHEMA, C::schema());
        set(headers::CORRELATION_ID, options.correlation_id.to_string());
        set(headers::PRINCIPAL, principal);
        set(headers::REPLY_TO, self.reply_to.to_string());
        set(headers::DEADLINE, deadline);
        if let Some(fingerprint) = &options.fingerprint {
            set(headers::FINGERPRINT, fingerprint.clone());
        }
        Ok(map)
    }
}

/// Publishes a message and waits until its stream has it.
async fn publish(
    broker: &Broker,
    subject: String,
    headers: HeaderMap,
    payload: bytes::Bytes,
) -> Result<(), PublishError> {
    let context = broker.jetstream();
    let sent = context.publish_with_headers(subject, headers, payload);
    sent.await?.await.map(|_| ())
}

/// The same, with the reason that it is not there.
pub(crate) async fn stored(
    broker: &Broker,
    subject: String,
    headers: HeaderMap,
    payload: bytes::Bytes,
) -> Result<(), Refusal> {
    let published = publish(broker, subject, headers, payload).await;
    published.map_err(|error| Refusal::of(&error))
}

/// How sending failed.
enum Unsent {
    Away { perhaps_stored: bool },
    Full,
    TooLarge,
}

/// Why the broker did not take a message.
pub(crate) enum Refusal {
    Full,
    /// There is no stream for it at the moment, so it is not stored.
    NoStream,
    TooLarge,
    /// It may be stored all the same: the connection broke, or there was no answer in time.
    Unknown,
}

impl Refusal {
    fn of(error: &PublishError) -> Self {
        use async_nats::jetstream::Error;
        match error.kind() {
            PublishErrorKind::StreamNotFound => return Refusal::NoStream,
            PublishErrorKind::MaxPayloadExceeded => return Refusal::TooLarge,
            _ => {}
        }
        let code = std::error::Error::source(error)
            .and_then(|source| source.downcast_ref::<Error>())
            .map(Error::error_code);
        match code {
            // The stream's own limit, or that of the whole server.
            Some(
                ErrorCode::STREAM_STORE_FAILED
                | ErrorCode::INSUFFICIENT_RESOURCES
                | ErrorCode::STORAGE_RESOURCES_EXCEEDED,
            ) => Refusal::Full,
            _ => Refusal::Unknown,
        }
    }
}

fn give(waiters: &Arc<Waiters<Key, ReplyBody>>, payload: &[u8]) {
    match serde_json::from_slice::<Vec<Reply>>(payload) {
        Ok(replies) => {
            for reply in replies {
                waiters.give(&(reply.id, reply.fingerprint), reply.body);
            }
        }
        Err(error) => error!(target: "muster::messaging", %error, "replies that cannot be read"),
    }
}

fn outcome_of<T, R>(result: &Result<Outcome<T, R>, SendError>) -> CommandOutcome {
    match result {
        Ok(Outcome::Done(_)) => CommandOutcome::Done,
        Ok(Outcome::Refused(_)) | Err(SendError::KeyReused | SendError::TooLarge { .. }) => {
            CommandOutcome::Refused
        }
        Err(SendError::StillRunning { .. }) => CommandOutcome::TimedOut,
        Err(SendError::BrokerAway | SendError::StreamFull | SendError::TooManyWaiters { .. }) => {
            CommandOutcome::Unavailable
        }
        Err(SendError::DeadLettered | SendError::Encoding(_)) => CommandOutcome::Failed,
    }
}
