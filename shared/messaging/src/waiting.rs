//! Who waits for the outcome of a delivered command.

use std::{collections::HashMap, time::Duration};

use muster_storage::late_outcomes::ReplyAddress;

use crate::delivery::Delivery;

/// How long somebody is believed to wait who does not say how long.
const WITHOUT_DEADLINE: Duration = Duration::from_hours(1);

/// The addresses at which the same request waits: those of the delivery and of its twins, each once. (A twin with another
/// fingerprint is another request under the same id, and is told so at once.)
pub(crate) fn addresses_of(delivery: &Delivery) -> Vec<ReplyAddress> {
    let mut deadlines: HashMap<&str, i64> = HashMap::new();
    let same = delivery
        .with_twins()
        .filter(|twin| twin.fingerprint == delivery.fingerprint);
    for twin in same {
        let Some(reply_to) = &twin.reply_to else {
            continue;
        };
        let received = twin.context.received_at();
        let deadline = twin
            .deadline
            .unwrap_or_else(|| received.plus(WITHOUT_DEADLINE).as_micros());
        let latest = deadlines.entry(reply_to).or_insert(deadline);
        *latest = deadline.max(*latest);
    }
    let command_id = delivery.context.id().to_string();
    deadlines
        .into_iter()
        .map(|(address, deadline)| ReplyAddress {
            command_id: command_id.clone(),
            address: address.to_owned(),
            deadline,
        })
        .collect()
}
