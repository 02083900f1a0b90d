//! Tells those who wait what became of their commands.

use std::collections::HashMap;

use muster_contract::{Reply, ReplyBody};
use tracing::{error, warn};

use crate::{Broker, delivery::Delivery};

/// Room for what stands around an outcome in a reply: id and fingerprint.
const ENVELOPE: usize = 1024;

/// Bytes that an outcome may have, so that its reply fits into a message.
pub(crate) fn outcome_limit(broker: &Broker) -> usize {
    broker.payload_limit().saturating_sub(ENVELOPE)
}

/// Sends the replies to a batch: `replies` holds one for each delivery. One message for all replies to one address.
pub(crate) async fn send(broker: &Broker, batch: &[Delivery], replies: Vec<ReplyBody>) {
    let mut by_address: HashMap<&str, Vec<Reply>> = HashMap::new();
    let mut add = |asked: &'_ Delivery, address, body| {
        by_address.entry(address).or_default().push(Reply {
            id: asked.context.id(),
            fingerprint: asked.fingerprint.clone(),
            body,
        });
    };
    for (delivery, body) in batch.iter().zip(replies) {
        for twin in &delivery.twins {
            if let Some(address) = twin.reply_to.as_deref() {
                // With another fingerprint it is another request under the same Idempotency-Key.
                let same = twin.fingerprint == delivery.fingerprint;
                let body = if same {
                    body.clone()
                } else {
                    ReplyBody::KeyReused
                };
                add(twin, address, body);
            }
        }
        if let Some(address) = delivery.reply_to.as_deref() {
            add(delivery, address, body);
        }
    }
    for (address, replies) in by_address {
        publish(broker, address, &replies).await;
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
