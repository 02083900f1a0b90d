//! The broker may lose what it acknowledged last: JetStream acknowledges before it has flushed to the disk (design §3, rule
//! 4). The outbox remembers where each row went; after each (re)connect, before anything new is published, the place is
//! looked up and what is no longer there is published again.
//!
//! Looking at the stream's last sequence alone would not do: several services publish to one stream, and another may have
//! filled the gap already. So the message itself is looked at.

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::{
    context::GetStreamError,
    stream::{RawMessageError, RawMessageErrorKind, RetentionPolicy, Stream},
};
use muster_contract::{Service, headers, topology::EVENT_STREAM};
use muster_storage::{
    Database, StorageError,
    outbox::{self, OutboxRecord},
};

use crate::{Broker, outbox_message::OutboxMessage};

/// Rows looked at together.
const PAGE: i64 = 64;

/// Why it is not known what the broker has lost.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HealingError {
    #[error("database")]
    Storage(#[from] StorageError),
    #[error("stream")]
    Stream(#[from] GetStreamError),
    #[error("message")]
    Message(#[from] RawMessageError),
    #[error("not everything could be published again")]
    Incomplete,
}

/// The rows that were published and that the broker no longer has, in the order they were published.
pub(crate) async fn lost_rows(
    broker: &Broker,
    database: &Database,
) -> Result<Vec<OutboxRecord>, HealingError> {
    let mut lost = Vec::new();
    let streams = Service::ALL.iter().map(|service| service.command_stream());
    for name in streams.chain([EVENT_STREAM]) {
        if outbox::last_published(database, name).await?.is_none() {
            continue;
        }
        let stream = broker.jetstream().get_stream(name).await?;
        lost.extend(lost_rows_of(&stream, database, name).await?);
    }
    Ok(lost)
}

async fn lost_rows_of(
    stream: &Stream,
    database: &Database,
    name: &str,
) -> Result<Vec<OutboxRecord>, HealingError> {
    let mut lost: Vec<OutboxRecord> = Vec::new();
    loop {
        let cursor = lost
            .last()
            .map(|row| (row.last_sequence.unwrap_or(0), row.id.clone()));
        let before = cursor
            .as_ref()
            .map(|(sequence, id)| (*sequence, id.as_str()));
        // From the newest back, until one is where it should be: what came before it is there too.
        let page = outbox::published_from(database, name, 0, before, PAGE).await?;
        let complete = i64::try_from(page.len()).unwrap_or(PAGE) < PAGE;
        for row in page {
            if is_there(stream, &row).await? {
                lost.reverse();
                return Ok(lost);
            }
            lost.push(row);
        }
        if complete {
            lost.reverse();
            return Ok(lost);
        }
    }
}

async fn is_there(stream: &Stream, row: &OutboxRecord) -> Result<bool, HealingError> {
    let info = stream.cached_info();
    let Some(sequence) = row
        .last_sequence
        .and_then(|sequence| u64::try_from(sequence).ok())
    else {
        return Ok(false);
    };
    if sequence > info.state.last_sequence {
        return Ok(false);
    }
    // Carried out and removed, or aged out: gone from the front, not lost from the end.
    if info.config.retention == RetentionPolicy::WorkQueue || sequence < info.state.first_sequence {
        return Ok(true);
    }
    match stream.get_raw_message(sequence).await {
        Ok(message) => {
            let found = message.headers.get(headers::BROKER_MESSAGE_ID);
            Ok(found.is_some_and(|id| holds(row, id.as_str())))
        }
        Err(error) if is_missing(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn holds(row: &OutboxRecord, id: &str) -> bool {
    serde_json::from_str::<Vec<OutboxMessage>>(&row.messages)
        .is_ok_and(|messages| messages.iter().any(|message| message.id.to_string() == id))
}

fn is_missing(error: &RawMessageError) -> bool {
    matches!(error.kind(), RawMessageErrorKind::JetStream(error) if error.error_code() == ErrorCode::NO_MESSAGE_FOUND)
}
