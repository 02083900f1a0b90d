//! Question to an agent: run code in a container.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{AgentQuestion, Message, Service};

/// Runs code in a container, or goes on with it. Answered when it is over, or after some seconds with what there is until then
/// (`api/backendai.md` §2: output is collected for at most 2 s a call).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExecuteCode {
    /// The container.
    pub container: Uuid,
    /// The run; the caller's choice. One container has one at a time.
    pub run: String,
    /// What to do.
    pub mode: CodeMode,
}

/// What to do with code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CodeMode {
    /// Run it, in the state that the code before it left.
    Query {
        /// The code.
        code: String,
    },
    /// Go on with the run.
    Continue,
    /// Give the run a line of input that it waits for.
    Input {
        /// The line.
        text: String,
    },
    /// End what the code does, but not the container.
    Interrupt,
}

/// What code has come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodeRun {
    /// Where it is.
    pub status: CodeRunStatus,
    /// 0, or what it ended with; `None` until then.
    pub exit_code: Option<i32>,
    /// What it wrote since the last answer, in order.
    pub console: Vec<ConsoleItem>,
}

/// Where a run of code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CodeRunStatus {
    /// It goes on.
    Continued,
    /// It waits for a line of input.
    WaitingInput,
    /// It is over.
    Finished,
}

/// Something that code wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConsoleItem {
    /// `stdout`, `stderr`, `media`, `html`.
    pub kind: String,
    /// What.
    pub text: String,
}

/// Why code cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CodeRefusal {
    /// The agent has no such container, or it is over.
    UnknownContainer,
    /// Its image runs no code.
    NoInterpreter,
    /// Another run is on, or there is none to go on with.
    WrongRun,
}

impl Message for ExecuteCode {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "execute-code";
}

impl AgentQuestion for ExecuteCode {
    type Answer = CodeRun;
    type Refusal = CodeRefusal;
}
