//! What the site says of compute sessions: images, groups of agents, and how much of them anybody may have.

use std::fmt;
use std::time::Duration;

use muster_contract::agent::ContainerImage;
use muster_contract::{Amount, ResourceSlots};
use serde::Deserialize;

/// The scaling group there is where the site names none, open to everybody. Agents that say nothing else belong to it.
pub const DEFAULT_SCALING_GROUP: &str = "default";

/// The resource policy of principals that name none, if the site has one of this name.
pub const DEFAULT_RESOURCE_POLICY: &str = "default";

/// An image that sessions can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteImage {
    /// What agents have to know of it. Its name is unique within the site, among the aliases too.
    pub image: ContainerImage,
    /// Other names it goes by.
    pub aliases: Vec<String>,
    /// What a container with it needs at least, and has if nobody says anything else; never without `cpu` and `mem`.
    pub minimum: ResourceSlots,
    /// What one may have at most.
    pub maximum: SlotLimits,
}

impl SiteImage {
    /// Whether it goes by this name.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.image.name == name || self.aliases.iter().any(|alias| alias == name)
    }
}

/// Agents that sessions are spread over together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScalingGroup {
    /// Unique within the site; agents say it of themselves.
    pub name: String,
    /// Who of those that wait is next.
    pub scheduler: Scheduler,
    /// The projects that may use it; `None` = all.
    pub projects: Option<Vec<String>>,
}

impl ScalingGroup {
    /// Whether this project may use it.
    #[must_use]
    pub fn is_open_to(&self, project: &str) -> bool {
        let projects = self.projects.as_ref();
        projects.is_none_or(|projects| projects.iter().any(|name| name == project))
    }
}

/// Who of those that wait in a scaling group is next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheduler {
    /// Who came first.
    #[default]
    Fifo,
    /// Who came last.
    Lifo,
    /// Whose owner has the smallest part of what there is (dominant resource fairness).
    Drf,
}

/// How much the sessions of one access key may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourcePolicy {
    /// Unique within the site.
    pub name: String,
    /// What all of them together may have.
    pub quota: ComputeQuota,
    /// How many containers one session may have; `None` = any number.
    pub containers_per_session: Option<u32>,
    /// An interactive session that is not used for so long is ended; `None` = never.
    pub idle_timeout: Option<Duration>,
}

/// A domain that has a quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteDomain {
    /// Unique within the site; at least one project is in it.
    pub name: String,
    /// What the sessions of all its projects together may have.
    pub quota: ComputeQuota,
}

/// What the sessions of somebody may have at a time. The default is without limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ComputeQuota {
    /// Sessions that have slots; `None` = any number.
    pub sessions: Option<u32>,
    /// The slots of all their containers together.
    pub slots: SlotLimits,
}

/// Most of each slot that is named; of the others, any amount.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SlotLimits(ResourceSlots);

impl SlotLimits {
    /// The most of one slot; `None` = any amount.
    #[must_use]
    pub fn of(&self, slot: &str) -> Option<Amount> {
        self.0
            .iter()
            .find_map(|(name, amount)| (name == slot).then_some(amount))
    }

    /// The slots that are limited.
    #[must_use]
    pub fn limited(&self) -> &ResourceSlots {
        &self.0
    }

    /// Whether so much is within the limits.
    #[must_use]
    pub fn allow(&self, slots: &ResourceSlots) -> bool {
        self.first_exceeded(slots).is_none()
    }

    /// The first slot, in the order of their names, that this is too much of, and the most there may be of it.
    #[must_use]
    pub fn first_exceeded(&self, slots: &ResourceSlots) -> Option<(&str, Amount)> {
        self.0.iter().find(|(slot, most)| slots.get(slot) > *most)
    }
}

impl From<ResourceSlots> for SlotLimits {
    fn from(limited: ResourceSlots) -> Self {
        Self(limited)
    }
}

/// What a principal signs the requests of Backend.AI's clients with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKeyPair {
    /// Who it is; unique within the site. Sessions belong to it.
    pub access_key: String,
    /// Proves it.
    pub secret_key: SecretKey,
}

/// A secret that is needed as it is, to compute signatures with.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey(String);

impl SecretKey {
    /// The secret itself.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The secret itself, for its owner.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretKey {
    fn from(secret: String) -> Self {
        Self(secret)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretKey(..)")
    }
}
