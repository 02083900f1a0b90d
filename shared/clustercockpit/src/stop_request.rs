//! A job that has stopped, as a client tells of it.

use muster_contract::job_archive::{JobState, StopJob, StopTarget};
use utoipa::ToSchema;

use crate::{
    RequestError,
    go_json::{decode, go_object},
};

/// A job that has stopped.
#[derive(Debug, Default, PartialEq, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct StopRequest {
    /// Number of the job on its cluster. Required where the path has no `id`, ignored where it has.
    #[schema(example = 123_000)]
    pub job_id: Option<i64>,
    /// Only on this cluster. Ignored where the path has an `id`.
    #[schema(example = "fritz")]
    pub cluster: Option<String>,
    /// Only if it started then: seconds since 1970 UTC. Ignored where the path has an `id`.
    #[schema(example = 1_649_723_812)]
    pub start_time: Option<i64>,
    /// When it stopped: seconds since 1970 UTC; not before it started.
    #[schema(required = true, example = 1_649_763_839)]
    pub stop_time: Option<i64>,
    /// Its final state; without one, `completed`.
    #[schema(example = "completed")]
    pub job_state: Option<String>,
}

go_object!(StopRequest {
    "jobId" => job_id,
    "cluster" => cluster,
    "startTime" => start_time,
    "stopTime" => stop_time,
    "jobState" => job_state,
});

impl StopRequest {
    /// Reads the body of a request.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        decode(body)
            .map_err(|error| RequestError::invalid(format!("parsing request body failed: {error}")))
    }

    /// When it stopped. A client that does not say so is told, as in cc-backend, that the job cannot
    /// have stopped in 1970.
    #[must_use]
    pub fn stop_time(&self) -> i64 {
        self.stop_time.unwrap_or_default()
    }

    /// Its final state.
    pub fn final_state(&self) -> Result<JobState, RequestError> {
        match self.job_state.as_deref() {
            None | Some("") => Ok(JobState::Completed),
            Some(name) => JobState::from_name(name)
                .ok_or_else(|| RequestError::invalid(format!("invalid job state: {name:?}"))),
        }
    }

    /// The command it asks for when it names the job by its number on the cluster.
    pub fn into_command(self) -> Result<StopJob, RequestError> {
        let job_id = self
            .job_id
            .ok_or_else(|| RequestError::invalid("the field 'jobId' is required"))?;
        Ok(StopJob {
            stop_time: self.stop_time(),
            state: self.final_state()?,
            target: StopTarget::Newest {
                job_id,
                cluster: self.cluster,
                start_time: self.start_time,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> StopRequest {
        StopRequest::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn what_clients_send_is_read() {
        let whole = parse(
            r#"{"jobId":7,"cluster":"fritz","startTime":100,"stopTime":200,"jobState":"failed"}"#,
        );
        assert_eq!(
            whole,
            StopRequest {
                job_id: Some(7),
                cluster: Some("fritz".to_owned()),
                start_time: Some(100),
                stop_time: Some(200),
                job_state: Some("failed".to_owned()),
            }
        );
        // As cc-slurm-adapter sends it, without a start time.
        let adapter =
            parse(r#"{"jobId":7,"cluster":"fritz","jobState":"node_fail","stopTime":200}"#);
        assert_eq!(adapter.start_time, None);
        assert_eq!(adapter.final_state().unwrap(), JobState::NodeFail);
        assert_eq!(parse("{}").stop_time(), 0);
    }

    #[test]
    fn without_a_state_the_job_completed() {
        for body in ["{}", r#"{"jobState":""}"#, r#"{"jobState":null}"#] {
            assert_eq!(parse(body).final_state().unwrap(), JobState::Completed);
        }
        for state in JobState::ALL {
            let body = format!(r#"{{"jobState":"{state}"}}"#);
            assert_eq!(parse(&body).final_state().unwrap(), *state);
        }
        for wrong in ["finished", "COMPLETED", " completed"] {
            let body = format!(r#"{{"jobState":"{wrong}"}}"#);
            let failure = parse(&body).final_state().unwrap_err();
            assert_eq!(failure.to_string(), format!("invalid job state: {wrong:?}"));
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for body in [
            "",
            "[]",
            "7",
            r#"{"jobId":"7"}"#,
            r#"{"jobId":7.0}"#,
            r#"{"stopTime":1e9}"#,
            r#"{"state":"completed"}"#,
            r#"{"cluster":"a\u0000"}"#,
        ] {
            let failure = StopRequest::parse(body.as_bytes()).unwrap_err();
            let message = failure.to_string();
            assert!(
                message.starts_with("parsing request body failed: "),
                "{message}"
            );
        }
    }

    #[test]
    fn only_the_number_of_the_job_is_required() {
        let command = |body: &str| parse(body).into_command();
        assert_eq!(
            command(r#"{"jobId":0,"cluster":"fritz","stopTime":9}"#).unwrap(),
            StopJob {
                target: StopTarget::Newest {
                    job_id: 0,
                    cluster: Some("fritz".to_owned()),
                    start_time: None,
                },
                stop_time: 9,
                state: JobState::Completed,
            }
        );
        for body in ["{}", r#"{"jobId":null,"stopTime":9}"#] {
            assert_eq!(
                command(body).unwrap_err().to_string(),
                "the field 'jobId' is required"
            );
        }
    }
}
