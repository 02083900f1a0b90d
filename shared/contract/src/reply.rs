//! How the outcome of a command reaches whoever waits for it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// One entry of a reply message. A message holds the replies of one batch to one waiter's address, as an array.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reply {
    /// Id of the command.
    pub id: Uuid,
    /// Fingerprint of the request that is answered: under one `Idempotency-Key` two different ones may wait at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// What became of it.
    pub body: ReplyBody,
}

/// What became of a command.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyBody {
    /// Its outcome, as stored: an [`crate::Outcome`] of the command's own types.
    Outcome(Box<RawValue>),
    /// A command with this id was carried out before, for another request: the client used an `Idempotency-Key` twice.
    KeyReused,
    /// It could not be processed and was put aside for an operator to look at.
    DeadLettered,
}

/// [`Reply`] as documentation shows it.
#[derive(JsonSchema)]
#[schemars(rename = "ReplyWith{O}")]
pub struct ReplySchema<O> {
    /// Id of the command.
    pub id: String,
    /// Fingerprint of the request that is answered.
    pub fingerprint: Option<String>,
    /// `{"outcome": …}`, `"key_reused"` or `"dead_lettered"`.
    pub body: ReplyBodySchema<O>,
}

/// [`ReplyBody`] as documentation shows it.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ReplyBodyWith{O}")]
pub enum ReplyBodySchema<O> {
    /// Its outcome.
    Outcome(O),
    /// The id was used for another request.
    KeyReused,
    /// Put aside for an operator.
    DeadLettered,
}
