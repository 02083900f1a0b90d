//! Takes the orders of an agent.

use std::time::Duration;

use async_nats::jetstream::{
    Message,
    consumer::{PullConsumer, pull::Batch},
};
use futures_util::StreamExt as _;
use muster_contract::topology::{ORDER_STREAM, agent_consumer_name};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{AgentBroker, OrderAtHand};
use crate::topology::chain;

/// How long one request for an order stands at the broker.
const PULL_EXPIRY: Duration = Duration::from_secs(20);

/// Pause before orders are asked for again after an error.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// The orders of an agent.
pub struct Orders {
    broker: AgentBroker,
    stop: CancellationToken,
    consumer: Option<PullConsumer>,
    /// The request that stands, and over which connection: with the connection it is gone.
    request: Option<(u64, Batch)>,
    /// What went wrong last, to say it once.
    complaint: String,
}

impl Orders {
    pub(super) fn new(broker: AgentBroker, stop: CancellationToken) -> Self {
        Self {
            broker,
            stop,
            consumer: None,
            request: None,
            complaint: String::new(),
        }
    }

    /// The next order; `None` = to stop. To be asked only when there is room for one more: none is fetched ahead. It can be
    /// dropped at any time, and the order that comes then is given to whoever asks next.
    pub async fn next(&mut self) -> Option<OrderAtHand> {
        let stop = self.stop.clone();
        stop.run_until_cancelled(self.wait()).await
    }

    async fn wait(&mut self) -> OrderAtHand {
        loop {
            match self.ask().await {
                Ok(None) => self.complaint.clear(),
                Ok(Some(message)) => {
                    self.complaint.clear();
                    if let Some(order) = OrderAtHand::read(self.broker.clone(), message).await {
                        return order;
                    }
                }
                Err(complaint) => {
                    self.request = None;
                    self.consumer = None;
                    if complaint != self.complaint {
                        warn!(target: "muster::messaging", agent = self.broker.agent(), reason = complaint, "no orders can be taken");
                        self.complaint = complaint;
                    }
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            }
        }
    }

    /// What the request brings that stands; makes one if there is none.
    async fn ask(&mut self) -> Result<Option<Message>, String> {
        let mut connection = self.broker.connection();
        let epoch = connection.borrow_and_update().epoch;
        if self.request.as_ref().is_none_or(|(of, _)| *of != epoch) {
            self.request = Some((epoch, self.request().await?));
        }
        let Some((_, request)) = &mut self.request else {
            return Ok(None);
        };
        let brought = tokio::select! {
            biased;
            brought = request.next() => brought,
            renewed = connection.wait_for(|now| now.epoch != epoch) => {
                renewed.map_err(|_| "the connection to the broker is closed".to_owned())?;
                None
            }
        };
        self.request = None;
        brought.transpose().map_err(|error| chain(&*error))
    }

    async fn request(&mut self) -> Result<Batch, String> {
        let consumer = match self.consumer.take() {
            Some(consumer) => consumer,
            None => self
                .broker
                .link
                .jetstream
                .get_consumer_from_stream(agent_consumer_name(self.broker.agent()), ORDER_STREAM)
                .await
                .map_err(|error| chain(&error))?,
        };
        let request = consumer
            .batch()
            .max_messages(1)
            .expires(PULL_EXPIRY)
            .messages()
            .await
            .map_err(|error| chain(&error))?;
        self.consumer = Some(consumer);
        Ok(request)
    }
}
