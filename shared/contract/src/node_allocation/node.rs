//! A node.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a node is doing (`api/duffy.md` §1 and §4).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// Known, switched off or not installed.
    Unused,
    /// Being installed.
    Provisioning,
    /// Free.
    Ready,
    /// Being prepared for the session that got it.
    Contextualizing,
    /// In a session.
    Deployed,
    /// Given back; being wiped.
    Deprovisioning,
    /// In a session whose owner asked to keep it for a look.
    Held,
    /// Set aside for a while since one of its hooks failed; then it is tried again.
    Quarantined,
    /// Set aside since something went wrong with it, until an operator looks at it.
    Failed,
    /// Set aside by an operator.
    Reserved,
}

impl NodeState {
    /// Every state.
    pub const ALL: [Self; 10] = [
        Self::Unused,
        Self::Provisioning,
        Self::Ready,
        Self::Contextualizing,
        Self::Deployed,
        Self::Deprovisioning,
        Self::Held,
        Self::Quarantined,
        Self::Failed,
        Self::Reserved,
    ];

    /// Its name in tables and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unused => "unused",
            Self::Provisioning => "provisioning",
            Self::Ready => "ready",
            Self::Contextualizing => "contextualizing",
            Self::Deployed => "deployed",
            Self::Deprovisioning => "deprovisioning",
            Self::Held => "held",
            Self::Quarantined => "quarantined",
            Self::Failed => "failed",
            Self::Reserved => "reserved",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A node as an inventory shows it. What it does not have is left out: an inventory of thousands is a third shorter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Node {
    /// Its number in the owner's table.
    pub id: i64,
    /// Short name, unique: `n24.dusty`.
    pub hostname: String,
    /// Its address.
    pub ip_address: String,
    /// The pool it belongs to.
    pub pool: String,
    /// Where it stands; may be empty.
    pub chassis: String,
    /// Port of its console, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub console_port: Option<i64>,
    /// Release of the operating system.
    pub version: String,
    /// Processor architecture.
    pub architecture: String,
    /// Size of a virtual machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flavor: Option<String>,
    /// What it is doing.
    pub state: NodeState,
    /// How often it was in a session.
    pub used_count: i64,
    /// The tenant whose session holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The session that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Generation of its latest lease; raised by each.
    pub generation: i64,
    /// Why it is in a state that an operator has to look at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it came into its state: microseconds since 1970 UTC.
    pub state_since: i64,
}

/// A node that a session holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeasedNode {
    /// Its number in the table of node allocation.
    pub id: i64,
    /// Short name.
    pub hostname: String,
    /// Its address.
    pub ip_address: String,
    /// Its pool.
    pub pool: String,
    /// Generation of the lease.
    pub generation: i64,
    /// How long a session with such a node may live, in seconds, by the rule of its pool; `None` = for ever.
    pub lifetime: Option<i64>,
    /// How long at most, if its owner asks for more, in seconds; `None` = without limit.
    pub maximum_lifetime: Option<i64>,
}
