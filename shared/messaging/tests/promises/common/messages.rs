//! The messages of the test service. Its name is that of a real one, since streams and consumers are made for those.

use muster_contract::{
    AgentQuestion, Command, Event, Message, Order, Query, Report, Service, Signal, message::Never,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Project of the events.
pub(crate) const PROJECT: &str = "demo";

/// Writes a note and tells so.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct WriteNote {
    pub(crate) name: String,
    pub(crate) act: Act,
}

/// Asks for a note whose writing takes time.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct BeginNote {
    pub(crate) name: String,
}

/// What the handler does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum Act {
    /// Inserts a row and emits an event.
    Write,
    /// The same, and asks for another note to be written.
    WriteTwo,
    /// The same, and has the agent `a` do something.
    Order,
    /// Refuses.
    Refuse,
    /// Fails unless it has been repaired.
    Fail,
    /// Breaks a constraint of the database, after a row.
    Violate,
    /// Panics, after a row.
    Panic,
    /// Writes once the gate is open.
    WaitAtGate,
    /// Emits an event that is longer than a message may be.
    EmitTooMuch,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct NoteWritten {
    pub(crate) name: String,
    /// Raised with each run of the handler: the same number twice means the stored outcome.
    pub(crate) run: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Forbidden {
    pub(crate) name: String,
    pub(crate) run: u64,
}

/// The event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct NoteAppeared {
    pub(crate) name: String,
    pub(crate) padding: String,
}

/// Something for an agent to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct DoIt {
    pub(crate) name: String,
}

/// What the agent says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct DidIt {
    pub(crate) name: String,
    pub(crate) how: String,
}

/// What the agent says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Mood {
    pub(crate) name: String,
}

/// A question to the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct AskAgent {
    pub(crate) name: String,
}

/// A question.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) enum Ask {
    /// The names of all notes.
    Names,
    /// A text of this many bytes.
    Text(usize),
    /// A panic.
    Panic,
    /// The names, once the gate is open.
    NamesAtGate,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum Answer {
    Names(Vec<String>),
    Text(String),
}

impl WriteNote {
    pub(crate) fn new(name: impl Into<String>, act: Act) -> Self {
        Self {
            name: name.into(),
            act,
        }
    }
}

impl Message for WriteNote {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "test-write-note";
}

impl Command for WriteNote {
    type Reply = NoteWritten;
    type Refusal = Forbidden;
}

impl BeginNote {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }
}

impl Message for BeginNote {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "test-begin-note";
}

impl Command for BeginNote {
    type Reply = NoteWritten;
    type Refusal = Forbidden;
}

impl Message for NoteAppeared {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "test-note.appeared";
}

impl Event for NoteAppeared {
    fn tenant(&self) -> &str {
        PROJECT
    }
}

impl Message for DoIt {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "test-do-it";
}

impl Order for DoIt {
    type Report = DidIt;
}

impl Message for DidIt {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "test-did-it";
}

impl Report for DidIt {}

impl Message for Mood {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "test-mood";
}

impl Signal for Mood {}

impl AskAgent {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }
}

impl Message for AskAgent {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "test-ask-agent";
}

impl AgentQuestion for AskAgent {
    type Answer = NoteWritten;
    type Refusal = Forbidden;
}

impl Message for Ask {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "test-ask";
}

impl Query for Ask {
    type Answer = Answer;
    type Refusal = Never;
}
