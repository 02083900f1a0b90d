//! Who calls (design §5).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a principal may do. The names are those of the site file and of ClusterCockpit's tokens.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// May see what is its own.
    User,
    /// May use the REST API of the job archive.
    Api,
    /// May see its projects.
    Manager,
    /// May see everything.
    Support,
    /// May see and change everything.
    Admin,
    /// Administers one domain.
    DomainAdmin,
    /// Administers everything.
    Superadmin,
}

impl Role {
    /// Its name, as in the site file and in tokens.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Api => "api",
            Role::Manager => "manager",
            Role::Support => "support",
            Role::Admin => "admin",
            Role::DomainAdmin => "domain-admin",
            Role::Superadmin => "superadmin",
        }
    }

    /// The role with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "user" => Role::User,
            "api" => Role::Api,
            "manager" => Role::Manager,
            "support" => Role::Support,
            "admin" => Role::Admin,
            "domain-admin" => Role::DomainAdmin,
            "superadmin" => Role::Superadmin,
            _ => return None,
        })
    }
}

/// A caller that was authenticated by the ingress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Principal {
    /// Unique within the site.
    pub name: String,
    /// The domain its project belongs to.
    pub domain: String,
    /// Its project: the tenant it acts for.
    pub project: String,
    /// What it may do.
    pub roles: Vec<Role>,
}

impl Principal {
    /// Whether it has the role.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether it may act for every tenant.
    #[must_use]
    pub fn crosses_tenants(&self) -> bool {
        self.has(Role::Admin) || self.has(Role::Superadmin)
    }

    /// Whether it may see every tenant.
    #[must_use]
    pub fn sees_all_tenants(&self) -> bool {
        self.crosses_tenants() || self.has(Role::Support)
    }
}
