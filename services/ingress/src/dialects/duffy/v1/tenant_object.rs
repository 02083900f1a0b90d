//! A tenant in answers: a project of the site.

use muster_contract::Principal;
use muster_platform::site::Project;
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::auth::Directory;

/// A tenant. What only Duffy 3 has is `null`: the site file says neither when a project was made nor which SSH key its nodes
/// get, and how long a session may live is said by pools.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct TenantObject {
    /// Its number, which follows from its name.
    id: i64,
    /// Its name.
    #[schema(example = "demo")]
    name: String,
    /// Whether any of its principals may act for every tenant.
    is_admin: bool,
    /// Always true.
    active: bool,
    ssh_key: Option<String>,
    created_at: Option<String>,
    retired_at: Option<String>,
    /// Nodes that it may hold; `null` = as many as it likes.
    node_quota: Option<u32>,
    /// The same.
    effective_node_quota: Option<u32>,
    session_lifetime: Option<f64>,
    session_lifetime_max: Option<f64>,
    effective_session_lifetime: Option<f64>,
    effective_session_lifetime_max: Option<f64>,
}

impl TenantObject {
    /// The tenant of that name, also if it is no more in the site.
    pub(super) fn of(directory: &Directory, name: &str) -> Self {
        let project = directory.tenants().iter().find(|known| known.name == name);
        let quota = project.and_then(|project| project.node_quota);
        Self {
            id: id_of(name),
            name: name.to_owned(),
            is_admin: directory
                .principals_of(name)
                .any(Principal::crosses_tenants),
            active: project.is_some(),
            ssh_key: None,
            created_at: None,
            retired_at: None,
            node_quota: quota,
            effective_node_quota: quota,
            session_lifetime: None,
            session_lifetime_max: None,
            effective_session_lifetime: None,
            effective_session_lifetime_max: None,
        }
    }
}

/// The number of the tenant of that name: 31 bits of its hash, so that it stays the same whatever else the site declares. Two
/// of a hundred tenants have the same number once in 400,000 sites; then the first one is found by it.
pub(super) fn id_of(name: &str) -> i64 {
    let hash = Sha256::digest(name.as_bytes());
    let number = hash
        .iter()
        .take(4)
        .fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
    i64::from(number >> 1)
}

/// The project with that number.
pub(super) fn project_of(directory: &Directory, id: i64) -> Option<&Project> {
    let mut projects = directory.tenants().iter();
    projects.find(|project| id_of(&project.name) == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_positive_and_its_names_own() {
        assert_eq!(id_of("demo"), id_of("demo"));
        assert_ne!(id_of("demo"), id_of("Demo"));
        for name in ["", "a", "b", "demo"] {
            assert!((0..=i64::from(i32::MAX)).contains(&id_of(name)));
        }
    }
}
