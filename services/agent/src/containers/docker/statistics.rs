//! What a container uses, as Docker counts it.

use bollard::{
    models::{ContainerBlkioStats, ContainerMemoryStats, ContainerStatsResponse},
    query_parameters::StatsOptionsBuilder,
};
use futures_util::TryStreamExt as _;
use muster_contract::agent::Usage;
use uuid::Uuid;

use super::engine::{Engine, name};

/// Docker counts nanoseconds, Muster milliseconds.
const NANOSECONDS: u64 = 1_000_000;

impl Engine {
    /// What a container has used since it was started; `None` = it does not run, or Docker does not say.
    pub(in crate::containers) async fn usage(&self, container: Uuid) -> Option<Usage> {
        let options = StatsOptionsBuilder::default().stream(false).one_shot(true);
        let mut stats = self.client.stats(&name(container), Some(options.build()));
        Some(usage(&stats.try_next().await.ok()??))
    }
}

fn usage(stats: &ContainerStatsResponse) -> Usage {
    let cpu = stats
        .cpu_stats
        .as_ref()
        .and_then(|cpu| cpu.cpu_usage.as_ref());
    let cpu = cpu.and_then(|cpu| cpu.total_usage).unwrap_or_default();
    let memory = stats.memory_stats.as_ref().map(memory).unwrap_or_default();
    let networks = stats.networks.iter().flat_map(|networks| networks.values());
    let (received, sent) = networks.fold((0_u64, 0_u64), |(received, sent), one| {
        (
            received.saturating_add(one.rx_bytes.unwrap_or_default()),
            sent.saturating_add(one.tx_bytes.unwrap_or_default()),
        )
    });
    let disks = stats.blkio_stats.as_ref();
    Usage {
        cpu_used: cpu / NANOSECONDS,
        mem_cur_bytes: memory,
        mem_max_bytes: memory,
        net_rx_bytes: received,
        net_tx_bytes: sent,
        io_read_bytes: disks.map(|disks| bytes(disks, "read")).unwrap_or_default(),
        io_write_bytes: disks.map(|disks| bytes(disks, "write")).unwrap_or_default(),
        ..Usage::default()
    }
}

/// Without what the kernel only keeps of files and gives up when somebody needs the memory, as `docker stats` shows it.
fn memory(stats: &ContainerMemoryStats) -> u64 {
    let of = |name: &str| {
        stats
            .stats
            .as_ref()
            .and_then(|stats| stats.get(name))
            .copied()
    };
    let cache = of("total_inactive_file").or_else(|| of("inactive_file"));
    let usage = stats.usage.unwrap_or_default();
    usage.saturating_sub(cache.unwrap_or_default())
}

fn bytes(disks: &ContainerBlkioStats, what: &str) -> u64 {
    let entries = disks.io_service_bytes_recursive.iter().flatten();
    let of = entries.filter(|entry| {
        let operation = entry.op.as_deref().unwrap_or_default();
        operation.eq_ignore_ascii_case(what)
    });
    of.filter_map(|entry| entry.value).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_docker_says_is_read() {
        let stats = json!({
            "cpu_stats": { "cpu_usage": { "total_usage": 12_345_678 } },
            "memory_stats": { "usage": 1000, "stats": { "total_inactive_file": 300 } },
            "networks": { "eth0": { "rx_bytes": 5, "tx_bytes": 6 }, "eth1": { "rx_bytes": 1 } },
            "blkio_stats": { "io_service_bytes_recursive": [
                { "op": "Read", "value": 10 }, { "op": "write", "value": 20 }, { "op": "Read", "value": 1 },
            ] },
        });
        let stats: ContainerStatsResponse = serde_json::from_value(stats).unwrap();
        let usage = usage(&stats);
        assert_eq!((usage.cpu_used, usage.mem_cur_bytes), (12, 700));
        assert_eq!((usage.net_rx_bytes, usage.net_tx_bytes), (6, 6));
        assert_eq!((usage.io_read_bytes, usage.io_write_bytes), (11, 20));
    }
}
