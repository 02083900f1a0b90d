//! Starting the containers of a session anew.

use muster_contract::{agent::RestartContainer, session::ComputeSessionStatus};

use super::Session;
use crate::compute_sessions::domain::{
    limits::after,
    turn::{Deed, Turn},
};

impl Session {
    /// Has its containers started anew. `false`: it does not run. If that is being done already, that is what is waited for.
    pub(crate) fn restart(&mut self, turn: &mut Turn<'_>) -> bool {
        match self.status {
            ComputeSessionStatus::Restarting => return true,
            ComputeSessionStatus::Running => {}
            _ => return false,
        }
        self.change(turn.now, ComputeSessionStatus::Restarting, None);
        // The idle time of the session is reset (seed 2).
        self.active_at = turn.now;
        self.look_after(turn, turn.limits.start);
        for container in &mut self.containers {
            if !container.is_live() {
                continue;
            }
            container.change(turn.now, ComputeSessionStatus::Restarting, None);
            container.order = turn.next_id();
            let order = RestartContainer {
                order: container.order,
                container: container.id,
                deadline: after(turn.now, turn.limits.start),
            };
            turn.has_done(Deed::Restart(container.agent.clone(), order));
        }
        true
    }
}
