//! A key pair: the first thing that `backend.ai ps` asks for is the caller's own.

use std::sync::Arc;

use async_graphql::Object;

use crate::auth;

/// A key pair.
pub(super) struct KeyPair(pub(super) Arc<auth::KeyPair>);

#[Object(rename_fields = "snake_case")]
impl KeyPair {
    /// Says whose it is.
    async fn access_key(&self) -> &str {
        &self.0.access_key
    }

    /// What calls are signed with. Null: whoever asks has signed with it, and it is not shown.
    async fn secret_key(&self) -> Option<&str> {
        None
    }

    /// Whether it can be used; no other is known here.
    async fn is_active(&self) -> bool {
        true
    }

    /// Whether its owner administers the site.
    async fn is_admin(&self) -> bool {
        self.0.principal.crosses_tenants()
    }

    /// Whose it is.
    async fn user_id(&self) -> &str {
        &self.0.principal.name
    }

    /// The name of the rules for its sessions.
    async fn resource_policy(&self) -> Option<&str> {
        let policy = self.0.policy.as_ref()?;
        Some(&policy.name)
    }

    /// How many sessions of it may run at once.
    async fn concurrency_limit(&self) -> Option<u32> {
        self.0.policy.as_ref()?.quota.sessions
    }
}
