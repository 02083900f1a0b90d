//! Running code in the main container of a session: its agent does it, and what comes of it is told in Backend.AI's words.

use axum::body::Bytes;
use muster_contract::Outcome;
use muster_contract::agent::{
    CodeMode, CodeRefusal, CodeRun, CodeRunStatus, ConsoleItem, ExecuteCode,
};
use muster_contract::session::{ComputeSessionReference, UseComputeSession};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::call::Call;
use super::super::refused;
use crate::frame::{Failure, Idempotency, Ingress};

/// What code ends with whose container is over: as if it was interrupted.
const CONTAINER_IS_OVER: i32 = 130;

/// Where code is run.
#[derive(Debug, Clone)]
pub(super) struct Target {
    agent: String,
    container: Uuid,
}

impl Target {
    /// The main container of a session that runs. Counts as a use of it.
    pub(super) async fn of(
        ingress: &Ingress,
        call: &Call,
        session: ComputeSessionReference,
    ) -> Result<Self, Failure> {
        let command = UseComputeSession {
            session,
            is_activity: true,
        };
        let (nobody, nothing) = (Idempotency::none(), Bytes::new());
        let outcome = ingress.send(&call.caller, nobody, &nothing, &command);
        let session = match outcome.await? {
            Outcome::Done(session) => session,
            Outcome::Refused(refusal) => return Err(refused::session(refusal)),
        };
        let main = session.containers.into_iter().next();
        let main = main.ok_or_else(|| Failure::broken("a session runs without containers"))?;
        Ok(Self {
            agent: main.agent,
            container: main.id,
        })
    }

    /// Has the agent do something with a run.
    pub(super) async fn execute(
        &self,
        ingress: &Ingress,
        run: &str,
        mode: CodeMode,
    ) -> Result<CodeResult, Failure> {
        let question = ExecuteCode {
            container: self.container,
            run: run.to_owned(),
            mode,
        };
        match ingress.ask_agent(&self.agent, &question).await? {
            Outcome::Done(came) => Ok(CodeResult::of(run, came)),
            Outcome::Refused(CodeRefusal::UnknownContainer) => Ok(CodeResult::of_nothing(run)),
            Outcome::Refused(CodeRefusal::NoInterpreter) => {
                Err(Failure::invalid("the session's image runs no code"))
            }
            Outcome::Refused(CodeRefusal::WrongRun) => Err(Failure::invalid(
                "other code is running, or there is none to go on with",
            )),
        }
    }
}

/// What code has come to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CodeResult {
    /// `continued`, `waiting-input` or `finished`.
    #[schema(example = "finished")]
    pub(super) status: &'static str,
    /// The run, to go on with it.
    run_id: String,
    /// 0, or what it ended with.
    exit_code: Option<i32>,
    /// Nothing so far.
    #[schema(value_type = Object)]
    options: Map<String, Value>,
    /// Nothing so far.
    files: [String; 0],
    /// What it wrote since the last answer, in order: `stdout` or `stderr`, and the text.
    console: Vec<(String, String)>,
}

impl CodeResult {
    fn of(run: &str, came: CodeRun) -> Self {
        let console = came.console.into_iter();
        Self {
            status: match came.status {
                CodeRunStatus::Continued => "continued",
                CodeRunStatus::WaitingInput => WAITING_INPUT,
                CodeRunStatus::Finished => FINISHED,
            },
            run_id: run.to_owned(),
            exit_code: came.exit_code,
            options: Map::new(),
            files: [],
            console: console
                .map(|ConsoleItem { kind, text }| (kind, text))
                .collect(),
        }
    }

    /// Of code whose container is over.
    fn of_nothing(run: &str) -> Self {
        Self::of(
            run,
            CodeRun {
                status: CodeRunStatus::Finished,
                exit_code: Some(CONTAINER_IS_OVER),
                console: Vec::new(),
            },
        )
    }
}

/// The code waits for a line.
pub(super) const WAITING_INPUT: &str = "waiting-input";

/// The code is over.
pub(super) const FINISHED: &str = "finished";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_result_has_every_key_that_clients_look_for() {
        let came = CodeRun {
            status: CodeRunStatus::WaitingInput,
            exit_code: None,
            console: vec![ConsoleItem {
                kind: "stdout".to_owned(),
                text: "name? ".to_owned(),
            }],
        };
        let result = serde_json::to_value(CodeResult::of("7", came)).unwrap();
        assert_eq!(
            result,
            json!({
                "status": "waiting-input", "runId": "7", "exitCode": null, "options": {},
                "files": [], "console": [["stdout", "name? "]],
            })
        );
        let gone = serde_json::to_value(CodeResult::of_nothing("7")).unwrap();
        assert_eq!(
            (&gone["status"], &gone["exitCode"]),
            (&json!("finished"), &json!(130))
        );
    }
}
