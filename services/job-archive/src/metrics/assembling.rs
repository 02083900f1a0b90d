//! From values by time to the series of `data.json` (`api/clustercockpit.md` §2.3, §2.5).

use std::collections::{BTreeMap, HashMap};

use muster_contract::job_archive::Resource;

use super::{
    metric_configs::{Aggregation, MetricConfig},
    packing::Device,
    slots::{Means, Slots},
};
use crate::{
    archive::measure::JobToMeasure,
    domain::job_data::{JobData, JobMetric, MetricScope, MetricSeries, rounded, statistics_of},
};

/// Jobs on more nodes have no series of cores.
const CORE_NODE_LIMIT: usize = 8;

/// Parts of a node that are neither cores nor threads, as many as there usually are.
const OTHER_PARTS: usize = 8;

/// Values of one metric on one node: by part and time.
pub(super) type NodeValues = HashMap<Device, BTreeMap<i64, f64>>;

/// What has been gathered of a job.
pub(super) struct Measured {
    pub(super) job: JobToMeasure,
    metrics: BTreeMap<String, BTreeMap<MetricScope, JobMetric>>,
}

/// Parts of a node with their values.
type Parts = Vec<(String, Vec<Option<f64>>)>;

/// One series in the making.
struct Row {
    id: Option<String>,
    values: Vec<Option<f64>>,
}

impl Measured {
    /// Nothing yet.
    pub(super) fn of(job: JobToMeasure) -> Self {
        Self {
            job,
            metrics: BTreeMap::new(),
        }
    }

    /// Adds what was measured of a metric on a node. `cores` = the core of each hardware thread.
    pub(super) fn add(
        &mut self,
        metric: &MetricConfig,
        node: &Resource,
        found: NodeValues,
        cores: &HashMap<i64, usize>,
    ) {
        let nodes = self.job.resources.len();
        let fine = nodes <= CORE_NODE_LIMIT;
        // The same for all nodes, so that all series of a metric have one step. Of parts there are series only where there are
        // few nodes.
        let parts = match metric.scope {
            MetricScope::Core | MetricScope::HardwareThread if fine => cores.len().max(1),
            MetricScope::Socket | MetricScope::MemoryDomain if fine => OTHER_PARTS,
            MetricScope::Accelerator => OTHER_PARTS,
            _ => 1,
        };
        let series = nodes.saturating_mul(parts);
        let slots = Slots::of(
            self.job.start_time,
            self.job.stop_time,
            metric.timestep,
            series,
        );
        let mut rows: BTreeMap<MetricScope, Vec<Row>> = BTreeMap::new();
        let mut by_scope: BTreeMap<MetricScope, Parts> = BTreeMap::new();
        for ((scope, id), values) in found {
            if !belongs(node, scope, &id) {
                continue;
            }
            let mut means = Means::new(slots.count);
            for (time, value) in values {
                if let Some(place) = slots.place(time) {
                    means.add(place, value);
                }
            }
            let values: Vec<Option<f64>> = means.values().collect();
            if values.iter().any(Option::is_some) {
                by_scope.entry(scope).or_default().push((id, values));
            }
        }
        for parts in by_scope.values_mut() {
            parts.sort_by(|one, other| natural(&one.0).cmp(&natural(&other.0)));
        }
        let whole = by_scope.remove(&MetricScope::Node).unwrap_or_default();
        let native = by_scope.remove(&metric.scope).unwrap_or_default();
        let of_node = match whole.into_iter().next() {
            Some((_, values)) => Some(values),
            None if native.is_empty() => None,
            None => Some(combined(
                native.iter().map(|(_, values)| values),
                metric.aggregation,
            )),
        };
        if let Some(values) = of_node {
            rows.entry(MetricScope::Node)
                .or_default()
                .push(Row { id: None, values });
        }
        match metric.scope {
            MetricScope::HardwareThread if fine => {
                rows.insert(
                    MetricScope::Core,
                    by_core(native, metric.aggregation, cores),
                );
            }
            MetricScope::Node | MetricScope::HardwareThread => {}
            MetricScope::Accelerator => {
                rows.insert(MetricScope::Accelerator, by_part(native));
            }
            scope if fine => {
                rows.insert(scope, by_part(native));
            }
            _ => {}
        }
        for (scope, rows) in rows {
            self.push(metric, scope, node, slots.timestep, rows);
        }
    }

    fn push(
        &mut self,
        metric: &MetricConfig,
        scope: MetricScope,
        node: &Resource,
        timestep: i64,
        rows: Vec<Row>,
    ) {
        if rows.is_empty() {
            return;
        }
        let of_metric = self.metrics.entry(metric.name.clone()).or_default();
        let job_metric = of_metric.entry(scope).or_insert_with(|| JobMetric {
            unit: metric.unit.clone(),
            timestep,
            series: Vec::new(),
            statistics_series: None,
        });
        for row in rows {
            let data: Vec<Option<f64>> = row
                .values
                .into_iter()
                .map(|value| value.map(rounded))
                .collect();
            job_metric.series.push(MetricSeries {
                hostname: node.hostname.clone(),
                id: row.id,
                statistics: statistics_of(&data),
                data,
            });
        }
    }
}

/// The model of `data.json`.
pub(super) fn assemble(measured: Measured) -> JobData {
    JobData {
        metrics: measured.metrics,
    }
}

/// Whether the part is one of those that the job had. A job that names none had them all; accelerators it always names.
fn belongs(node: &Resource, scope: MetricScope, id: &str) -> bool {
    match scope {
        MetricScope::HardwareThread => {
            node.hwthreads.is_empty()
                || id
                    .parse::<i32>()
                    .is_ok_and(|thread| node.hwthreads.contains(&thread))
        }
        MetricScope::Accelerator => node.accelerators.iter().any(|one| one == id),
        _ => true,
    }
}

/// Numbers by their value, other names behind them.
fn natural(id: &str) -> (u64, &str) {
    (id.parse().unwrap_or(u64::MAX), id)
}

fn by_part(parts: Parts) -> Vec<Row> {
    parts
        .into_iter()
        .map(|(id, values)| Row {
            id: Some(id),
            values,
        })
        .collect()
}

/// The threads of each core together. A thread that is on no core is one.
fn by_core(threads: Parts, aggregation: Aggregation, cores: &HashMap<i64, usize>) -> Vec<Row> {
    let mut of_core: BTreeMap<String, Vec<Vec<Option<f64>>>> = BTreeMap::new();
    for (id, values) in threads {
        let core = id.parse().ok().and_then(|thread: i64| cores.get(&thread));
        let core = core.map_or(id, ToString::to_string);
        of_core.entry(core).or_default().push(values);
    }
    let mut rows: Parts = of_core
        .into_iter()
        .map(|(core, threads)| (core, combined(threads.iter(), aggregation)))
        .collect();
    rows.sort_by(|one, other| natural(&one.0).cmp(&natural(&other.0)));
    by_part(rows)
}

/// The parts as one: at each step the sum or the mean of those that were measured.
fn combined<'a>(
    parts: impl Iterator<Item = &'a Vec<Option<f64>>>,
    aggregation: Aggregation,
) -> Vec<Option<f64>> {
    let mut sums: Vec<(f64, u32)> = Vec::new();
    for part in parts {
        sums.resize(part.len().max(sums.len()), (0.0, 0));
        for ((sum, count), value) in sums.iter_mut().zip(part) {
            if let Some(value) = value {
                *sum += value;
                *count += 1;
            }
        }
    }
    sums.into_iter()
        .map(|(sum, count)| match aggregation {
            _ if count == 0 => None,
            Aggregation::Sum => Some(sum),
            Aggregation::Mean => Some(sum / f64::from(count)),
        })
        .collect()
}
