//! Query: what sessions have used.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Message, Query, Service, message::Never};

/// Asks how long sessions held nodes in a period: accounting by project, by alias (seed 3: "accounting by job name") or
/// by session. Accounts come in the order of project, alias and number of the session. Nobody is asked for: who may see what
/// is for the caller of this to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountNodeSessions {
    /// Beginning of the period: microseconds since 1970 UTC.
    pub from: i64,
    /// Its end. What a session still holds counts up to now at most.
    pub to: i64,
    /// What an account is for.
    pub by: AccountedBy,
    /// Only those of this project.
    pub tenant: Option<String>,
    /// Only those after this one: the last of the page before.
    pub after: Option<AccountPlace>,
    /// How many at most; the owner gives 1,000 at most.
    pub limit: u32,
}

/// What an account is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountedBy {
    /// A project.
    Tenant,
    /// Sessions of a project under the same alias, one after the other; those without one together.
    Alias,
    /// A session.
    Session,
}

/// The place of an account among others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountPlace {
    /// Its project.
    pub tenant: String,
    /// Its alias; none if it has none, or is for a project.
    pub alias: Option<String>,
    /// Number of its session; none if it is for several.
    pub number: Option<i64>,
}

/// What was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// The project.
    pub tenant: String,
    /// The alias; none if the sessions have none, or the account is for a project.
    pub alias: Option<String>,
    /// Number of the session, if it is for one.
    pub number: Option<i64>,
    /// Id of the session, if it is for one.
    pub session: Option<String>,
    /// Sessions that held nodes in the period.
    pub sessions: i64,
    /// Nodes that they held, each as often as a session got it.
    pub nodes: i64,
    /// For how long, in seconds, added up over the nodes.
    pub node_seconds: i64,
}

impl Account {
    /// Its place among others.
    #[must_use]
    pub fn place(&self) -> AccountPlace {
        AccountPlace {
            tenant: self.tenant.clone(),
            alias: self.alias.clone(),
            number: self.number,
        }
    }
}

/// Accounts, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountPage {
    /// The accounts.
    pub accounts: Vec<Account>,
}

impl Message for AccountNodeSessions {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "account-node-sessions";
}

impl Query for AccountNodeSessions {
    type Answer = AccountPage;
    type Refusal = Never;
}
