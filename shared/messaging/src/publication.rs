//! Sends the messages of outbox rows to their streams.

use async_nats::{HeaderMap, jetstream::context::PublishAckFuture};
use futures_util::future::join_all;
use muster_contract::headers;

use crate::{
    Broker, header_map,
    outbox_message::{OutboxMessage, PendingRow},
    spans,
    topology::chain,
};

/// Messages whose acknowledgements are awaited at once. Well below what the client allows to be in flight: it makes
/// whoever sends more wait, and here nobody would be taking the acknowledgements meanwhile.
const IN_FLIGHT: usize = 4096;

/// Where the broker stored a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) sequence: u64,
    /// It had the message already; the sequence is that of the first time.
    pub(crate) duplicate: bool,
}

/// Publishes the messages of the rows. For each row: where its messages are, or why not all of them could be stored.
pub(crate) async fn publish(
    broker: &Broker,
    rows: &[PendingRow],
) -> Vec<Result<Vec<Stored>, String>> {
    let mut results: Vec<Result<Vec<Stored>, String>> = rows
        .iter()
        .map(|row| Ok(Vec::with_capacity(row.messages.len())))
        .collect();
    let messages: Vec<(usize, &OutboxMessage)> = rows
        .iter()
        .enumerate()
        .flat_map(|(place, row)| row.messages.iter().map(move |message| (place, message)))
        .collect();
    for messages in messages.chunks(IN_FLIGHT) {
        let mut sent = Vec::with_capacity(messages.len());
        let mut interrupted = None;
        for (place, message) in messages {
            match &interrupted {
                None => match send(broker, message).await {
                    Ok(acknowledgement) => sent.push((*place, acknowledgement)),
                    // A message of its own fault is one row's matter; otherwise the next would have to wait as long.
                    Err(Unsent::Message(reason)) => fail(&mut results, *place, reason),
                    Err(Unsent::Broker(reason)) => {
                        fail(&mut results, *place, reason.clone());
                        interrupted = Some(reason);
                    }
                },
                Some(reason) => fail(&mut results, *place, reason.clone()),
            }
        }
        let acknowledged = sent
            .into_iter()
            .map(|(place, acknowledgement)| async move { (place, acknowledgement.await) });
        for (place, stored) in join_all(acknowledged).await {
            match (stored, results.get_mut(place)) {
                (Ok(stored), Some(Ok(row))) => row.push(stored),
                (Err(reason), _) => fail(&mut results, place, reason),
                _ => {}
            }
        }
    }
    results
}

fn fail(results: &mut [Result<Vec<Stored>, String>], place: usize, reason: String) {
    if let Some(result) = results.get_mut(place) {
        *result = Err(reason);
    }
}

enum Unsent {
    Message(String),
    Broker(String),
}

async fn send(
    broker: &Broker,
    message: &OutboxMessage,
) -> Result<impl Future<Output = Result<Stored, String>> + use<>, Unsent> {
    use async_nats::jetstream::context::PublishErrorKind;
    let span = spans::send_event(message);
    let future: PublishAckFuture = broker
        .jetstream()
        .publish_with_headers(
            message.subject.clone(),
            headers_of(message, &span),
            message.payload.bytes().into(),
        )
        .await
        .map_err(|error| match error.kind() {
            PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => {
                Unsent::Broker(chain(&error))
            }
            _ => Unsent::Message(chain(&error)),
        })?;
    Ok(async move {
        let acknowledged = future.await.map_err(|error| {
            let reason = chain(&error);
            spans::fail(&span, "broker", &reason);
            reason
        })?;
        drop(span);
        Ok(Stored {
            sequence: acknowledged.sequence,
            duplicate: acknowledged.duplicate,
        })
    })
}

fn headers_of(message: &OutboxMessage, span: &tracing::Span) -> HeaderMap {
    let mut map = HeaderMap::new();
    let id = message.id.to_string();
    for (name, value) in &message.headers {
        header_map::add(&mut map, name, value);
    }
    if message.header(headers::MESSAGE_ID).is_none() {
        header_map::set(&mut map, headers::MESSAGE_ID, id.as_str());
    }
    header_map::set(&mut map, headers::BROKER_MESSAGE_ID, id);
    spans::inject(span, &mut map);
    map
}
