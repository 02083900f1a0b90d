//! Who tells of jobs, nodes and measurements over NATS.

use std::collections::BTreeSet;

use muster_contract::producers::ProducerSubjects;

use super::Site;

/// A program that publishes `InfluxDB` line protocol: a batch system's adapter, a collector of measurements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteProducer {
    /// Unique within the site; built like the name of a host.
    pub name: String,
    /// The project that the jobs belong to which it tells of.
    pub project: String,
    /// The public half of the nkey that it signs in to NATS with; `None` = one is made for it.
    pub public_key: Option<String>,
    /// Where it publishes that jobs have started and stopped.
    pub job_events: String,
    /// Where it publishes states of nodes.
    pub node_states: String,
    /// Where it publishes metric samples.
    pub metrics: String,
}

impl SiteProducer {
    /// All subjects that it may publish to.
    #[must_use]
    pub fn subjects(&self) -> Vec<String> {
        let all = BTreeSet::from([&self.job_events, &self.node_states, &self.metrics]);
        all.into_iter().cloned().collect()
    }
}

impl Site {
    /// The subjects of all its producers.
    #[must_use]
    pub fn producer_subjects(&self) -> ProducerSubjects {
        let mut subjects = ProducerSubjects::default();
        for producer in &self.producers {
            subjects.job_events.insert(producer.job_events.clone());
            subjects.job_events.insert(producer.node_states.clone());
            subjects.metrics.insert(producer.metrics.clone());
        }
        subjects
    }
}
