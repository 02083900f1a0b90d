//! Events as they happen, for those who watch: over core NATS, from when one begins to listen on.
//!
//! A service must not miss an event, so it [reacts](crate::React) to what its consumer keeps for it. Whoever waits in a request
//! only wants to know when to look again: for that no consumer is made at the broker, and all who listen share one
//! subscription.

use std::sync::Arc;

use async_nats::Subscriber;
use futures_util::StreamExt as _;
use muster_contract::{Event, subject};
use muster_platform::Shutdown;
use tokio::sync::{
    broadcast::{self, error::RecvError},
    watch,
};
use tracing::warn;

use crate::{Broker, BrokerError, Connection};

/// Events that a listener may be behind; of more it is told that it has missed some.
const BEHIND_LIMIT: usize = 1024;

/// What a listener is told.
#[derive(Debug)]
pub enum Told<E> {
    /// What has happened. The same may be told twice, and what happened first may be told last.
    Event(Arc<E>),
    /// Something may have happened that is never told: the connection was lost, or the listener was slow. What it wants to know
    /// it has to ask the owner.
    Gap,
}

impl<E> Clone for Told<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Event(event) => Self::Event(event.clone()),
            Self::Gap => Self::Gap,
        }
    }
}

/// The events of one kind, of all projects. Clones share it.
#[derive(Debug)]
pub struct EventTail<E> {
    // Gone once nothing more can come, so that listeners end.
    told: broadcast::WeakSender<Told<E>>,
}

impl<E> Clone for EventTail<E> {
    fn clone(&self) -> Self {
        Self {
            told: self.told.clone(),
        }
    }
}

/// Somebody who listens; what happens from then on it is told.
#[derive(Debug)]
pub struct EventListener<E> {
    told: Option<broadcast::Receiver<Told<E>>>,
}

impl<E: Event> EventTail<E> {
    /// Begins to listen, until `shutdown`. The part has to be one that the contract table names as a consumer.
    ///
    /// # Errors
    /// The subscription is refused.
    pub async fn start(broker: &Broker, shutdown: &Shutdown) -> Result<Self, BrokerError> {
        let subject = subject::event_of_any_project(E::SERVICE.name(), E::VERSION, E::NAME);
        // Remembered before the subscription is made: what is lost with a connection after that is a gap.
        let connection = broker.connection();
        let epoch = connection.borrow().epoch;
        let events = broker
            .client()
            .subscribe(subject.clone())
            .await
            .map_err(|source| BrokerError::Subscribe {
                subject: subject.clone(),
                source,
            })?;
        let sender = broadcast::Sender::new(BEHIND_LIMIT);
        let told = sender.downgrade();
        let stop = shutdown.token();
        shutdown.spawn(subject, async move {
            stop.run_until_cancelled(tell(events, connection, epoch, sender))
                .await;
        });
        Ok(Self { told })
    }

    /// Listens from now on. To miss nothing, listen first, and then look at how things are.
    #[must_use]
    pub fn listen(&self) -> EventListener<E> {
        let sender = self.told.upgrade();
        EventListener {
            told: sender.map(|sender| sender.subscribe()),
        }
    }
}

impl<E> EventListener<E> {
    /// The next; `None` = there are no more. It can be dropped at any time.
    pub async fn next(&mut self) -> Option<Told<E>> {
        match self.told.as_mut()?.recv().await {
            Ok(told) => Some(told),
            Err(RecvError::Lagged(_)) => Some(Told::Gap),
            Err(RecvError::Closed) => None,
        }
    }
}

/// Tells what comes, until the connection is closed.
async fn tell<E: Event>(
    mut events: Subscriber,
    mut connection: watch::Receiver<Connection>,
    mut epoch: u64,
    listeners: broadcast::Sender<Told<E>>,
) {
    loop {
        let told = tokio::select! {
            biased;
            // Told once it stands again: who asks the owner then learns of what was missed.
            renewed = connection.wait_for(|now| now.connected && now.epoch != epoch) => {
                let Ok(renewed) = renewed else { return };
                epoch = renewed.epoch;
                Told::Gap
            }
            event = events.next() => {
                let Some(event) = event else { return };
                match serde_json::from_slice(&event.payload) {
                    Ok(event) => Told::Event(Arc::new(event)),
                    Err(error) => {
                        warn!(target: "muster::messaging", subject = %event.subject, %error, "an event that is none of its type");
                        Told::Gap
                    }
                }
            }
        };
        // Nobody need listen.
        let _ = listeners.send(told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_is_too_far_behind_is_told_that_it_has_missed_something() {
        let sender = broadcast::Sender::new(2);
        let mut listener = EventListener {
            told: Some(sender.subscribe()),
        };
        for number in 0..5 {
            sender.send(Told::Event(Arc::new(number))).unwrap();
        }
        drop(sender);
        assert!(matches!(listener.next().await, Some(Told::Gap)));
        for wanted in [3, 4] {
            let told = listener.next().await;
            assert!(matches!(told, Some(Told::Event(number)) if *number == wanted));
        }
        assert!(listener.next().await.is_none());
    }

    #[tokio::test]
    async fn who_comes_when_all_is_over_need_not_wait() {
        let mut listener = EventListener::<u8> { told: None };
        assert!(listener.next().await.is_none());
    }
}
