//! What can be listened to: for people who would otherwise ask again and again.

use std::collections::VecDeque;
use std::sync::Arc;

use async_graphql::{Context, Error, Result, Subscription as GraphQlSubscription};
use futures_util::{Stream, stream};
use muster_contract::session::{
    ComputeSession as Session, ComputeSessionChanged, ComputeSessionFilter, ComputeSessionStatus,
};
use muster_messaging::{EventListener, Told};
use tokio::sync::OwnedSemaphorePermit;

use super::compute_session::ComputeSession;
use super::reading::{Asking, FORBIDDEN, SUBSCRIPTION_LIMIT};
use super::scalars::Uuid;
use super::sessions_asked_for::statuses;

/// What is told last if something may have happened that is never told.
const GAP: &str = "events may have been missed: subscribe again, and then ask how things are";

/// What can be listened to.
pub(super) struct Subscription;

#[GraphQlSubscription(rename_fields = "snake_case", rename_args = "snake_case")]
impl Subscription {
    /// Sessions that the caller may see, each time that one has come to another status or waits for something else, as it is then. To
    /// miss nothing, subscribe first, and then ask how things are.
    #[expect(clippy::too_many_arguments, reason = "those of compute_session_list")]
    #[expect(clippy::unused_async, reason = "a resolver")]
    async fn compute_session_changed(
        &self,
        context: &Context<'_>,
        id: Option<Uuid>,
        name: Option<String>,
        domain_name: Option<String>,
        #[graphql(desc = "Name or id of a project")] group_id: Option<String>,
        access_key: Option<String>,
        #[graphql(desc = "Statuses with commas between; those that nobody knows are left out")]
        status: Option<String>,
    ) -> Result<impl Stream<Item = Result<ComputeSession>> + use<>> {
        let asking = Arc::clone(Asking::of(context)?);
        let place = Arc::clone(&asking.subscriptions)
            .try_acquire_owned()
            .map_err(|_| {
                Error::new(format!(
                    "a web socket has at most {SUBSCRIPTION_LIMIT} subscriptions"
                ))
            })?;
        let filter = ComputeSessionFilter {
            ids: id.map(|Uuid(id)| vec![id]),
            owner: access_key,
            tenant: group_id.map(|group| asking.names().project(&group)),
            domain: domain_name,
            statuses: statuses(status.as_deref()),
            condition: None,
        };
        let filter = asking.scope.narrow(filter);
        let filter = filter.map_err(|_| Error::new(FORBIDDEN))?;
        let listening = Listening {
            listener: asking.ingress.compute_events.listen(),
            wanted: Wanted { filter, name },
            told: VecDeque::new(),
            asking,
            _place: place,
        };
        Ok(stream::unfold(Some(listening), |listening| async move {
            let mut listening = listening?;
            match listening.next().await {
                Some(session) => Some((Ok(session), Some(listening))),
                None => Some((Err(Error::new(GAP)), None)),
            }
        }))
    }
}

/// Most sessions whose last word is remembered for one subscription.
const TOLD_LIMIT: usize = 1024;

struct Listening {
    asking: Arc<Asking>,
    listener: EventListener<ComputeSessionChanged>,
    wanted: Wanted,
    /// What was said of each session last: the same event may come twice.
    told: VecDeque<(uuid::Uuid, i64, ComputeSessionStatus)>,
    _place: OwnedSemaphorePermit,
}

impl Listening {
    /// The next session that has changed; `None` = it is not known what else has.
    async fn next(&mut self) -> Option<ComputeSession> {
        loop {
            let Some(Told::Event(changed)) = self.listener.next().await else {
                return None;
            };
            let session = &changed.session;
            if self.wanted.has(session) && self.is_new(session) {
                return Some(ComputeSession::new(session.clone(), &self.asking));
            }
        }
    }

    fn is_new(&mut self, session: &Session) -> bool {
        let said = (session.id, session.status_changed_at, session.status);
        if self.told.contains(&said) {
            return false;
        }
        if self.told.len() >= TOLD_LIMIT {
            self.told.pop_front();
        }
        self.told.push_back(said);
        true
    }
}

/// Which sessions.
#[derive(Debug, Clone)]
struct Wanted {
    filter: ComputeSessionFilter,
    name: Option<String>,
}

impl Wanted {
    fn has(&self, session: &Session) -> bool {
        let is = |wanted: &Option<String>, given: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == given)
        };
        let filter = &self.filter;
        let ids = filter.ids.as_ref();
        let statuses = filter.statuses.as_ref();
        ids.is_none_or(|ids| ids.contains(&session.id))
            && statuses.is_none_or(|statuses| statuses.contains(&session.status))
            && is(&filter.owner, &session.owner)
            && is(&filter.tenant, &session.tenant)
            && is(&filter.domain, &session.domain)
            && is(&self.name, &session.name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sessions::test_session::session;
    use super::*;

    fn shows(filter: ComputeSessionFilter, name: Option<&str>) -> bool {
        let name = name.map(str::to_owned);
        Wanted { filter, name }.has(&session())
    }

    #[test]
    fn all_that_is_said_of_a_session_has_to_be_true() {
        let all = ComputeSessionFilter::default;
        let some = |text: &str| Some(text.to_owned());
        let good = [
            all(),
            ComputeSessionFilter {
                owner: some("AK"),
                domain: some("default"),
                ..all()
            },
            ComputeSessionFilter {
                tenant: some("demo"),
                ids: Some(vec![session().id]),
                ..all()
            },
            ComputeSessionFilter {
                statuses: Some(vec![ComputeSessionStatus::Running]),
                ..all()
            },
        ];
        for filter in good {
            assert!(shows(filter.clone(), Some("mysess-01")), "{filter:?}");
            assert!(!shows(filter, Some("mysess-0")));
        }
        let bad = [
            ComputeSessionFilter {
                owner: some("OTHER"),
                ..all()
            },
            ComputeSessionFilter {
                domain: some("elsewhere"),
                ..all()
            },
            ComputeSessionFilter {
                tenant: some("other"),
                ..all()
            },
            ComputeSessionFilter {
                ids: Some(vec![uuid::Uuid::nil()]),
                ..all()
            },
            ComputeSessionFilter {
                statuses: Some(vec![]),
                ..all()
            },
        ];
        for filter in bad {
            assert!(!shows(filter.clone(), None), "{filter:?}");
        }
    }
}
