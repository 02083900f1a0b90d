//! Query: compute sessions, page by page.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ComputeSession, ComputeSessionStatus, condition::Condition};
use crate::{Message, Query, Service};

/// Asks for compute sessions of whomever the filter allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListComputeSessions {
    /// Which.
    pub filter: ComputeSessionFilter,
    /// In which order, the first key first, at most [`ORDER_LIMIT`](Self::ORDER_LIMIT); none = what changed last comes first. Those
    /// that have the same are ordered by id.
    pub order: Vec<ComputeSessionOrder>,
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

    /// Most sessions that are looked through for a condition, or sorted, where no index leads to them.
    pub const LOOK_LIMIT: u32 = 50_000;

    /// Most containers of all sessions of one page.
    pub const CONTAINER_LIMIT: u32 = 10_000;

    /// Most keys of an order.
    pub const ORDER_LIMIT: usize = 4;
}

/// Which compute sessions; all conditions together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComputeSessionFilter {
    /// One of these, at most [`PAGE_LIMIT`](ListComputeSessions::PAGE_LIMIT).
    pub ids: Option<Vec<Uuid>>,
    /// Those of this access key.
    pub owner: Option<String>,
    /// Those of this project.
    pub tenant: Option<String>,
    /// Those of this domain.
    pub domain: Option<String>,
    /// Those in one of these; `None` = in any.
    pub statuses: Option<Vec<ComputeSessionStatus>>,
    /// Those of which this is true.
    pub condition: Option<Condition<ComputeSessionField>>,
}

/// The order of compute sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ComputeSessionOrder {
    /// By what.
    pub key: ComputeSessionField,
    /// The smallest first, and what has no value last; otherwise the other way round.
    pub ascending: bool,
}

/// What compute sessions can be ordered by, and what a condition can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ComputeSessionField {
    /// Its id: a text.
    Id,
    /// Its name.
    Name,
    /// `interactive` or `batch`.
    Kind,
    /// Name and tag of its image.
    Image,
    /// What its owner wrote on it.
    Tag,
    /// The domain of its project.
    Domain,
    /// Its project.
    Tenant,
    /// The principal that it belongs to.
    User,
    /// The access key that it belongs to.
    Owner,
    /// The name of its status.
    Status,
    /// Why it is there.
    StatusInfo,
    /// Since when it is where it is: a moment.
    StatusChangedAt,
    /// When it was asked for: a moment.
    CreatedAt,
    /// When it was over: a moment.
    TerminatedAt,
    /// When it may start at the earliest: a moment.
    StartsAt,
    /// Its command.
    StartupCommand,
    /// What came of its command.
    Result,
    /// Where its agents are.
    ScalingGroup,
    /// How many containers it has: a number.
    ClusterSize,
    /// `single-node` or `multi-node`.
    ClusterMode,
    /// The agent of one of its containers; nothing is ordered by it.
    Agent,
}

/// Some compute sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComputeSessionPage {
    /// The sessions.
    pub sessions: Vec<ComputeSession>,
    /// How many there are on all pages.
    pub total: u64,
}

/// Why sessions are not listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ListComputeSessionsRefusal {
    /// More sessions than [`LOOK_LIMIT`](ListComputeSessions::LOOK_LIMIT) would have to be looked through.
    TooWide {
        /// The most that may be.
        limit: u32,
    },
    /// The question is not one that is answered.
    Invalid {
        /// Why.
        reason: String,
    },
}

impl Message for ListComputeSessions {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "list-compute-sessions";
}

impl Query for ListComputeSessions {
    type Answer = ComputeSessionPage;
    type Refusal = ListComputeSessionsRefusal;
}
