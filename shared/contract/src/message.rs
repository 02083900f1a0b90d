//! What a message type says of itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Service, subject};

/// A body that travels over NATS as JSON.
pub trait Message: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// The service that owns what it is about.
    const SERVICE: Service;
    /// Its name within the service: lower case, words joined by `-`, facts with dots.
    const NAME: &'static str;
    /// Raised when a change would break a reader of the version before.
    const VERSION: u32 = 1;

    /// What the `Muster-Schema` header says: `job-archive.start-job/1`.
    #[must_use]
    fn schema() -> String {
        format!("{}.{}/{}", Self::SERVICE, Self::NAME, Self::VERSION)
    }
}

/// A request to change something, owned by exactly one service, published to its work-queue stream.
pub trait Command: Message {
    /// What it answers when it was carried out.
    type Reply: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static;
    /// What it answers when the rules forbid it. A refusal is an outcome: it is stored like any other.
    type Refusal: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static;

    /// Where it is published.
    #[must_use]
    fn subject() -> String {
        subject::command(Self::SERVICE.name(), Self::VERSION, Self::NAME)
    }
}

/// A fact, past tense, published after the commit that made it true.
pub trait Event: Message {
    /// The tenant it belongs to.
    fn tenant(&self) -> &str;

    /// Where it is published.
    #[must_use]
    fn subject(&self) -> String {
        subject::event(
            Self::SERVICE.name(),
            Self::VERSION,
            self.tenant(),
            Self::NAME,
        )
    }
}

/// A question to the owner of the tables, answered from them.
pub trait Query: Message {
    /// The answer.
    type Answer: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static;
    /// Why there is no answer.
    type Refusal: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static;

    /// Where it is asked.
    #[must_use]
    fn subject() -> String {
        subject::query(Self::SERVICE.name(), Self::VERSION, Self::NAME)
    }
}

/// Something for an agent to do, kept until the agent has done it. `SERVICE` is the service that orders it.
pub trait Order: Message {
    /// What the agent says when it has come to its end.
    type Report: Report;

    /// Where it is published for the agent.
    #[must_use]
    fn subject(agent: &str) -> String {
        subject::order(agent, Self::NAME)
    }
}

/// What an agent says of an order. `SERVICE` is the service that ordered it and takes the report.
pub trait Report: Message {
    /// Where the agent publishes it.
    #[must_use]
    fn subject(agent: &str) -> String {
        subject::report(agent, Self::NAME)
    }
}

/// What an agent says of itself again and again, over core NATS: what is missed is missed. `SERVICE` is the service that it is about; others
/// may listen, too.
pub trait Signal: Message {
    /// Where the agent publishes it.
    #[must_use]
    fn subject(agent: &str) -> String {
        subject::signal(agent, Self::NAME)
    }
}

/// A question to an agent, over core NATS: who asks waits for the answer. `SERVICE` is the service whose containers it is about.
pub trait AgentQuestion: Message {
    /// The answer.
    type Answer: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static;
    /// Why there is no answer.
    type Refusal: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static;

    /// Where the agent is asked.
    #[must_use]
    fn subject(agent: &str) -> String {
        subject::agent_question(agent, Self::NAME)
    }
}

/// How a command or a query came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "{T}Or{R}")]
pub enum Outcome<T, R> {
    /// Carried out.
    Done(T),
    /// Forbidden by the rules; nothing was changed.
    Refused(R),
}

/// The refusal of what cannot be refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Never {}
