//! What a site does around nodes and sessions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is done to a node.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum NodeHook {
    /// Installs it and switches it on: from then on it is free.
    Provision,
    /// Prepares it for the session that got it, for example by bringing the owner's keys.
    Contextualize,
    /// Wipes what a session left.
    Deprovision,
}

impl NodeHook {
    /// Every hook.
    pub const ALL: [Self; 3] = [Self::Provision, Self::Contextualize, Self::Deprovision];

    /// Its name in tables, and of the program that the agent runs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provision => "provision",
            Self::Contextualize => "contextualize",
            Self::Deprovision => "deprovision",
        }
    }

    /// The hook of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.name() == name)
    }
}

/// What is done for a session, apart from its nodes (seed 3: "session-setup and session-teardown").
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum SessionHook {
    /// Before its first nodes are asked for, for example to make its network.
    SetUp,
    /// When its nodes are given back, and when its set-up failed.
    TearDown,
}

impl SessionHook {
    /// Every hook.
    pub const ALL: [Self; 2] = [Self::SetUp, Self::TearDown];

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SetUp => "set-up",
            Self::TearDown => "tear-down",
        }
    }

    /// The hook of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.name() == name)
    }
}

/// How a hook came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HookResult {
    /// It has done what it is for.
    Succeeded,
    /// It has not.
    Failed {
        /// Why, for people; at most 4 KiB of it are kept.
        reason: String,
    },
}
