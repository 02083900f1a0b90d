//! Query: compute sessions, page by page.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ComputeSession, ComputeSessionStatus};
use crate::{Message, Query, Service, message::Never};

/// Asks for compute sessions of whomever the filter allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListComputeSessions {
    /// Which.
    pub filter: ComputeSessionFilter,
    /// In which order; `None` = what changed last comes first.
    pub order: Option<ComputeSessionOrder>,
    /// How many to leave out.
    pub offset: u32,
    /// How many at most; never more than [`PAGE_LIMIT`](Self::PAGE_LIMIT).
    pub limit: u32,
    /// With their containers.
    pub with_containers: bool,
}

impl ListComputeSessions {
    /// Most sessions of one page.
    pub const PAGE_LIMIT: u32 = 100;
}

/// Which compute sessions; all conditions together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComputeSessionFilter {
    /// This one.
    pub id: Option<Uuid>,
    /// Those of this access key.
    pub owner: Option<String>,
    /// Those of this project.
    pub tenant: Option<String>,
    /// Those of this domain.
    pub domain: Option<String>,
    /// Those in one of these; `None` = in any.
    pub statuses: Option<Vec<ComputeSessionStatus>>,
}

/// The order of compute sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComputeSessionOrder {
    /// By what.
    pub key: ComputeSessionOrderKey,
    /// The smallest first.
    pub ascending: bool,
}

/// What compute sessions can be ordered by; those that have the same are ordered by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ComputeSessionOrderKey {
    /// When it was asked for.
    CreatedAt,
    /// Since when it is where it is.
    StatusChangedAt,
    /// Its name.
    Name,
}

/// Some compute sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComputeSessionPage {
    /// The sessions.
    pub sessions: Vec<ComputeSession>,
    /// How many there are on all pages.
    pub total: u64,
}

impl Message for ListComputeSessions {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "list-compute-sessions";
}

impl Query for ListComputeSessions {
    type Answer = ComputeSessionPage;
    type Refusal = Never;
}
