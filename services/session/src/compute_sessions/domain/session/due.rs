//! What time does to sessions.

use muster_contract::session::ComputeSessionStatus;

use super::Session;
use crate::compute_sessions::domain::{limits::STOP_ATTEMPTS, reason, turn::Turn};

impl Session {
    /// Looks at it, if its time has come.
    pub(crate) fn look(&mut self, turn: &mut Turn<'_>) {
        if self.due_at.is_none_or(|due_at| due_at > turn.now) {
            return;
        }
        match self.status {
            ComputeSessionStatus::Pending => self.ask(turn),
            ComputeSessionStatus::Preparing => {
                self.begin_to_end(turn, reason::START_TIMEOUT, false);
            }
            ComputeSessionStatus::Restarting => {
                self.begin_to_end(turn, reason::RESTART_TIMEOUT, false);
            }
            ComputeSessionStatus::Running => {
                self.begin_to_end(turn, reason::IDLE_TIMEOUT, false);
            }
            ComputeSessionStatus::Terminating if self.stop_attempts < STOP_ATTEMPTS => {
                self.order_stops(turn, false);
            }
            ComputeSessionStatus::Terminating => {
                // The orders are kept for the agents.
                self.end_containers(turn.now, reason::STOP_TIMEOUT);
                self.finish(turn, Some(reason::STOP_TIMEOUT.to_owned()));
            }
            ComputeSessionStatus::Terminated | ComputeSessionStatus::Cancelled => {
                self.due_at = None;
            }
        }
    }
}
