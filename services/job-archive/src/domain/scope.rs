//! What of the archive a caller may see and change (design §5; `api/clustercockpit.md` §1.4, §1.5).

use muster_contract::{Principal, Role, job_archive::Tag};

/// A tag that everybody sees.
const GLOBAL: &str = "global";
/// A tag that administrators and supporters see.
const ADMIN: &str = "admin";

/// Roles that see their whole tenant. The document lets a manager see "own + projects" and a later server a token with
/// the role `api` alone see everything; both come to their tenant here.
const TENANT_ROLES: [Role; 6] = [
    Role::Api,
    Role::Manager,
    Role::Support,
    Role::Admin,
    Role::DomainAdmin,
    Role::Superadmin,
];

/// A part of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    /// Every job.
    All,
    /// The jobs that a tenant has reported.
    Tenant(String),
    /// Of those, the ones that a user has submitted.
    User {
        /// The tenant.
        tenant: String,
        /// Who submitted them.
        user: String,
    },
}

impl Scope {
    /// The jobs that the caller may see.
    pub(crate) fn of_reader(caller: &Principal) -> Self {
        Self::of(caller, caller.sees_all_tenants())
    }

    /// The jobs that the caller may change.
    pub(crate) fn of_writer(caller: &Principal) -> Self {
        Self::of(caller, caller.crosses_tenants())
    }

    fn of(caller: &Principal, all: bool) -> Self {
        let tenant = caller.project.clone();
        if all {
            Self::All
        } else if TENANT_ROLES.iter().any(|role| caller.has(*role)) {
            Self::Tenant(tenant)
        } else {
            let user = caller.name.clone();
            Self::User { tenant, user }
        }
    }

    /// Whether the jobs of this user that this tenant has reported are in it.
    pub(crate) fn has(&self, tenant: &str, user: &str) -> bool {
        self.tenant().is_none_or(|own| own == tenant) && self.user().is_none_or(|own| own == user)
    }

    /// What is left of everything in one tenant, and there of one user.
    pub(crate) fn from_parts(tenant: Option<String>, user: Option<String>) -> Self {
        match (tenant, user) {
            (None, _) => Self::All,
            (Some(tenant), None) => Self::Tenant(tenant),
            (Some(tenant), Some(user)) => Self::User { tenant, user },
        }
    }

    /// The one tenant it is confined to.
    pub(crate) fn tenant(&self) -> Option<&str> {
        match self {
            Self::All => None,
            Self::Tenant(tenant) | Self::User { tenant, .. } => Some(tenant),
        }
    }

    /// The one user it is confined to.
    pub(crate) fn user(&self) -> Option<&str> {
        match self {
            Self::All | Self::Tenant(_) => None,
            Self::User { user, .. } => Some(user),
        }
    }
}

/// Whether the caller sees the tag on a job that it sees.
pub(crate) fn sees_tag(caller: &Principal, tag: &Tag) -> bool {
    match tag.scope.as_str() {
        GLOBAL => true,
        ADMIN => caller.sees_all_tenants(),
        user => user == caller.name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(roles: &[Role]) -> Principal {
        Principal {
            name: "alice".to_owned(),
            domain: "default".to_owned(),
            project: "demo".to_owned(),
            roles: roles.to_vec(),
        }
    }

    fn scopes(roles: &[Role]) -> (Scope, Scope) {
        let caller = caller(roles);
        (Scope::of_reader(&caller), Scope::of_writer(&caller))
    }

    #[test]
    fn roles_widen_what_is_seen_and_changed() {
        let tenant = || Scope::Tenant("demo".to_owned());
        let own = || Scope::User {
            tenant: "demo".to_owned(),
            user: "alice".to_owned(),
        };
        assert_eq!(scopes(&[]), (own(), own()));
        assert_eq!(scopes(&[Role::User]), (own(), own()));
        assert_eq!(scopes(&[Role::User, Role::Api]), (tenant(), tenant()));
        assert_eq!(scopes(&[Role::Manager]), (tenant(), tenant()));
        assert_eq!(scopes(&[Role::DomainAdmin]), (tenant(), tenant()));
        assert_eq!(scopes(&[Role::Support]), (Scope::All, tenant()));
        assert_eq!(scopes(&[Role::Admin]), (Scope::All, Scope::All));
        assert_eq!(scopes(&[Role::Superadmin]), (Scope::All, Scope::All));
    }

    #[test]
    fn private_tags_are_their_owners() {
        let seen = |roles: &[Role], scope: &str| {
            let tag = Tag {
                id: 1,
                kind: "t".to_owned(),
                name: "n".to_owned(),
                scope: scope.to_owned(),
            };
            sees_tag(&caller(roles), &tag)
        };
        for roles in [&[Role::User][..], &[Role::Api], &[Role::Admin]] {
            assert!(seen(roles, "global"));
            assert!(seen(roles, "alice"));
            assert!(!seen(roles, "bob"));
        }
        assert!(!seen(&[Role::Api], "admin"));
        assert!(seen(&[Role::Support], "admin") && seen(&[Role::Admin], "admin"));
    }
}
