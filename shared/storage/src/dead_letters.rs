//! Messages that could not be handled, kept until an operator replays or discards them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sqlx::FromRow;

use crate::{Database, StorageError, Transaction, lock_key};

/// How a payload is kept: as it is …
const PLAIN: &str = "text";
/// … or in base64, since a text cannot hold every byte.
const ENCODED: &str = "base64";

const LIST: &str = "SELECT id, stream, stream_sequence, subject, headers, payload, payload_encoding, error, deliveries, filed_at, \
     replayed_at FROM dead_letters WHERE id > $1 ORDER BY id LIMIT $2";

pub(crate) const LIST_WAITING: &str = "SELECT id, stream, stream_sequence, subject, headers, payload, payload_encoding, error, deliveries, filed_at, \
     replayed_at FROM dead_letters WHERE replayed_at IS NULL AND id > $1 ORDER BY id LIMIT $2";

const GET: &str = "SELECT id, stream, stream_sequence, subject, headers, payload, payload_encoding, error, deliveries, filed_at, \
     replayed_at FROM dead_letters WHERE id = $1";

pub(crate) const COUNT: &str = "SELECT COUNT(*) FROM dead_letters WHERE replayed_at IS NULL";

/// A message that is to be filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDeadLetter {
    /// The stream it was read from.
    pub stream: String,
    /// Its sequence there.
    pub stream_sequence: i64,
    /// The subject it was published to.
    pub subject: String,
    /// Its headers, as a JSON object.
    pub headers: String,
    /// Its body.
    pub payload: Vec<u8>,
    /// Why it could not be handled.
    pub error: String,
    /// How often it had been delivered.
    pub deliveries: i64,
    /// When it is filed, in microseconds since 1970 (UTC).
    pub filed_at: i64,
}

/// A message that was filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its number here; later letters have higher ones.
    pub id: i64,
    /// The stream it was read from.
    pub stream: String,
    /// Its sequence there.
    pub stream_sequence: i64,
    /// The subject it was published to.
    pub subject: String,
    /// Its headers, as a JSON object.
    pub headers: String,
    /// Its body.
    pub payload: Vec<u8>,
    /// Why it could not be handled.
    pub error: String,
    /// How often it had been delivered.
    pub deliveries: i64,
    /// When it was filed, in microseconds since 1970 (UTC).
    pub filed_at: i64,
    /// When it was published again, in microseconds since 1970 (UTC).
    pub replayed_at: Option<i64>,
}

#[derive(FromRow)]
struct Row {
    id: i64,
    stream: String,
    stream_sequence: i64,
    subject: String,
    headers: String,
    payload: String,
    payload_encoding: String,
    error: String,
    deliveries: i64,
    filed_at: i64,
    replayed_at: Option<i64>,
}

impl TryFrom<Row> for DeadLetter {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        let payload = match row.payload_encoding.as_str() {
            PLAIN => row.payload.into_bytes(),
            ENCODED => BASE64.decode(row.payload).map_err(StorageError::other)?,
            other => {
                return Err(StorageError::other(format!(
                    "dead letter {} has payload encoding {other:?}",
                    row.id
                )));
            }
        };
        Ok(Self {
            id: row.id,
            stream: row.stream,
            stream_sequence: row.stream_sequence,
            subject: row.subject,
            headers: row.headers,
            payload,
            error: row.error,
            deliveries: row.deliveries,
            filed_at: row.filed_at,
            replayed_at: row.replayed_at,
        })
    }
}

/// Files a message and returns its number. Filing the same message again gives the same number, with the newer error
/// and count of deliveries.
pub async fn file(
    transaction: &mut Transaction,
    letter: NewDeadLetter,
) -> Result<i64, StorageError> {
    let parts = [
        letter.subject.as_bytes(),
        letter.headers.as_bytes(),
        &letter.payload,
    ];
    let fingerprint = lock_key::hash(parts.into_iter());
    let (payload, encoding) = match String::from_utf8(letter.payload) {
        // PostgreSQL's text has no zero byte.
        Ok(text) if !text.contains('\0') => (text, PLAIN),
        Ok(text) => (BASE64.encode(text), ENCODED),
        Err(error) => (BASE64.encode(error.as_bytes()), ENCODED),
    };
    let filed: Option<(i64,)> = transaction
        .fetch_optional(
            "INSERT INTO dead_letters (stream, stream_sequence, fingerprint, subject, headers, payload, \
             payload_encoding, error, deliveries, filed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (stream, stream_sequence, fingerprint) \
             DO UPDATE SET error = excluded.error, deliveries = excluded.deliveries RETURNING id",
            &[
                letter.stream.into(),
                letter.stream_sequence.into(),
                fingerprint.into(),
                letter.subject.into(),
                letter.headers.into(),
                payload.into(),
                encoding.into(),
                letter.error.replace('\0', "\u{fffd}").into(),
                letter.deliveries.into(),
                letter.filed_at.into(),
            ],
        )
        .await?;
    filed
        .map(|(id,)| id)
        .ok_or_else(|| StorageError::other("the filed letter was not returned"))
}

/// Up to `limit` letters with numbers above `after`, in the order they were filed; replayed ones only if asked for.
pub async fn list(
    database: &Database,
    after: Option<i64>,
    limit: i64,
    include_replayed: bool,
) -> Result<Vec<DeadLetter>, StorageError> {
    let sql = if include_replayed { LIST } else { LIST_WAITING };
    let rows: Vec<Row> = database
        .fetch_all(sql, &[after.unwrap_or(0).into(), limit.into()])
        .await?;
    rows.into_iter().map(DeadLetter::try_from).collect()
}

/// One letter.
pub async fn get(database: &Database, id: i64) -> Result<Option<DeadLetter>, StorageError> {
    let row: Option<Row> = database.fetch_optional(GET, &[id.into()]).await?;
    row.map(DeadLetter::try_from).transpose()
}

/// Notes that a letter was published again at `replayed_at` (microseconds since 1970). False if there is no such
/// letter.
pub async fn mark_replayed(
    transaction: &mut Transaction,
    id: i64,
    replayed_at: i64,
) -> Result<bool, StorageError> {
    let changed = transaction
        .execute(
            "UPDATE dead_letters SET replayed_at = $2 WHERE id = $1",
            &[id.into(), replayed_at.into()],
        )
        .await?;
    Ok(changed > 0)
}

/// Deletes a letter. False if there is no such letter.
pub async fn discard(transaction: &mut Transaction, id: i64) -> Result<bool, StorageError> {
    Ok(transaction
        .execute("DELETE FROM dead_letters WHERE id = $1", &[id.into()])
        .await?
        > 0)
}

/// How many letters wait for an operator: filed and not replayed.
pub async fn count(database: &Database) -> Result<i64, StorageError> {
    let row: Option<(i64,)> = database.fetch_optional(COUNT, &[]).await?;
    Ok(row.map_or(0, |(count,)| count))
}
