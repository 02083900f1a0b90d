//! What a session has used, in version 1 of Backend.AI's statistics (`api/backendai.md` §2, "container stats"): every value is a
//! number.

use muster_contract::agent::Usage;
use muster_contract::session::ComputeSession;
use serde::Serialize;
use utoipa::ToSchema;

/// What the containers of a session have used together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Statistics {
    /// Time on processors, in milliseconds.
    pub(crate) cpu_used: u64,
    /// Most memory at once, in bytes.
    mem_max_bytes: u64,
    /// Memory at the moment, in bytes.
    mem_cur_bytes: u64,
    /// Received over the network, in bytes.
    net_rx_bytes: u64,
    /// Sent over the network, in bytes.
    net_tx_bytes: u64,
    /// Read from disks, in bytes.
    io_read_bytes: u64,
    /// Written to disks, in bytes.
    io_write_bytes: u64,
    /// Most of the scratch directories at once, in bytes.
    io_max_scratch_size: u64,
    /// The scratch directories at the moment, in bytes.
    io_cur_scratch_size: u64,
}

impl Statistics {
    /// Of all containers of the session; `None` = nothing is known of any.
    pub(crate) fn of(session: &ComputeSession) -> Option<Self> {
        let mut known = session
            .containers
            .iter()
            .filter_map(|container| container.usage);
        let first = known.next()?;
        Some(known.fold(Self::from(first), |sum, usage| sum.plus(usage.into())))
    }

    fn plus(self, other: Self) -> Self {
        let sum = u64::saturating_add;
        Self {
            cpu_used: sum(self.cpu_used, other.cpu_used),
            mem_max_bytes: sum(self.mem_max_bytes, other.mem_max_bytes),
            mem_cur_bytes: sum(self.mem_cur_bytes, other.mem_cur_bytes),
            net_rx_bytes: sum(self.net_rx_bytes, other.net_rx_bytes),
            net_tx_bytes: sum(self.net_tx_bytes, other.net_tx_bytes),
            io_read_bytes: sum(self.io_read_bytes, other.io_read_bytes),
            io_write_bytes: sum(self.io_write_bytes, other.io_write_bytes),
            io_max_scratch_size: sum(self.io_max_scratch_size, other.io_max_scratch_size),
            io_cur_scratch_size: sum(self.io_cur_scratch_size, other.io_cur_scratch_size),
        }
    }
}

impl From<Usage> for Statistics {
    fn from(usage: Usage) -> Self {
        Self {
            cpu_used: usage.cpu_used,
            mem_max_bytes: usage.mem_max_bytes,
            mem_cur_bytes: usage.mem_cur_bytes,
            net_rx_bytes: usage.net_rx_bytes,
            net_tx_bytes: usage.net_tx_bytes,
            io_read_bytes: usage.io_read_bytes,
            io_write_bytes: usage.io_write_bytes,
            io_max_scratch_size: usage.io_max_scratch_size,
            io_cur_scratch_size: usage.io_cur_scratch_size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_session::session;
    use super::*;

    #[test]
    fn containers_are_added_up_as_far_as_they_are_known() {
        let mut session = session();
        assert_eq!(Statistics::of(&session).unwrap().cpu_used, 30);
        for container in &mut session.containers {
            container.usage = None;
        }
        assert_eq!(Statistics::of(&session), None);
    }

    #[test]
    fn every_value_is_a_number() {
        let statistics = serde_json::to_value(Statistics::default()).unwrap();
        let statistics = statistics.as_object().unwrap();
        assert_eq!(statistics.len(), 9);
        assert!(statistics.values().all(serde_json::Value::is_number));
    }
}
