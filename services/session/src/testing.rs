//! What the tests of this crate share.

use muster_contract::{Principal, Role, Service};
use muster_testkit::TestDatabases;

use crate::MIGRATIONS;

/// A database of a test's own.
pub(crate) const DATABASES: TestDatabases = TestDatabases::new(Service::Session, &MIGRATIONS);

/// A principal of a tenant.
pub(crate) fn principal(name: &str, tenant: &str, roles: &[Role]) -> Principal {
    Principal {
        name: name.to_owned(),
        domain: "default".to_owned(),
        project: tenant.to_owned(),
        roles: roles.to_vec(),
    }
}

/// A user of the tenant `demo`.
pub(crate) fn alice() -> Principal {
    principal("alice", "demo", &[Role::User])
}

/// A user of the tenant `other`.
pub(crate) fn bob() -> Principal {
    principal("bob", "other", &[Role::User])
}

/// Somebody who may act for every tenant.
pub(crate) fn admin() -> Principal {
    principal("root", "operators", &[Role::Admin])
}
