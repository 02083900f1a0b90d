//! What happens after a commit: replies at once, publication by the publisher.

use std::time::Duration;

use muster_contract::{Reply, ReplyBody};
use muster_telemetry::metrics::QueueMetrics;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::{
    Broker,
    batch::Fate,
    delivery::Delivery,
    ledger::{Consequences, LateReply},
    outbox_message::PendingRow,
    replies::Replies,
};

/// Outcomes of commands begun earlier that were sent to those who wait, over one connection.
pub(crate) struct Told {
    pub(crate) epoch: u64,
    pub(crate) commands: Vec<Uuid>,
}

/// Where committed transactions tell what they have to tell. Whatever of it is lost is made up for: by the next delivery, by
/// the sweep of the outbox, by that of the outcomes that were not told.
#[derive(Clone)]
pub(crate) struct Outlet {
    pub(crate) broker: Broker,
    pub(crate) rows: mpsc::Sender<PendingRow>,
    pub(crate) told: mpsc::Sender<Told>,
    pub(crate) queues: QueueMetrics,
}

impl Outlet {
    /// Replies to the deliveries (`fates` holds one for each) and to those who wait for commands begun earlier. One message
    /// for all replies to one address.
    pub(crate) async fn reply(&self, batch: &[Delivery], fates: Vec<Fate>, late: Vec<LateReply>) {
        let mut replies = Replies::default();
        for (delivery, fate) in batch.iter().zip(fates) {
            for twin in delivery.with_twins() {
                let Some(address) = twin.reply_to.as_deref() else {
                    continue;
                };
                let body = match &fate {
                    // With another fingerprint it is another request under the same Idempotency-Key.
                    _ if twin.fingerprint != delivery.fingerprint => ReplyBody::KeyReused,
                    Fate::Answered(body) => body.clone(),
                    Fate::Pending | Fate::Taken => continue,
                };
                let reply = Reply {
                    id: twin.context.id(),
                    fingerprint: twin.fingerprint.clone(),
                    body,
                };
                replies.add(address, reply);
            }
        }
        let epoch = self.broker.epoch();
        let commands: Vec<Uuid> = late.iter().map(|late| late.reply.id).collect();
        for LateReply { address, reply } in late {
            replies.add(&address, reply);
        }
        replies.send(&self.broker).await;
        if !commands.is_empty() {
            // Where the queue is full they are told once more.
            let _ = self.told.try_send(Told { epoch, commands });
        }
    }

    /// Has the rows published.
    pub(crate) fn publish(&self, rows: Vec<PendingRow>) {
        for row in rows {
            // A full queue is no loss either: the sweep finds the row.
            let _ = self.rows.try_send(row);
        }
    }

    /// Counts how long requests have waited that were granted.
    pub(crate) fn count(&self, waits: Vec<(&'static str, Duration)>) {
        for (queue, waited) in waits {
            self.queues.granted(queue, waited);
        }
    }

    /// Tells all that a transaction without deliveries has to tell.
    pub(crate) async fn tell(&self, consequences: Consequences) {
        self.reply(&[], Vec::new(), consequences.replies).await;
        self.count(consequences.waits);
        self.publish(consequences.rows);
    }
}
