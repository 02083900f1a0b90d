//! The agent's side: orders come in, each is carried out by whoever uses this, and what came of it is reported.
//!
//! An order is delivered again when it was not acknowledged: its agent was killed, or the acknowledgement was lost, or the
//! service published it again because the broker may have lost it. The report of it may have been taken long since by then,
//! and the node be somebody's. So whoever carries out orders **remembers what came of each until its deadline** (one that is
//! past that is not carried out at all) and reports the same again instead of doing it again.
//!
//! Besides that an agent says again and again how it is ([signals](AgentBroker::signal)), and it answers
//! [questions](AgentBroker::questions). Neither is kept for anybody: what is missed is missed.

mod asked_question;
mod broker;
mod measured;
mod order_at_hand;
mod orders;
mod own_report;
mod questions;

pub use asked_question::{AnswerError, AskedQuestion};
pub use broker::{AgentBroker, AgentBrokerOptions};
pub use order_at_hand::{OrderAtHand, ReportError};
pub use orders::Orders;
pub use questions::Questions;
