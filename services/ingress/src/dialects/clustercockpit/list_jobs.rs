//! `GET /api/jobs/`

mod answer;
mod parameters;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::job_archive::ListJobsRefusal;
use utoipa::ToSchema;

use self::answer::JobList;
use self::parameters::Parameters;
use super::description::AnyFailure;
use super::job_object::JobObject;
use crate::frame::{Caller, Failure, Ingress};

/// A page of jobs.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "a description; the answer itself is written piece by piece"
)]
pub(super) struct JobsResponse<'a> {
    /// The jobs, the latest start first.
    jobs: Vec<JobObject<'a>>,
    /// Jobs per page, as asked for.
    #[schema(example = 25)]
    items: i64,
    /// The page.
    #[schema(example = 1)]
    page: u64,
}

/// Lists jobs
///
/// The latest start first. Shows every job whose start or stop has been answered before this is asked.
#[utoipa::path(
    get,
    path = "/api/jobs/",
    operation_id = "list_jobs",
    tag = "query",
    params(Parameters),
    responses(
        (status = 200, description = "A page of jobs", body = JobsResponse),
        AnyFailure,
    ),
)]
pub(super) async fn list_jobs(
    State(ingress): State<Ingress>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let list = parameters::parse(query.as_deref().unwrap_or_default())?;
    match ingress.ask(&caller, &list).await? {
        Outcome::Done(page) => Ok(JobList::new(page, &list).into_response()),
        Outcome::Refused(refusal) => Err(refused(&refusal)),
    }
}

fn refused(refusal: &ListJobsRefusal) -> Failure {
    match refusal {
        ListJobsRefusal::TooMany { limit } => Failure::invalid(format!(
            "more than {limit} jobs on one page; ask for fewer items-per-page"
        )),
        ListJobsRefusal::TooDeep { limit } => Failure::invalid(format!(
            "more than {limit} jobs before that page; narrow the list by state, cluster or start-time"
        )),
    }
}
