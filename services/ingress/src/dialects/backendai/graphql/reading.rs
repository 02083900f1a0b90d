//! Asking the owner of the tables.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{Context, Error, Result};
use muster_contract::session::{
    Comparison, ComparisonOperator, ComputeContainerPage, ComputeSession, ComputeSessionField,
    ComputeSessionFilter, ComputeSessionPage, Condition, ConditionValue, ListComputeContainers,
    ListComputeSessions, ListComputeSessionsRefusal,
};
use muster_contract::{Outcome, Query};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::identity::Names;
use super::scope::Scope;
use crate::auth::KeyPair;
use crate::frame::{Caller, Failure, Ingress};

/// What a caller is told who asks for what it may not see, word for word as by Backend.AI's manager.
pub(super) const FORBIDDEN: &str = "Forbidden operation.";

/// Subscriptions at a time over one web socket.
pub(super) const SUBSCRIPTION_LIMIT: usize = 16;

/// One request, or one web socket: who asks, how far it sees, and what went wrong that is not a mistake in the query.
pub(super) struct Asking {
    pub(super) ingress: Ingress,
    pub(super) caller: Caller,
    pub(super) pair: Arc<KeyPair>,
    pub(super) scope: Scope,
    /// Places for subscriptions.
    pub(super) subscriptions: Arc<Semaphore>,
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
            subscriptions: Arc::new(Semaphore::new(SUBSCRIPTION_LIMIT)),
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

    /// The names of the site.
    pub(super) fn names(&self) -> Names<'_> {
        Names::of(&self.ingress.directory)
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
        match self.ask(&query).await? {
            Outcome::Done(page) => Ok(page),
            Outcome::Refused(refusal) => Err(Error::new(match refusal {
                ListComputeSessionsRefusal::TooWide { limit } => format!(
                    "more than {limit} sessions would have to be looked through: name a status, or a span of created_at"
                ),
                ListComputeSessionsRefusal::Invalid { reason } => reason,
            })),
        }
    }

    /// The session with this id; `None` also if the caller may not see it.
    pub(super) async fn session(
        &self,
        id: Uuid,
        with_containers: bool,
    ) -> Result<Option<ComputeSession>> {
        let filter = ComputeSessionFilter {
            ids: Some(vec![id]),
            ..ComputeSessionFilter::default()
        };
        self.first(filter, with_containers).await
    }

    /// The one of its sessions with this name that the caller may see and that changed last.
    pub(super) async fn session_called(
        &self,
        name: &str,
        with_containers: bool,
    ) -> Result<Option<ComputeSession>> {
        if let Ok(id) = Uuid::parse_str(name) {
            return self.session(id, with_containers).await;
        }
        let condition = Condition::Field(Comparison {
            field: ComputeSessionField::Name,
            operator: ComparisonOperator::Equal,
            values: vec![ConditionValue::Text(name.to_owned())],
        });
        let filter = ComputeSessionFilter {
            condition: Some(condition),
            ..ComputeSessionFilter::default()
        };
        self.first(filter, with_containers).await
    }

    /// Containers of a session that the caller may see.
    pub(super) async fn containers(
        &self,
        mut query: ListComputeContainers,
    ) -> Result<ComputeContainerPage> {
        let whose = self.scope.narrow(ComputeSessionFilter::default());
        let whose = whose.map_err(|_| Error::new(FORBIDDEN))?;
        (query.owner, query.domain) = (whose.owner, whose.domain);
        let Outcome::Done(page) = self.ask(&query).await?;
        Ok(page)
    }

    async fn first(
        &self,
        filter: ComputeSessionFilter,
        with_containers: bool,
    ) -> Result<Option<ComputeSession>> {
        let query = ListComputeSessions {
            filter,
            order: Vec::new(),
            offset: 0,
            limit: 1,
            with_containers,
        };
        Ok(self.list(query).await?.sessions.into_iter().next())
    }

    async fn ask<Q: Query>(&self, query: &Q) -> Result<Outcome<Q::Answer, Q::Refusal>> {
        match self.ingress.ask(&self.caller, query).await {
            Ok(outcome) => Ok(outcome),
            Err(failure) => {
                let message = failure.message().to_owned();
                *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
                Err(Error::new(message))
            }
        }
    }
}
