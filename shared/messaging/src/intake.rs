//! Takes messages from a stream, batch by batch.

use std::{convert::Infallible, time::Duration};

use async_nats::{
    Subject,
    jetstream::{self, AckKind, consumer::PullConsumer},
};
use muster_contract::topology::ACKNOWLEDGE_WAIT;
use muster_platform::ComponentHealth;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{Broker, ahead::Ahead, settling::Settler, source::Source, topology::chain};

/// Pause before the consumer is looked up again.
const CONSUMER_PAUSE: Duration = Duration::from_millis(200);

/// Messages that one replica holds ahead.
const AHEAD: usize = 256;

/// How long one request for messages stands at the broker.
const PULL_EXPIRY: Duration = Duration::from_secs(30);

/// How often the broker says that it still knows our request.
const PULL_HEARTBEAT: Duration = Duration::from_secs(5);

/// How often the broker is told that we still work on a batch.
const KEEPING_INTERVAL: Duration = Duration::from_secs(1);

const _: () = assert!(
    KEEPING_INTERVAL.as_millis() * 2 < ACKNOWLEDGE_WAIT.as_millis(),
    "one lost word must not make the broker deliver the batch to somebody else"
);

/// The consuming half of a service.
pub(crate) struct Intake {
    pub(crate) source: Source,
    pub(crate) broker: Broker,
    pub(crate) settler: Settler,
    pub(crate) health: ComponentHealth,
    pub(crate) batch_limit: usize,
    pub(crate) stop: CancellationToken,
}

/// How many messages are asked for at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// One: what this process or the one before it held may bring it down, and whatever is held then counts one delivery
    /// more. So that only the culprit reaches the limit, nothing else is held.
    OneByOne,
    /// As many as may be held.
    Full,
}

impl Intake {
    /// Until it is told to stop.
    pub(crate) async fn run(self) {
        let mut pace = Pace::OneByOne;
        while !self.stop.is_cancelled() {
            match self.ahead(pace).await {
                Ok(ahead) => {
                    self.health.ready();
                    pace = self.take(ahead, pace).await;
                }
                Err(error) => {
                    self.health
                        .down(format!("no {}: {error}", self.source.what));
                    self.pause(CONSUMER_PAUSE).await;
                }
            }
        }
    }

    async fn ahead(&self, pace: Pace) -> Result<Ahead, String> {
        let consumer: PullConsumer = self
            .broker
            .jetstream()
            .get_consumer_from_stream(self.source.consumer, self.source.stream)
            .await
            .map_err(|error| chain(&error))?;
        let (at_once, batch_limit) = match pace {
            Pace::OneByOne => (1, 1),
            Pace::Full => (AHEAD, self.batch_limit),
        };
        let messages = consumer
            .stream()
            .max_messages_per_batch(at_once)
            .expires(PULL_EXPIRY)
            .heartbeat(PULL_HEARTBEAT)
            .messages()
            .await
            .map_err(|error| chain(&error))?;
        Ok(Ahead::new(
            self.broker.clone(),
            consumer,
            messages,
            batch_limit,
        ))
    }

    /// Takes messages until there is a reason to ask for them anew; returns the pace for that.
    async fn take(&self, mut ahead: Ahead, pace: Pace) -> Pace {
        loop {
            let batch = tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                batch = ahead.next() => batch,
            };
            let mut taken = Vec::new();
            let mut broken = batch.is_none();
            for message in batch.into_iter().flatten() {
                match message {
                    Ok(message) => taken.push(message),
                    Err(error) => {
                        warn!(target: "muster::messaging", error = %chain(&error), "asking for messages anew");
                        broken = true;
                    }
                }
            }
            let any = !taken.is_empty();
            let suspicious = self.see_through(taken, &mut ahead).await;
            if broken {
                self.pause(CONSUMER_PAUSE).await;
                break;
            }
            if ahead.is_released() {
                break;
            }
            if pace == Pace::OneByOne && any && !suspicious {
                // The one that was asked for is settled: there is nothing to give back.
                return Pace::Full;
            }
        }
        ahead.release().await;
        pace
    }

    /// Sees messages through, and tells whether one of them was suspicious.
    async fn see_through(&self, messages: Vec<jetstream::Message>, ahead: &mut Ahead) -> bool {
        let held: Vec<Subject> = messages
            .iter()
            .filter_map(|message| message.reply.clone())
            .collect();
        tokio::select! {
            biased;
            suspicious = self.settler.settle(messages, ahead) => suspicious,
            never = self.keep(&held) => match never {},
        }
    }

    /// Tells the broker again and again that the messages are being worked on. For one that is settled already it means
    /// nothing.
    async fn keep(&self, held: &[Subject]) -> Infallible {
        loop {
            tokio::time::sleep(KEEPING_INTERVAL).await;
            for address in held {
                // While it is away this would only pile up.
                if self.broker.is_connected() {
                    let progress = AckKind::Progress.into();
                    let _ = self
                        .broker
                        .client()
                        .publish(address.clone(), progress)
                        .await;
                }
            }
        }
    }

    async fn pause(&self, duration: Duration) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(duration) => {}
        }
    }
}
