//! What a client is told when the session service refuses.

use muster_contract::session::{DocumentRefusal, JobSessionRefusal};

use crate::frame::{Failure, FailureKind};

/// Nothing is done to a job, an action, a client or a backup.
pub(super) fn document(refusal: DocumentRefusal) -> Failure {
    match refusal {
        DocumentRefusal::Forbidden { reason } => Failure::new(FailureKind::Forbidden, reason),
        DocumentRefusal::Unknown => not_found("there is none with that id"),
        DocumentRefusal::Invalid { reason } => Failure::invalid(reason),
        DocumentRefusal::Exists { id } => Failure::new(
            FailureKind::Conflict,
            format!("there is one with the id {id} already"),
        ),
        DocumentRefusal::Changed { version } => changed(version),
        DocumentRefusal::Unprocessable { reason } => {
            Failure::new(FailureKind::Unprocessable, reason)
        }
    }
}

/// Nothing is done to a session.
pub(super) fn session(refusal: JobSessionRefusal) -> Failure {
    match refusal {
        JobSessionRefusal::UnknownSession => not_found("there is no session with that id"),
        JobSessionRefusal::UnknownJob => not_found("there is no job with that id"),
        JobSessionRefusal::NotYours => {
            Failure::new(FailureKind::Forbidden, "the session is of another project")
        }
        JobSessionRefusal::VersionConflict { version } => changed(version),
        JobSessionRefusal::TagTooHigh { tag } => Failure::invalid(format!(
            "requested tag value too high for session: the last run has the tag {tag}"
        )),
        JobSessionRefusal::TooManyJobs { limit } => Failure::new(
            FailureKind::Unprocessable,
            format!("a session has {limit} jobs at most"),
        ),
        JobSessionRefusal::Invalid { reason } => Failure::invalid(reason),
    }
}

/// No start or end is taken. To Freezer's clients it is a mistake in the request where others say that nothing is there.
pub(super) fn session_action(refusal: JobSessionRefusal) -> Failure {
    match refusal {
        JobSessionRefusal::UnknownSession => {
            Failure::invalid("job_id not found in session: there is no such session")
        }
        JobSessionRefusal::UnknownJob => Failure::invalid("job_id not found in session"),
        refusal => session(refusal),
    }
}

fn not_found(message: &'static str) -> Failure {
    Failure::new(FailureKind::NotFound, message)
}

fn changed(version: i64) -> Failure {
    Failure::new(
        FailureKind::Conflict,
        format!("it was changed meanwhile: its version is {version}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_status() {
        let reason = || "because".to_owned();
        for (refusal, status) in [
            (DocumentRefusal::Forbidden { reason: reason() }, 403),
            (DocumentRefusal::Unknown, 404),
            (DocumentRefusal::Invalid { reason: reason() }, 400),
            (DocumentRefusal::Exists { id: "x".to_owned() }, 409),
            (DocumentRefusal::Changed { version: 7 }, 409),
            (DocumentRefusal::Unprocessable { reason: reason() }, 422),
        ] {
            let text = format!("{refusal:?}");
            assert_eq!(document(refusal).kind().status(), status, "{text}");
        }
        for (refusal, status, action_status) in [
            (JobSessionRefusal::UnknownSession, 404, 400),
            (JobSessionRefusal::UnknownJob, 404, 400),
            (JobSessionRefusal::NotYours, 403, 403),
            (JobSessionRefusal::VersionConflict { version: 7 }, 409, 409),
            (JobSessionRefusal::TagTooHigh { tag: 7 }, 400, 400),
            (JobSessionRefusal::TooManyJobs { limit: 7 }, 422, 422),
            (JobSessionRefusal::Invalid { reason: reason() }, 400, 400),
        ] {
            let failure = session(refusal.clone());
            assert_eq!(failure.kind().status(), status, "{refusal:?}");
            let failure = session_action(refusal.clone());
            assert_eq!(failure.kind().status(), action_status, "{refusal:?}");
        }
    }
}
