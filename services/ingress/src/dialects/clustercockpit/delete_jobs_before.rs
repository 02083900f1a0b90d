//! `DELETE /api/jobs/delete_job_before/{ts}`

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::job_archive::{DeleteJobsBefore, OmitTagged};

use super::deletion::answer;
use super::description::WriteFailures;
use super::path_number::{PathText, integer};
use crate::frame::{Caller, Failure, Idempotency, IdempotencyKeyHeader, Ingress};

/// Deletes old jobs
///
/// Every job of the caller's project (of an administrator: every job) that started before a time, also
/// those that run. Carried out in portions: with very many jobs there may be no answer in time (504),
/// and the same request with the same Idempotency-Key finds it later.
#[utoipa::path(
    delete,
    path = "/api/jobs/delete_job_before/{ts}",
    operation_id = "delete_jobs_before",
    tag = "remove",
    params(
        ("ts" = i64, Path, description = "Seconds since 1970 UTC"),
        ("omit-tagged" = Option<String>, Query, description = "Spares jobs with tags: `none` of them, `all`, or those with a tag that a `user` gave"),
        IdempotencyKeyHeader,
    ),
    responses(
        (status = 200, description = "They are gone", body = super::deletion::DeleteResponse,
            headers(("Muster-Command-Id" = String, description = "The command this became"))),
        (status = 422, description = "The Idempotency-Key was used for another request", body = super::error::ErrorResponse),
        WriteFailures,
    ),
)]
pub(super) async fn delete_jobs_before(
    State(ingress): State<Ingress>,
    caller: Caller,
    ts: PathText,
    RawQuery(query): RawQuery,
    idempotency: Idempotency,
) -> Result<Response, Failure> {
    let (start_time, _) = integer("ts", ts)?;
    let query = query.unwrap_or_default();
    let omit = omit_tagged(&query)?;
    let command = DeleteJobsBefore { start_time, omit };
    // The query is no part of the path, and another one is another request.
    let body = Bytes::from(query);
    match ingress.send(&caller, idempotency, &body, &command).await? {
        Outcome::Done(jobs) => Ok(answer(format!(
            "Successfully deleted {} jobs",
            jobs.deleted
        ))),
        Outcome::Refused(never) => match never {},
    }
}

fn omit_tagged(query: &str) -> Result<OmitTagged, Failure> {
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    let given = parameters.find(|(name, _)| name == "omit-tagged");
    match given.as_ref().map(|(_, value)| value.as_ref()) {
        None | Some("" | "none") => Ok(OmitTagged::None),
        Some("all") => Ok(OmitTagged::All),
        Some("user") => Ok(OmitTagged::User),
        Some(_) => Err(Failure::invalid(
            "omit-tagged must be one of: none, all, user",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tagged_jobs_are_spared_if_that_is_asked_for() {
        for (query, omit) in [
            ("", OmitTagged::None),
            ("omit-tagged=", OmitTagged::None),
            ("omit-tagged=none", OmitTagged::None),
            ("x=1&omit-tagged=all&omit-tagged=user", OmitTagged::All),
            ("omit-tagged=user", OmitTagged::User),
        ] {
            assert_eq!(omit_tagged(query).unwrap(), omit, "{query}");
        }
        assert_eq!(
            omit_tagged("omit-tagged=true").unwrap_err().message(),
            "omit-tagged must be one of: none, all, user"
        );
    }
}
