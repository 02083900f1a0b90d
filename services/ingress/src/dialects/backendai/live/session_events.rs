//! `GET /events/session`: what becomes of sessions, as server-sent events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use muster_contract::session::{ComputeSession, ComputeSessionChanged};
use muster_contract::{Principal, Role};
use muster_messaging::{EventListener, Told};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use utoipa::IntoParams;

use super::super::call::Call;
use super::super::description::AnyFailure;
use super::super::query::Query;
use super::place;
use super::session_event::{SessionEvent, names};
use crate::frame::{Failure, Ingress};

/// Stands for all that the caller may see.
const ANY: &str = "*";

/// How long a client waits before it asks again once the stream is over: five seconds. Where other formats have milliseconds, Backend.AI
/// has seconds.
const RETRY: Duration = Duration::from_millis(5);

/// Which events.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description; the query is read by hand")]
pub(super) struct EventParameters {
    /// Name or id of a session; `*` or nothing: of all that the caller may see. Also `sessionId`.
    name: Option<String>,
    /// A project; `*` or nothing: of all that the caller may see.
    group: Option<String>,
    /// For administrators: whose sessions.
    #[param(rename = "ownerAccessKey")]
    owner_access_key: Option<String>,
}

/// What becomes of sessions
///
/// As server-sent events `session_enqueued`, `_preparing`, `_started`, `_terminating`, `_terminated`, `_cancelled`, `_success` and
/// `_failure`, each with `sessionId`, `sessionName`, `ownerAccessKey`, `reason` and `result`. If events may have been missed the stream
/// ends: how things are then, the client has to ask for.
#[utoipa::path(
    get,
    path = "/events/session",
    operation_id = "session_events",
    tag = "events",
    params(EventParameters),
    responses((status = 200, description = "Events as they happen", content_type = "text/event-stream"), AnyFailure),
)]
pub(super) async fn session_events(
    State(ingress): State<Ingress>,
    call: Call,
) -> Result<Response, Failure> {
    let filter = Filter::of(&ingress, &call)?;
    let listening = Listening {
        _place: place(&ingress)?,
        listener: ingress.compute_events.listen(),
        stop: ingress.tasks.token(),
        filter,
        ahead: VecDeque::new(),
    };
    let events = stream::unfold(listening, |mut listening| async move {
        let event = listening.next().await?;
        Some((Ok::<_, Infallible>(event), listening))
    });
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response())
}

/// Which sessions are told of.
#[derive(Debug)]
struct Filter {
    viewer: Arc<Principal>,
    /// `None` = of everybody that the viewer may see.
    owner: Option<String>,
    session: Option<String>,
    group: Option<String>,
}

impl Filter {
    fn of(ingress: &Ingress, call: &Call) -> Result<Self, Failure> {
        let query = &call.query;
        let owner = query.get(&["ownerAccessKey", "owner_access_key"]);
        let viewer = Arc::clone(&call.caller.principal);
        let sees_others = viewer.sees_all_tenants() || viewer.has(Role::DomainAdmin);
        let owner = match owner {
            None if sees_others => None,
            owner => Some(call.on_behalf_of(ingress, owner)?.access_key.clone()),
        };
        Ok(Self {
            viewer,
            owner,
            session: given(query, &["name", "sessionName", "sessionId"]),
            group: given(query, &["group", "groupName"]),
        })
    }

    fn shows(&self, session: &ComputeSession) -> bool {
        let is = |wanted: &Option<String>, given: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == given)
        };
        let is_visible = self.owner.is_some()
            || self.viewer.sees_all_tenants()
            || self.viewer.domain == session.domain;
        let is_meant = self.session.as_deref().is_none_or(|wanted| {
            wanted == session.name || wanted.eq_ignore_ascii_case(&session.id.to_string())
        });
        is_visible
            && is_meant
            && is(&self.owner, &session.owner)
            && is(&self.group, &session.tenant)
    }
}

fn given(query: &Query, names: &[&str]) -> Option<String> {
    let given = query.get(names).filter(|given| *given != ANY);
    given.map(str::to_owned)
}

struct Listening {
    _place: OwnedSemaphorePermit,
    listener: EventListener<ComputeSessionChanged>,
    stop: CancellationToken,
    filter: Filter,
    ahead: VecDeque<Event>,
}

impl Listening {
    /// The next event; `None` = the stream is over.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ahead.pop_front() {
                return Some(event);
            }
            // Whoever listens to a process that stops asks another one.
            let told = self.stop.run_until_cancelled(self.listener.next()).await?;
            match told {
                Some(Told::Event(changed)) if self.filter.shows(&changed.session) => {
                    self.ahead.extend(events(&changed.session));
                }
                Some(Told::Event(_)) => {}
                Some(Told::Gap) | None => return None,
            }
        }
    }
}

fn events(session: &ComputeSession) -> impl Iterator<Item = Event> {
    // Texts and an id always become JSON.
    let data = serde_json::to_string(&SessionEvent::of(session)).unwrap_or_default();
    names(session).iter().map(move |name| {
        let event = Event::default().event(name).retry(RETRY);
        event.data(&data)
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::sessions::test_session::session;
    use super::*;

    fn filter(roles: &[Role], owner: Option<&str>) -> Filter {
        Filter {
            viewer: Arc::new(Principal {
                name: "root".to_owned(),
                domain: "default".to_owned(),
                project: "demo".to_owned(),
                roles: roles.to_vec(),
            }),
            owner: owner.map(str::to_owned),
            session: None,
            group: None,
        }
    }

    #[test]
    fn who_is_told_of_a_session() {
        let mut session = session();
        assert!(filter(&[Role::User], Some("AK")).shows(&session));
        assert!(!filter(&[Role::User], Some("AK2")).shows(&session));
        assert!(filter(&[Role::Superadmin], None).shows(&session));
        assert!(filter(&[Role::DomainAdmin], None).shows(&session));
        session.domain = "elsewhere".to_owned();
        assert!(!filter(&[Role::DomainAdmin], None).shows(&session));
        assert!(filter(&[Role::Superadmin], None).shows(&session));
    }

    #[test]
    fn a_session_is_meant_by_its_name_or_its_id() {
        let session = session();
        let shows = |wanted: &str| {
            let mut filter = filter(&[Role::User], Some("AK"));
            filter.session = Some(wanted.to_owned());
            filter.shows(&session)
        };
        assert!(shows("mysess-01") && shows(&session.id.to_string()));
        assert!(!shows("mysess-0") && !shows("mysess-010"));
        let mut other_group = filter(&[Role::User], Some("AK"));
        other_group.group = Some("other".to_owned());
        assert!(!other_group.shows(&session));
    }
}
