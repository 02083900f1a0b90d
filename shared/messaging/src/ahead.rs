//! The messages that the broker has handed to this replica.

use async_nats::jetstream::{
    AckKind, Message,
    consumer::{
        PullConsumer,
        pull::{self, MessagesError},
    },
};
use futures_util::{FutureExt as _, StreamExt as _, stream::ReadyChunks};
use tokio::task::unconstrained;

use crate::Broker;

/// Messages handed to this replica and not settled. The broker gives nobody else what is held here, so it is given back
/// when this replica cannot go on.
pub(crate) struct Ahead {
    broker: Broker,
    consumer: PullConsumer,
    batches: Option<ReadyChunks<pull::Stream>>,
    unsettled: Vec<Message>,
}

impl Ahead {
    /// Takes `messages` of the consumer, up to `batch_limit` at once.
    pub(crate) fn new(
        broker: Broker,
        consumer: PullConsumer,
        messages: pull::Stream,
        batch_limit: usize,
    ) -> Self {
        Self {
            broker,
            consumer,
            // No lingering: a batch is what has arrived.
            batches: Some(messages.ready_chunks(batch_limit)),
            unsettled: Vec::new(),
        }
    }

    /// The next batch; none after [`Ahead::release`].
    pub(crate) async fn next(&mut self) -> Option<Vec<Result<Message, MessagesError>>> {
        self.batches.as_mut()?.next().await
    }

    /// Takes back a message that was taken up and could not be settled.
    pub(crate) fn give_back(&mut self, message: Message) {
        self.unsettled.push(message);
    }

    /// Gives everything back: to another replica, or to this one when it can go on.
    pub(crate) async fn release(&mut self) {
        if let Some(mut batches) = self.batches.take() {
            // What is still on its way when we unsubscribe would be delivered again only after the acknowledgement wait. An
            // answer of the broker comes through the same connection: with it, all that was sent before is here.
            if self.broker.is_connected() {
                let _ = self.consumer.get_info().await;
            }
            // Unconstrained, since tokio makes a task that takes many messages in one go believe that there are no more.
            while let Some(Some(batch)) = unconstrained(batches.next()).now_or_never() {
                self.unsettled.extend(batch.into_iter().flatten());
            }
            // Dropped here, the stream unsubscribes. That goes to the broker before what follows: a message given back
            // while our request still stands would come straight to us again, and to nobody.
        }
        for message in self.unsettled.drain(..) {
            // What cannot be given back is delivered again after the acknowledgement wait.
            let _ = message.ack_with(AckKind::Nak(None)).await;
        }
    }

    /// Whether everything was given back, so that nothing more comes.
    pub(crate) fn is_released(&self) -> bool {
        self.batches.is_none()
    }
}
