//! What clients ask of the site itself: `GET /manager/announcement`, `GET /manager/status`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::session::{ComputeSessionFilter, ComputeSessionStatus, ListComputeSessions};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::answer;
use super::call::Call;
use super::description::AnyFailure;
use crate::frame::{Failure, Ingress};

pub(super) fn endpoints() -> OpenApiRouter<Ingress> {
    OpenApiRouter::new()
        .routes(routes!(announcement))
        .routes(routes!(status))
}

/// What the site's administrators have to say.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Announcement {
    /// Whether they have anything to say.
    enabled: bool,
    /// What.
    message: &'static str,
}

/// What the site's administrators have to say
///
/// Nothing: a site has no such thing. Clients ask before everything else they do.
#[utoipa::path(
    get,
    path = "/manager/announcement",
    operation_id = "announcement",
    tag = "manager",
    responses((status = 200, description = "Nothing", body = Announcement), AnyFailure),
)]
pub(super) async fn announcement(_: Call) -> Response {
    let announcement = Announcement {
        enabled: false,
        message: "",
    };
    answer(StatusCode::OK, &announcement)
}

/// How the site is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Status {
    /// `running`: others do not answer.
    #[schema(example = "running")]
    status: &'static str,
    /// The caller's sessions that are not over; an administrator's: those of everybody.
    active_sessions: u64,
}

/// How the site is
#[utoipa::path(
    get,
    path = "/manager/status",
    operation_id = "manager_status",
    tag = "manager",
    responses((status = 200, description = "It runs", body = Status), AnyFailure),
)]
pub(super) async fn status(
    State(ingress): State<Ingress>,
    call: Call,
) -> Result<Response, Failure> {
    let owner = (!call.is_admin()).then(|| call.pair.access_key.clone());
    let live = ComputeSessionStatus::ALL.into_iter();
    let query = ListComputeSessions {
        filter: ComputeSessionFilter {
            owner,
            statuses: Some(live.filter(|status| !status.is_over()).collect()),
            ..ComputeSessionFilter::default()
        },
        order: Vec::new(),
        offset: 0,
        limit: 0,
        with_containers: false,
    };
    let total = match ingress.ask(&call.caller, &query).await? {
        Outcome::Done(page) => page.total,
        Outcome::Refused(refusal) => return Err(Failure::broken(format!("{refusal:?}"))),
    };
    let status = Status {
        status: "running",
        active_sessions: total,
    };
    Ok(answer(StatusCode::OK, &status))
}
