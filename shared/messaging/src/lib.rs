//! The message path (design §3): how a command gets from the ingress to the service that owns it and its outcome back,
//! exactly once in effect, whatever dies in between.
//!
//! - [`Broker`]: one part's connection. [`topology`]: streams and consumers.
//! - [`CommandClient`], [`QueryClient`], [`EventTail`]: the ingress's side.
//! - [`ServiceBuilder`]: a service's side. Batches of commands run in one transaction together with their
//!   inbox rows and their outbox row; replies, acknowledgements and events follow the commit. So do [reactions](React) to
//!   events and to what agents [report](TakeReport). A command that was [begun](BeginCommand) gets its outcome [later](Effects::settle), by a reaction or by
//!   [periodic work](Periodic).
//! - [`AgentBroker`], [`Orders`]: the side of an agent. Orders come to it through the outbox and reports go into the inbox, so
//!   they take effect like events do. What it says of itself services [hear](HearSignals) if they are there, and
//!   [questions](Questions) to it are asked and answered on the spot.

mod about;
mod agent;
mod ahead;
mod asking;
mod batch;
mod breakpoint;
mod broker;
mod bulk;
mod context;
mod dead_letters;
mod delivery;
mod effects;
mod erased;
mod event_tail;
mod foundation;
mod handler;
mod header_map;
mod healing;
mod housekeeping;
mod intake;
mod ledger;
mod link;
mod marks;
mod measuring;
mod outbox_message;
mod outcome_key;
mod outlet;
mod periodic;
mod publication;
mod publisher;
mod queries;
mod replies;
mod samples;
mod sending;
mod service;
mod settling;
mod signals;
mod source;
mod spans;
mod tasks;
mod telling;
pub mod topology;
mod waiters;
mod waiting;

pub use agent::{
    AgentBroker, AgentBrokerOptions, AnswerError, AskedQuestion, OrderAtHand, Orders, Questions,
    ReportError,
};
pub use asking::{AskError, QueryClient, QueryClientOptions};
pub use broker::{Broker, BrokerOptions};
pub use bulk::{BulkMessage, TakeBulk};
pub use context::{Context, Environment};
pub use effects::Effects;
pub use event_tail::{EventListener, EventTail, Told};
pub use foundation::Foundation;
pub use handler::{
    AnswerQuery, Asked, BeginCommand, HandleCommand, HandlerError, HearSignals, Heard, Measure,
    OutcomeOf, Periodic, Produced, Progress, React, Reported, Request, TakeReport, Translate,
    Translated,
};
pub use link::{BrokerError, Connection};
pub use outcome_key::command_id_for_key;
pub use sending::{CommandClient, CommandClientOptions, SendError, SendOptions};
pub use service::{Running, ServiceBuilder, ServiceOptions};
