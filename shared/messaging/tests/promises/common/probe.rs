//! Whoever tries what it may not do.

use async_nats::{ConnectOptions, Event, ServerError};
use muster_contract::Part;
use muster_testkit::{DEADLINE, NatsServer};
use tokio::sync::mpsc;

use super::keys::Keys;

/// A bare client, and the errors that the server reports to it.
pub(crate) struct Probe {
    pub(crate) client: async_nats::Client,
    errors: mpsc::UnboundedReceiver<String>,
}

impl Probe {
    pub(crate) async fn new(keys: &Keys, server: &NatsServer, part: Part) -> Self {
        Self::with_seed(keys.seed(part), server).await
    }

    pub(crate) async fn with_seed(seed: String, server: &NatsServer) -> Self {
        let (sender, errors) = mpsc::unbounded_channel();
        let client = ConnectOptions::with_nkey(seed)
            .event_callback(move |event| {
                if let Event::ServerError(ServerError::Other(error)) = event {
                    let _ = sender.send(error);
                }
                async {}
            })
            .connect(server.url())
            .await
            .unwrap();
        Self { client, errors }
    }

    async fn refused(&mut self, what: &str) {
        let error = tokio::time::timeout(DEADLINE, self.errors.recv())
            .await
            .unwrap_or_else(|_| panic!("{what} was allowed"))
            .unwrap();
        assert!(error.contains(what), "{error} instead of {what}");
    }

    pub(crate) async fn cannot_publish(&mut self, subjects: &[&str]) {
        for subject in subjects {
            self.client
                .publish((*subject).to_owned(), "{}".into())
                .await
                .unwrap();
            self.refused(&format!("Publish to \"{subject}\"")).await;
        }
    }

    pub(crate) async fn cannot_subscribe(&mut self, subjects: &[&str]) {
        for subject in subjects {
            let _subscription = self.client.subscribe((*subject).to_owned()).await.unwrap();
            self.refused(&format!("Subscription to \"{subject}\""))
                .await;
        }
    }
}
