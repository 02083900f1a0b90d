//! A call: who calls, on behalf of which access key, about which session.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use muster_contract::session::ComputeSessionReference;
use muster_contract::{Principal, Role};

use super::query::Query;
use super::session_name::NAME_LIMIT;
use super::version::Version;
use super::{error::NO_SESSION, refused};
use crate::auth::KeyPair;
use crate::frame::{Caller, Failure, FailureKind, Ingress};

/// In a query, on whose behalf a call is made.
const OWNER: [&str; 2] = ["owner_access_key", "ownerAccessKey"];

/// A call that somebody signed. A handler that takes one is reached by no other.
#[derive(Debug)]
pub(super) struct Call {
    /// Who calls.
    pub(super) caller: Caller,
    /// The key pair that it was signed with.
    pub(super) pair: Arc<KeyPair>,
    /// The version that the client speaks.
    pub(super) version: Version,
    /// What stands in its query.
    pub(super) query: Query,
    session: Option<String>,
}

impl Call {
    /// The key pair on whose behalf it is made: the caller's own, or one that its query names.
    pub(super) fn owner(&self, ingress: &Ingress) -> Result<Arc<KeyPair>, Failure> {
        self.on_behalf_of(ingress, self.query.get(&OWNER))
    }

    /// The key pair with this access key, if the caller may act for it; `None` = the caller's own.
    pub(super) fn on_behalf_of(
        &self,
        ingress: &Ingress,
        access_key: Option<&str>,
    ) -> Result<Arc<KeyPair>, Failure> {
        let Some(access_key) = access_key.filter(|key| *key != self.pair.access_key) else {
            return Ok(Arc::clone(&self.pair));
        };
        let forbidden = || {
            Failure::new(
                FailureKind::Forbidden,
                "Only administrators can do that on behalf of others.",
            )
        };
        let caller = &self.caller.principal;
        if !caller.crosses_tenants() && !caller.has(Role::DomainAdmin) {
            return Err(forbidden());
        }
        let pair = ingress.directory.compute().key_pair(access_key);
        let pair = pair.filter(|pair| may_act_for(caller, &pair.principal));
        match pair {
            Some(pair) => Ok(Arc::clone(pair)),
            None if caller.crosses_tenants() => Err(Failure::invalid("Unknown owner access key")),
            None => Err(forbidden()),
        }
    }

    /// The session in the path, among those of the owner that are not over.
    pub(super) fn session(&self, ingress: &Ingress) -> Result<ComputeSessionReference, Failure> {
        let name = self.session.clone().unwrap_or_default();
        // No session has such a name, and no UUID is longer.
        if name.is_empty() || name.len() > NAME_LIMIT || name.chars().any(char::is_control) {
            return Err(Failure::new(FailureKind::NotFound, refused::UNKNOWN).code(NO_SESSION));
        }
        Ok(ComputeSessionReference {
            owner: self.owner(ingress)?.access_key.clone(),
            name,
            or_over: false,
        })
    }

    /// Whether the caller may do what only administrators may.
    pub(super) fn is_admin(&self) -> bool {
        self.caller.principal.crosses_tenants()
    }
}

/// Whether somebody may act for somebody else.
pub(super) fn may_act_for(caller: &Principal, other: &Principal) -> bool {
    caller.crosses_tenants()
        || caller.has(Role::DomainAdmin)
            && caller.domain == other.domain
            && !other.crosses_tenants()
}

impl FromRequestParts<Ingress> for Call {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, ingress: &Ingress) -> Result<Self, Failure> {
        let caller = Caller::from_request_parts(parts, ingress).await?;
        let pair = ingress
            .directory
            .compute()
            .key_pair_of(&caller.principal.name);
        let pair = pair.ok_or_else(|| Failure::broken("a signed call is of nobody's key pair"))?;
        let mut path = Path::<HashMap<String, String>>::from_request_parts(parts, ingress)
            .await
            .map_err(|rejection| Failure::invalid(rejection.body_text()))?;
        Ok(Self {
            pair: Arc::clone(pair),
            version: Version::of_request(&parts.headers)?,
            query: Query::parse(parts.uri.query()),
            session: path.remove(SESSION),
            caller,
        })
    }
}

/// The session in a path.
const SESSION: &str = "session";

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(domain: &str, roles: &[Role]) -> Principal {
        Principal {
            name: "somebody".to_owned(),
            domain: domain.to_owned(),
            project: "demo".to_owned(),
            roles: roles.to_vec(),
        }
    }

    #[test]
    fn who_may_act_for_whom() {
        let user = principal("default", &[Role::User]);
        let stranger = principal("elsewhere", &[Role::User]);
        let admin = principal("default", &[Role::Admin]);
        for (role, for_user, for_stranger, for_admin) in [
            (Role::User, false, false, false),
            (Role::Manager, false, false, false),
            (Role::Support, false, false, false),
            (Role::DomainAdmin, true, false, false),
            (Role::Admin, true, true, true),
            (Role::Superadmin, true, true, true),
        ] {
            let caller = principal("default", &[role]);
            let may = [&user, &stranger, &admin].map(|other| may_act_for(&caller, other));
            assert_eq!(may, [for_user, for_stranger, for_admin], "{role:?}");
        }
    }
}
