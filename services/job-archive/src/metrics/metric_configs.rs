//! Which metrics a cluster has, from its description (`api/clustercockpit.md` §2.4).

use std::collections::{HashMap, HashSet};

use muster_contract::job_archive::{MetricScope, Unit};
use serde::Deserialize;

/// Seconds from one value to the next where nothing is said.
pub(crate) const DEFAULT_TIMESTEP: i64 = 60;

/// The metrics of the clusters that have been described.
#[derive(Debug, Default)]
pub(crate) struct MetricConfigs {
    by_cluster: HashMap<String, ClusterMetrics>,
}

/// The metrics of a cluster.
#[derive(Debug, Default)]
pub(crate) struct ClusterMetrics {
    metrics: Vec<MetricConfig>,
    /// By sub cluster: the cores, each with its hardware threads.
    cores: HashMap<String, Vec<Vec<i64>>>,
}

/// A metric.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MetricConfig {
    pub(crate) name: String,
    pub(crate) unit: Option<Unit>,
    /// What it is measured of.
    pub(crate) scope: MetricScope,
    /// Seconds from one value to the next.
    pub(crate) timestep: i64,
    /// How the values of parts come to one of the whole.
    pub(crate) aggregation: Aggregation,
    /// Sub clusters that do not have it.
    removed: HashSet<String>,
}

/// How the values of parts come to one of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aggregation {
    Sum,
    Mean,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    name: String,
    #[serde(default, rename = "metricConfig")]
    metrics: Vec<MetricEntry>,
    #[serde(default, rename = "subClusters")]
    sub_clusters: Vec<SubClusterEntry>,
}

#[derive(Deserialize)]
struct MetricEntry {
    name: String,
    #[serde(default)]
    unit: Option<Unit>,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    timestep: Option<i64>,
    #[serde(default)]
    aggregation: String,
    #[serde(default, rename = "subClusters")]
    sub_clusters: Option<Vec<MetricOfSubCluster>>,
}

#[derive(Deserialize)]
struct MetricOfSubCluster {
    #[serde(default)]
    name: String,
    #[serde(default)]
    remove: bool,
}

#[derive(Deserialize)]
struct SubClusterEntry {
    #[serde(default)]
    name: String,
    #[serde(default)]
    topology: Topology,
}

#[derive(Default, Deserialize)]
struct Topology {
    #[serde(default)]
    core: Option<Vec<Vec<i64>>>,
}

impl MetricConfigs {
    /// Of the descriptions. One that cannot be read has no metrics: a job must not fail by it.
    pub(crate) fn from_documents(documents: &[String]) -> Self {
        let read = documents
            .iter()
            .filter_map(|document| serde_json::from_str::<Document>(document).ok());
        Self {
            by_cluster: read
                .map(|document| (document.name.clone(), ClusterMetrics::of(document)))
                .collect(),
        }
    }

    /// The cluster's metrics; `None` = nothing has been said of them.
    pub(crate) fn of_cluster(&self, cluster: &str) -> Option<&ClusterMetrics> {
        let described = self.by_cluster.get(cluster);
        described.filter(|cluster| !cluster.metrics.is_empty())
    }
}

impl ClusterMetrics {
    fn of(document: Document) -> Self {
        let metrics = document.metrics.into_iter().map(|entry| MetricConfig {
            scope: MetricScope::from_name(&entry.scope).unwrap_or(MetricScope::Node),
            timestep: entry
                .timestep
                .filter(|timestep| *timestep > 0)
                .unwrap_or(DEFAULT_TIMESTEP),
            aggregation: if entry.aggregation == "avg" {
                Aggregation::Mean
            } else {
                Aggregation::Sum
            },
            removed: entry
                .sub_clusters
                .into_iter()
                .flatten()
                .filter(|of| of.remove)
                .map(|of| of.name)
                .collect(),
            name: entry.name,
            unit: entry.unit,
        });
        let cores = document
            .sub_clusters
            .into_iter()
            .filter_map(|part| Some((part.name, part.topology.core?)));
        Self {
            metrics: metrics.collect(),
            cores: cores.collect(),
        }
    }

    /// What the sub cluster has of it.
    pub(crate) fn of_sub_cluster(&self, sub_cluster: &str) -> impl Iterator<Item = &MetricConfig> {
        self.metrics
            .iter()
            .filter(move |metric| !metric.removed.contains(sub_cluster))
    }

    /// The core that each hardware thread belongs to; where nothing is said, each is a core of its own.
    pub(crate) fn core_of(&self, sub_cluster: &str) -> HashMap<i64, usize> {
        let cores = self.cores.get(sub_cluster);
        (0..)
            .zip(cores.into_iter().flatten())
            .flat_map(|(core, threads)| threads.iter().map(move |thread| (*thread, core)))
            .collect()
    }
}

impl MetricConfig {
    /// A metric that nothing is said of.
    pub(crate) fn unknown(name: String) -> Self {
        Self {
            name,
            unit: None,
            scope: MetricScope::Node,
            timestep: DEFAULT_TIMESTEP,
            aggregation: Aggregation::Sum,
            removed: HashSet::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_says_what_there_is_and_where() {
        let documents = [
            "no JSON".to_owned(),
            r#"{"name": "bare", "subClusters": [{"name": "a"}]}"#.to_owned(),
            r#"{"name": "alpha",
                "metricConfig": [
                    {"name": "mem_used", "unit": {"base": "B", "prefix": "G"}, "scope": "node", "timestep": 30, "aggregation": "sum", "footprint": "max"},
                    {"name": "cpu_user", "scope": "hwthread", "aggregation": "avg", "subClusters": [{"name": "old", "remove": true}, {"name": "main"}]},
                    {"name": "odd", "scope": "die", "timestep": -1, "subClusters": null}],
                "subClusters": [{"name": "main", "topology": {"node": [0, 1, 2, 3], "core": [[0, 2], [1, 3]]}}]}"#
                .to_owned(),
        ];
        let configs = MetricConfigs::from_documents(&documents);
        assert!(configs.of_cluster("gamma").is_none());
        assert!(configs.of_cluster("bare").is_none());
        let alpha = configs.of_cluster("alpha").unwrap();
        let names = |part| {
            alpha
                .of_sub_cluster(part)
                .map(|one| one.name.as_str())
                .collect::<Vec<_>>()
        };
        assert_eq!(names("main"), ["mem_used", "cpu_user", "odd"]);
        assert_eq!(names("old"), ["mem_used", "odd"]);
        let all: Vec<_> = alpha.of_sub_cluster("main").collect();
        assert_eq!(
            (all[0].timestep, all[0].aggregation),
            (30, Aggregation::Sum)
        );
        assert!(all[0].unit.is_some());
        assert_eq!(
            (all[1].scope, all[1].aggregation),
            (MetricScope::HardwareThread, Aggregation::Mean)
        );
        assert_eq!(
            (all[2].scope, all[2].timestep),
            (MetricScope::Node, DEFAULT_TIMESTEP)
        );
        let cores = alpha.core_of("main");
        assert_eq!([0, 1, 2, 3].map(|thread| cores[&thread]), [0, 1, 0, 1]);
        assert!(alpha.core_of("old").is_empty());
    }
}
