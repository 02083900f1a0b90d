//! Asking the owner of the tables.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{Context, Error, Result};
use muster_contract::Outcome;
use muster_contract::session::{
    ComputeSession, ComputeSessionFilter, ComputeSessionPage, ListComputeSessions,
};
use uuid::Uuid;

use super::scope::Scope;
use crate::auth::KeyPair;
use crate::frame::{Caller, Failure, Ingress};

/// What a caller is told who asks for what it may not see, word for word as by Backend.AI's manager.
pub(super) const FORBIDDEN: &str = "Forbidden operation.";

/// One request: who asks, how far it sees, and what went wrong that is not a mistake in the query.
pub(super) struct Asking {
    pub(super) ingress: Ingress,
    pub(super) caller: Caller,
    pub(super) pair: Arc<KeyPair>,
    pub(super) scope: Scope,
    failure: Mutex<Option<Failure>>,
}

impl Asking {
    pub(super) fn new(ingress: Ingress, caller: Caller, pair: Arc<KeyPair>) -> Self {
        let scope = Scope::of(&caller.principal, &pair.access_key);
        Self {
            ingress,
            caller,
            pair,
            scope,
            failure: Mutex::new(None),
        }
    }

    /// The request that a field is resolved for.
    pub(super) fn of<'a>(context: &Context<'a>) -> Result<&'a Arc<Self>> {
        context.data::<Arc<Self>>()
    }

    /// The failure that has to be answered in place of a result.
    pub(super) fn take_failure(&self) -> Option<Failure> {
        // Nothing panics while holding the lock.
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.take()
    }

    /// Sessions, if the caller may see them.
    pub(super) async fn list(&self, mut query: ListComputeSessions) -> Result<ComputeSessionPage> {
        query.filter = self
            .scope
            .narrow(query.filter)
            .map_err(|_| Error::new(FORBIDDEN))?;
        // Names of statuses that nobody knows were left out, and nothing is in none.
        if query.filter.statuses.as_ref().is_some_and(Vec::is_empty) {
            return Ok(ComputeSessionPage {
                sessions: Vec::new(),
                total: 0,
            });
        }
        match self.ingress.ask(&self.caller, &query).await {
            Ok(Outcome::Done(page)) => Ok(page),
            Err(failure) => {
                let message = failure.message().to_owned();
                *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
                Err(Error::new(message))
            }
        }
    }

    /// The session with this id; `None` also if the caller may not see it.
    pub(super) async fn session(&self, id: Uuid) -> Result<Option<ComputeSession>> {
        let filter = ComputeSessionFilter {
            id: Some(id),
            ..ComputeSessionFilter::default()
        };
        self.first(filter).await
    }

    /// The newest of its sessions with this name that the caller may see.
    pub(super) async fn session_called(&self, name: &str) -> Result<Option<ComputeSession>> {
        if let Ok(id) = Uuid::parse_str(name) {
            return self.session(id).await;
        }
        Ok(None)
    }

    async fn first(&self, filter: ComputeSessionFilter) -> Result<Option<ComputeSession>> {
        let query = ListComputeSessions {
            filter,
            order: None,
            offset: 0,
            limit: 1,
            with_containers: true,
        };
        let page = self.list(query).await?;
        let mut sessions = page.sessions.into_iter();
        Ok(sessions.find(|session| self.scope.sees(session)))
    }
}
