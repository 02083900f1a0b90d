//! Takes the questions to an agent.

use std::{sync::Arc, time::Duration};

use async_nats::{SubscribeError, Subscriber};
use futures_util::StreamExt as _;
use muster_contract::subject;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{AgentBroker, AskedQuestion};
use crate::topology::chain;

/// Questions that are being answered at once; more wait in the subscription.
const AT_ONCE: usize = 64;

/// Pause before the agent listens again after an error.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// How long those may keep the agent from stopping whom it answers no more.
const TURNING_AWAY_LIMIT: Duration = Duration::from_secs(1);

/// The questions to an agent. It listens as soon as it is asked for the [next](Self::next) one, and until this is dropped.
pub struct Questions {
    broker: AgentBroker,
    stop: CancellationToken,
    places: Arc<Semaphore>,
    asked: Option<Subscriber>,
}

impl Questions {
    pub(super) fn new(broker: AgentBroker, stop: CancellationToken) -> Self {
        Self {
            broker,
            stop,
            places: Arc::new(Semaphore::new(AT_ONCE)),
            asked: None,
        }
    }

    /// The next question; `None` = to stop. There is none while many are at hand that are not answered. It can be dropped at
    /// any time, and the question that comes then is given to whoever asks next.
    pub async fn next(&mut self) -> Option<AskedQuestion> {
        let stop = self.stop.clone();
        let next = stop.run_until_cancelled(self.wait()).await.flatten();
        if next.is_none() {
            self.turn_away().await;
        }
        next
    }

    /// Listens no more. Whoever asks from now on is told at once that nobody is here, and whoever has asked that there is no
    /// answer: it would wait for one until its deadline.
    async fn turn_away(&mut self) {
        let Some(mut asked) = self.asked.take() else {
            return;
        };
        let turning_away = async {
            if asked.drain().await.is_err() {
                return;
            }
            while let Some(message) = asked.next().await {
                if let Some(question) = AskedQuestion::read(self.broker.clone(), message, None) {
                    let _ = question.fail().await;
                }
            }
        };
        // Where the broker is away nobody is there to be told.
        let _ = tokio::time::timeout(TURNING_AWAY_LIMIT, turning_away).await;
    }

    async fn wait(&mut self) -> Option<AskedQuestion> {
        loop {
            let place: OwnedSemaphorePermit = self.places.clone().acquire_owned().await.ok()?;
            let message = match self.listen().await {
                Ok(asked) => asked.next().await,
                Err(error) => {
                    let reason = chain(&error);
                    warn!(target: "muster::messaging", agent = self.broker.agent(), reason, "no questions can be taken");
                    None
                }
            };
            let Some(message) = message else {
                self.asked = None;
                tokio::time::sleep(RETRY_PAUSE).await;
                continue;
            };
            if let Some(question) = AskedQuestion::read(self.broker.clone(), message, Some(place)) {
                return Some(question);
            }
        }
    }

    /// Processes that sign in as the same agent share what it is asked, so that each question is answered once.
    async fn listen(&mut self) -> Result<&mut Subscriber, SubscribeError> {
        let asked = if let Some(asked) = self.asked.take() {
            asked
        } else {
            let agent = self.broker.agent();
            let client = &self.broker.link.client;
            let group = subject::encode_token(agent);
            let subject = subject::questions_to(agent);
            client.queue_subscribe(subject, group).await?
        };
        Ok(self.asked.insert(asked))
    }
}
