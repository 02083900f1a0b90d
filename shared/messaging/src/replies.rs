//! Tells those who wait what became of their commands.

use std::collections::HashMap;

use muster_contract::Reply;
use tracing::{error, warn};

use crate::Broker;

/// Room for what stands around an outcome in a reply: id and fingerprint.
const ENVELOPE: usize = 1024;

/// Bytes that an outcome may have, so that its reply fits into a message.
pub(crate) fn outcome_limit(broker: &Broker) -> usize {
    broker.payload_limit().saturating_sub(ENVELOPE)
}

/// Replies on their way, by address.
#[derive(Default)]
pub(crate) struct Replies {
    by_address: HashMap<String, Vec<Reply>>,
}

impl Replies {
    /// One more.
    pub(crate) fn add(&mut self, address: &str, reply: Reply) {
        match self.by_address.get_mut(address) {
            Some(replies) => replies.push(reply),
            None => drop(self.by_address.insert(address.to_owned(), vec![reply])),
        }
    }

    /// Sends them: one message for all to one address.
    pub(crate) async fn send(self, broker: &Broker) {
        for (address, replies) in self.by_address {
            publish(broker, &address, &replies).await;
        }
    }
}

async fn publish(broker: &Broker, address: &str, replies: &[Reply]) {
    let payload = match serde_json::to_vec(replies) {
        Ok(payload) => payload,
        Err(error) => {
            error!(target: "muster::messaging", %error, "replies that cannot be encoded");
            return;
        }
    };
    // Together they may be too long for one message; each of them fits.
    if payload.len() > broker.payload_limit() && replies.len() > 1 {
        let (left, right) = replies.split_at(replies.len() / 2);
        Box::pin(publish(broker, address, left)).await;
        Box::pin(publish(broker, address, right)).await;
        return;
    }
    let sent = broker
        .client()
        .publish(address.to_owned(), payload.into())
        .await;
    if let Err(error) = sent {
        warn!(target: "muster::messaging", %error, "replies could not be sent");
    }
}
