//! What agents say that their containers use, as metrics of the nodes they are on: the archive's jobs of compute sessions name
//! them as theirs.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use muster_contract::{
    agent::{ContainersUsage, Usage},
    job_archive::MetricScope,
};
use muster_messaging::{Context, Effects, HandlerError, HearSignals, Heard};
use muster_platform::Timestamp;
use muster_storage::{StorageError, Transaction};
use uuid::Uuid;

use super::{
    metric_configs::DEFAULT_TIMESTEP,
    recent::{RecentSample, write},
};
use crate::{
    domain::compute_jobs::CLUSTER,
    store::metric_samples::{NewRecent, keep_recent},
};

/// Seconds after which a container that nothing is said of is gone.
const SILENCE: i64 = 30;

/// Containers of one agent that are kept in mind.
const CONTAINER_LIMIT: usize = 10_000;

/// The metrics of the cluster of compute sessions, described as a site would.
pub(crate) const DESCRIPTION: &str = r#"{"name": "compute", "metricConfig": [
    {"name": "cpu_load", "unit": {"base": ""}, "scope": "node", "timestep": 60, "aggregation": "sum"},
    {"name": "mem_used", "unit": {"base": "B"}, "scope": "node", "timestep": 60, "aggregation": "sum"},
    {"name": "net_recv", "unit": {"base": "B/s"}, "scope": "node", "timestep": 60, "aggregation": "sum"},
    {"name": "net_send", "unit": {"base": "B/s"}, "scope": "node", "timestep": 60, "aggregation": "sum"},
    {"name": "io_read", "unit": {"base": "B/s"}, "scope": "node", "timestep": 60, "aggregation": "sum"},
    {"name": "io_write", "unit": {"base": "B/s"}, "scope": "node", "timestep": 60, "aggregation": "sum"}],
    "subClusters": [{"name": "compute", "nodes": "*"}]}"#;

/// Hears what containers use.
#[derive(Default)]
pub(crate) struct ContainerMetrics {
    agents: Mutex<HashMap<String, AgentUsage>>,
}

/// What the containers of an agent have used.
#[derive(Default)]
struct AgentUsage {
    /// When samples were last made of it: seconds since 1970.
    sampled_at: Option<i64>,
    containers: HashMap<Uuid, Container>,
}

struct Container {
    usage: Usage,
    /// What it had used when samples were last made, or when it was first heard of.
    before: Usage,
    heard_at: i64,
}

impl ContainerMetrics {
    /// Takes what agents said, each with its time in seconds since 1970 UTC, and keeps the samples that are due.
    pub(crate) async fn take(
        &self,
        transaction: &mut Transaction,
        heard: impl IntoIterator<Item = (String, ContainersUsage, i64)>,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let samples = self.samples(heard);
        if samples.is_empty() {
            return Ok(());
        }
        keep(transaction, samples, now).await
    }

    /// The samples that are due, by agent.
    fn samples(
        &self,
        heard: impl IntoIterator<Item = (String, ContainersUsage, i64)>,
    ) -> Vec<(String, Vec<RecentSample>)> {
        // It is never left half changed.
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        let mut due = Vec::new();
        for (agent, said, at) in heard {
            let usage = agents.entry(agent.clone()).or_default();
            usage.hear(&said, at);
            let samples = usage.samples(at);
            if !samples.is_empty() {
                due.push((agent, samples));
            }
        }
        due
    }
}

impl AgentUsage {
    fn hear(&mut self, said: &ContainersUsage, at: i64) {
        for said in &said.containers {
            if let Some(container) = self.containers.get_mut(&said.container) {
                container.usage = said.usage;
                container.heard_at = at;
            } else if self.containers.len() < CONTAINER_LIMIT {
                self.containers.insert(
                    said.container,
                    Container {
                        usage: said.usage,
                        before: said.usage,
                        heard_at: at,
                    },
                );
            }
        }
    }

    /// One of each metric when a new step of time has begun.
    fn samples(&mut self, at: i64) -> Vec<RecentSample> {
        let Some(before) = self.sampled_at else {
            self.sampled_at = Some(at);
            return Vec::new();
        };
        if at.div_euclid(DEFAULT_TIMESTEP) <= before.div_euclid(DEFAULT_TIMESTEP) {
            return Vec::new();
        }
        self.sampled_at = Some(at);
        let seconds = as_double(u64::try_from(at - before).unwrap_or(1).max(1));
        let rate = |of: fn(&Usage) -> u64| {
            let used = self
                .containers
                .values()
                .map(|one| of(&one.usage).saturating_sub(of(&one.before)));
            as_double(used.sum()) / seconds
        };
        let alive = |one: &&Container| at - one.heard_at <= SILENCE;
        let memory: u64 = self
            .containers
            .values()
            .filter(alive)
            .map(|one| one.usage.mem_cur_bytes)
            .sum();
        let metrics = [
            // Milliseconds in a second: as many processors were busy.
            ("cpu_load", rate(|usage| usage.cpu_used) / 1_000.0),
            ("mem_used", as_double(memory)),
            ("net_recv", rate(|usage| usage.net_rx_bytes)),
            ("net_send", rate(|usage| usage.net_tx_bytes)),
            ("io_read", rate(|usage| usage.io_read_bytes)),
            ("io_write", rate(|usage| usage.io_write_bytes)),
        ];
        self.containers
            .retain(|_, one| at - one.heard_at <= SILENCE);
        for container in self.containers.values_mut() {
            container.before = container.usage;
        }
        // What was used until now was used in the step that has ended.
        let time = at.div_euclid(DEFAULT_TIMESTEP) * DEFAULT_TIMESTEP - 1;
        metrics
            .into_iter()
            .map(|(metric, value)| {
                let (scope, id) = (MetricScope::Node, String::new());
                RecentSample::new(metric.to_owned(), scope, id, time, value)
            })
            .collect()
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a measurement has no more digits"
)]
fn as_double(number: u64) -> f64 {
    number as f64
}

impl HearSignals<ContainersUsage> for ContainerMetrics {
    async fn hear(
        &self,
        transaction: &mut Transaction,
        signals: &[Heard<ContainersUsage>],
        _: &Context,
        _: &mut Effects,
    ) -> Result<(), HandlerError> {
        let heard = signals
            .iter()
            .map(|one| (one.agent.clone(), one.body.clone(), one.at.as_seconds()));
        let now = signals.iter().map(|one| one.at).max();
        let Some(now) = now else {
            return Ok(());
        };
        Ok(self.take(transaction, heard, now).await?)
    }
}

async fn keep(
    transaction: &mut Transaction,
    samples: Vec<(String, Vec<RecentSample>)>,
    now: Timestamp,
) -> Result<(), StorageError> {
    let mut pieces = Vec::with_capacity(samples.len());
    for (agent, samples) in samples {
        let time = samples.first().map_or(0, |sample| sample.time);
        pieces.push(NewRecent {
            cluster: CLUSTER.to_owned(),
            hostname: agent,
            first_time: time,
            last_time: time,
            samples: write(&samples).map_err(|error| StorageError::Other(error.into()))?,
        });
    }
    keep_recent(transaction, pieces, now).await
}

#[cfg(test)]
mod tests {
    use muster_contract::agent::ContainerUsage;

    use super::*;

    const A: Uuid = Uuid::from_u128(1);
    const B: Uuid = Uuid::from_u128(2);

    fn said(containers: &[(Uuid, u64, u64)]) -> ContainersUsage {
        ContainersUsage {
            containers: containers
                .iter()
                .map(|(container, cpu_used, memory)| ContainerUsage {
                    container: *container,
                    usage: Usage {
                        cpu_used: *cpu_used,
                        mem_cur_bytes: *memory,
                        io_read_bytes: cpu_used * 2,
                        ..Usage::default()
                    },
                })
                .collect(),
        }
    }

    /// Time, load, memory and reads of each agent.
    fn hear(
        metrics: &ContainerMetrics,
        agent: &str,
        at: i64,
        containers: &[(Uuid, u64, u64)],
    ) -> Vec<(i64, f64, f64, f64)> {
        let due = metrics.samples([(agent.to_owned(), said(containers), at)]);
        due.iter()
            .map(|(name, samples)| {
                assert_eq!(name, agent);
                let value = |metric: &str| {
                    samples
                        .iter()
                        .find(|one| one.metric == metric)
                        .unwrap()
                        .value
                };
                (
                    samples[0].time,
                    value("cpu_load"),
                    value("mem_used"),
                    value("io_read"),
                )
            })
            .collect()
    }

    #[test]
    fn once_a_minute_there_is_what_was_used_in_it() {
        let metrics = ContainerMetrics::default();
        // What it had used when it was first heard of was used before.
        assert_eq!(hear(&metrics, "n1", 600, &[(A, 50_000, 7)]), []);
        assert_eq!(
            hear(&metrics, "n1", 630, &[(A, 80_000, 8), (B, 1_000, 5)]),
            []
        );
        assert_eq!(
            hear(&metrics, "n1", 660, &[(A, 110_000, 9), (B, 31_000, 5)]),
            [(659, 1.5, 14.0, 3_000.0)]
        );
        assert_eq!(
            hear(&metrics, "n1", 719, &[(A, 120_000, 9), (B, 31_000, 5)]),
            []
        );
        // One that has gone, and another agent.
        assert_eq!(
            hear(&metrics, "n1", 780, &[(A, 170_000, 9)]),
            [(779, 0.5, 9.0, 1_000.0)]
        );
        assert_eq!(hear(&metrics, "n2", 781, &[(A, 170_000, 9)]), []);
        assert_eq!(hear(&metrics, "n1", 840, &[]), [(839, 0.0, 0.0, 0.0)]);
    }

    #[test]
    fn the_description_is_one() {
        use super::super::metric_configs::MetricConfigs;
        let configs = MetricConfigs::from_documents(&[DESCRIPTION.to_owned()]);
        let metrics = configs.of_cluster(CLUSTER).unwrap();
        assert_eq!(metrics.of_sub_cluster(CLUSTER).count(), 6);
    }
}
