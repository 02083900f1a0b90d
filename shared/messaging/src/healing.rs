//! The broker may lose what it acknowledged last: JetStream acknowledges before it has flushed to the disk (design §3, rule
//! 4). The outbox remembers where each row went; after each (re)connect, before anything new is published, the places are
//! looked up, and the rows of those that hold something else count as unpublished again.
//!
//! Looking at the stream's last sequence alone would not do: several services publish to one stream, and another may have
//! filled the gap already. So the messages themselves are looked at.

use std::time::Duration;

use async_nats::HeaderName;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::{
    context::GetStreamError,
    stream::{RawMessageError, RawMessageErrorKind, RetentionPolicy, Stream},
};
use futures_util::future::try_join_all;
use muster_contract::{
    Service, headers,
    topology::{EVENT_STREAM, ORDER_STREAM},
};
use muster_platform::Timestamp;
use muster_storage::{
    Database, StorageError,
    outbox::{self, Mark, OutboxRecord},
};

use crate::{Broker, Environment, outbox_message::OutboxMessage};

/// Rows looked at together, from the newest back, until all of them are where they should be. One alone would not do:
/// behind a row that another replica has published since, there may be one that is lost.
const PAGE: i64 = 64;

/// After this time the broker has flushed a message to the disk (`sync_interval` of nats-server, 2 minutes by default), so
/// that a crash cannot lose it.
const FLUSHED_AFTER: Duration = Duration::from_secs(150);

/// Why it is not known what the broker has lost.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HealingError {
    #[error("database")]
    Storage(#[from] StorageError),
    #[error("stream")]
    Stream(#[from] GetStreamError),
    #[error("message")]
    Message(#[from] RawMessageError),
}

/// Takes the marks off the rows that the broker no longer has, and tells how many these are. The sweep publishes them.
pub(crate) async fn heal(
    broker: &Broker,
    database: &Database,
    environment: &Environment,
) -> Result<usize, HealingError> {
    let flushed = environment.clock.now().minus(FLUSHED_AFTER);
    let mut lost = 0;
    let streams = Service::ALL.iter().map(|service| service.command_stream());
    for name in streams.chain([EVENT_STREAM, ORDER_STREAM]) {
        if outbox::last_published(database, name).await?.is_some() {
            let stream = broker.jetstream().get_stream(name).await?;
            lost += heal_stream(&stream, database, name, flushed).await?;
        }
    }
    Ok(lost)
}

async fn heal_stream(
    stream: &Stream,
    database: &Database,
    name: &str,
    flushed: Timestamp,
) -> Result<usize, HealingError> {
    let mut count = 0;
    let mut before: Option<(i64, String)> = None;
    loop {
        let cursor = before
            .as_ref()
            .map(|(sequence, id)| (*sequence, id.as_str()));
        let page = outbox::published_from(database, name, 0, cursor, PAGE).await?;
        let there = try_join_all(page.iter().map(|row| is_there(stream, row, flushed))).await?;
        let lost: Vec<Mark> = page
            .iter()
            .zip(there)
            .filter(|(_, there)| !there)
            .map(|(row, _)| mark_of(row))
            .collect();
        let Some(oldest) = page.last().filter(|_| !lost.is_empty()) else {
            return Ok(count);
        };
        // Page by page, so that any number fits into memory. If this is cut short, the rest of the lost ones is the newest
        // that is marked, and is found the next time.
        unmark(database, &lost).await?;
        count += lost.len();
        before = Some((oldest.last_sequence.unwrap_or_default(), oldest.id.clone()));
    }
}

/// Takes marks off again: their rows count as unpublished, unless they were published to another place meanwhile.
pub(crate) async fn unmark(database: &Database, marks: &[Mark]) -> Result<(), StorageError> {
    let mut transaction = database.begin().await?;
    outbox::mark_lost(&mut transaction, marks).await?;
    transaction.commit().await
}

fn mark_of(row: &OutboxRecord) -> Mark {
    Mark {
        id: row.id.clone(),
        published_at: row.published_at.unwrap_or_default(),
        first_sequence: row.first_sequence.unwrap_or_default(),
        last_sequence: row.last_sequence.unwrap_or_default(),
    }
}

async fn is_there(
    stream: &Stream,
    row: &OutboxRecord,
    flushed: Timestamp,
) -> Result<bool, HealingError> {
    let info = stream.cached_info();
    let sequence = row
        .last_sequence
        .and_then(|sequence| u64::try_from(sequence).ok());
    let Some(sequence) = sequence.filter(|sequence| *sequence <= info.state.last_sequence) else {
        return Ok(false);
    };
    // From a work queue a message is gone once it was carried out. Whether it was, or whether it was lost and another took
    // its place, cannot be seen; sent twice, it takes effect once.
    if info.config.retention == RetentionPolicy::WorkQueue {
        return Ok(row.published_at < Some(flushed.as_micros()));
    }
    // Aged out: gone from the front, not lost from the end.
    if sequence < info.state.first_sequence {
        return Ok(true);
    }
    match stream.get_raw_message(sequence).await {
        Ok(message) => {
            let id = HeaderName::from_static(headers::BROKER_MESSAGE_ID);
            let found = message.headers.get(id);
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
