//! Query: compute sessions whose id or name begins like this.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ComputeSessionStatus;
use crate::{Message, Query, Service, message::Never};

/// Asks for the sessions of an owner that are not over and whose id or name begins like this, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MatchComputeSessions {
    /// The access key.
    pub owner: String,
    /// How they begin.
    pub prefix: String,
}

impl MatchComputeSessions {
    /// Most matches of one answer.
    pub const LIMIT: u32 = 100;
}

/// Sessions that begin like that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComputeSessionMatches {
    /// The sessions; at most [`MatchComputeSessions::LIMIT`].
    pub matches: Vec<ComputeSessionMatch>,
}

/// A session that begins like that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComputeSessionMatch {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Where in its life it is.
    pub status: ComputeSessionStatus,
}

impl Message for MatchComputeSessions {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "match-compute-sessions";
}

impl Query for MatchComputeSessions {
    type Answer = ComputeSessionMatches;
    type Refusal = Never;
}
