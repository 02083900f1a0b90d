//! What was measured of a job.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use futures_util::future::BoxFuture;
use muster_contract::job_archive::Resource;
use muster_storage::{Database, StorageError};

use super::{
    assembling::{Measured, NodeValues, assemble},
    metric_configs::{ClusterMetrics, MetricConfig, MetricConfigs},
    packing::{HOUR, unpack},
    recent::read,
};
use crate::{
    archive::measure::{JobToMeasure, MeasureError, MeasureJobs},
    domain::job_data::{JobData, MetricScope},
    store::metric_samples::{PackedHour, RecentOfNode, hours_of_nodes, recent_of_nodes},
};

/// Packed hours that are read at once, at about 100 metrics a node.
const HOURS_AT_ONCE: i64 = 50_000;
const METRICS_OF_NODE: i64 = 100;

/// Nodes that are read at once.
const NODES_AT_ONCE: i64 = 64;

/// Looks up what was measured.
pub(crate) struct MetricStore {
    database: Database,
    configs: Arc<MetricConfigs>,
}

impl MetricStore {
    /// With the descriptions of the clusters.
    pub(crate) fn new(database: Database, cluster_documents: &[String]) -> Self {
        Self {
            database,
            configs: Arc::new(MetricConfigs::from_documents(cluster_documents)),
        }
    }

    async fn look_up(&self, job: &JobToMeasure) -> Result<JobData, StorageError> {
        let hours = (job.stop_time.saturating_sub(job.start_time)) / HOUR + 2;
        let at_once = (HOURS_AT_ONCE / METRICS_OF_NODE / hours.max(1)).clamp(1, NODES_AT_ONCE);
        let at_once = usize::try_from(at_once).unwrap_or(1);
        let mut measured = Measured::of(job.clone());
        let mut seen = HashSet::new();
        let resources: Vec<Resource> = job
            .resources
            .iter()
            .filter(|resource| seen.insert(resource.hostname.as_str()))
            .cloned()
            .collect();
        for nodes in resources.chunks(at_once) {
            let hostnames: Vec<&str> = nodes.iter().map(|node| node.hostname.as_str()).collect();
            let (start, stop) = (job.start_time, job.stop_time);
            let first_hour = start.div_euclid(HOUR) * HOUR;
            // The packed hours last: what is packed in between would be in neither, the other way round.
            let recent =
                recent_of_nodes(&self.database, &job.cluster, &hostnames, start, stop).await?;
            let packed =
                hours_of_nodes(&self.database, &job.cluster, &hostnames, first_hour, stop).await?;
            let (configs, nodes) = (self.configs.clone(), nodes.to_vec());
            let work = move || {
                let cluster = configs.of_cluster(&measured.job.cluster);
                let values = values_of(packed, recent, start, stop);
                add(&mut measured, cluster, &nodes, values);
                measured
            };
            measured = tokio::task::spawn_blocking(work)
                .await
                .map_err(|error| StorageError::Other(error.into()))?;
        }
        Ok(assemble(measured))
    }
}

impl MeasureJobs for MetricStore {
    fn measure<'a>(
        &'a self,
        job: &'a JobToMeasure,
    ) -> BoxFuture<'a, Result<JobData, MeasureError>> {
        Box::pin(async move {
            self.look_up(job).await.map_err(|error| MeasureError {
                reason: error.to_string(),
            })
        })
    }
}

/// What there is of each node and metric. A piece that cannot be read is left out: it must not fail the job.
fn values_of(
    packed: Vec<PackedHour>,
    recent: Vec<RecentOfNode>,
    start: i64,
    stop: i64,
) -> HashMap<String, BTreeMap<String, NodeValues>> {
    let mut nodes: HashMap<String, BTreeMap<String, NodeValues>> = HashMap::new();
    for piece in packed {
        let Some(hour) = unpack(&piece.samples) else {
            continue;
        };
        let metrics = nodes.entry(piece.hostname).or_default();
        let of_metric = metrics.entry(piece.metric).or_default();
        for (device, values) in hour {
            let times = values
                .into_iter()
                .map(|(second, value)| (piece.hour + i64::from(second), value))
                .filter(|(time, _)| (start..=stop).contains(time));
            of_metric.entry(device).or_default().extend(times);
        }
    }
    // What came later counts, and was packed later, too.
    for piece in recent {
        let Ok(samples) = read(&piece.samples) else {
            continue;
        };
        let metrics = nodes.entry(piece.hostname).or_default();
        for sample in samples {
            if (start..=stop).contains(&sample.time) {
                let device = (sample.scope(), sample.id);
                let of_metric = metrics.entry(sample.metric).or_default();
                let values = of_metric.entry(device).or_default();
                values.insert(sample.time, sample.value);
            }
        }
    }
    nodes
}

fn add(
    measured: &mut Measured,
    cluster: Option<&ClusterMetrics>,
    nodes: &[Resource],
    mut values: HashMap<String, BTreeMap<String, NodeValues>>,
) {
    let sub_cluster = measured.job.sub_cluster.clone();
    let cores = cluster.map(|cluster| cluster.core_of(&sub_cluster));
    let cores = cores.unwrap_or_default();
    for node in nodes {
        let mut of_node = values.remove(&node.hostname).unwrap_or_default();
        match cluster {
            Some(cluster) => {
                for metric in cluster.of_sub_cluster(&sub_cluster) {
                    let found = of_node.remove(&metric.name).unwrap_or_default();
                    measured.add(metric, node, found, &cores);
                }
            }
            // Of a cluster that nothing is said of, such as that of compute sessions, there is what was measured.
            None => {
                for (name, found) in of_node {
                    let mut metric = MetricConfig::unknown(name);
                    let whole = found.keys().any(|(scope, _)| *scope == MetricScope::Node);
                    if let Some((scope, _)) = found.keys().next()
                        && !whole
                    {
                        metric.scope = *scope;
                    }
                    measured.add(&metric, node, found, &cores);
                }
            }
        }
    }
}
