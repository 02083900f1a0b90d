//! Packs what came lately into hours.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use muster_messaging::{Context, Effects, HandlerError, Periodic};
use muster_platform::Clock;
use muster_storage::{StorageError, Transaction};
use tracing::warn;

use super::{
    packing::{HOUR, Hour, pack, unpack},
    recent::read,
};
use crate::store::metric_samples::{
    NodeName, Recent, forget_recent, hours_to_merge, next_to_pack, put_hours, recent_to_pack,
    series_of,
};

/// How long samples stay as they came. The longer, the more of them are packed at once, and the more is read for a job that
/// runs.
pub(crate) const PACKING_AGE: Duration = Duration::from_mins(30);

/// Rows that are packed in one transaction.
const ROWS_AT_ONCE: i64 = 256;

/// Metrics of one node that are kept. cc-metric-collector has some hundred.
pub(crate) const METRIC_LIMIT: usize = 1_024;

/// Parts of a node that one metric is kept of: the largest nodes have some hundred hardware threads.
pub(crate) const DEVICE_LIMIT: usize = 4_096;

/// Packs the node whose samples have waited the longest.
pub(crate) struct Packer {
    pub(crate) clock: Arc<dyn Clock>,
}

impl Periodic for Packer {
    async fn run(
        &self,
        transaction: &mut Transaction,
        _: &Context,
        _: &mut Effects,
    ) -> Result<bool, HandlerError> {
        Ok(self.pack_next(transaction).await?)
    }
}

impl Packer {
    /// Tells whether there may be more.
    pub(crate) async fn pack_next(
        &self,
        transaction: &mut Transaction,
    ) -> Result<bool, StorageError> {
        let before = self.clock.now().minus(PACKING_AGE);
        let Some(node) = next_to_pack(transaction, before).await? else {
            return Ok(false);
        };
        let rows = recent_to_pack(transaction, &node, ROWS_AT_ONCE).await?;
        pack_rows(transaction, &node, &rows).await?;
        forget_recent(transaction, rows.iter().map(|row| row.id)).await?;
        Ok(true)
    }
}

async fn pack_rows(
    transaction: &mut Transaction,
    node: &NodeName,
    rows: &[Recent],
) -> Result<(), StorageError> {
    let mut hours: BTreeMap<(String, i64), Hour> = BTreeMap::new();
    for row in rows {
        // One that cannot be read must not keep the others from being packed.
        let samples = read(&row.samples).unwrap_or_else(|error| {
            warn!(target: "muster::job_archive", hostname = node.hostname, %error, "metric samples cannot be read");
            Vec::new()
        });
        for sample in samples {
            let begin = sample.time.div_euclid(HOUR) * HOUR;
            let Ok(second) = u16::try_from(sample.time - begin) else {
                continue;
            };
            let device = (sample.scope(), sample.id);
            let hour = hours.entry((sample.metric, begin)).or_default();
            if hour.len() < DEVICE_LIMIT || hour.contains_key(&device) {
                hour.entry(device).or_default().insert(second, sample.value);
            }
        }
    }
    let mut metrics: Vec<&str> = hours.keys().map(|(metric, _)| metric.as_str()).collect();
    metrics.dedup();
    let series: HashMap<String, i64> = series_of(transaction, node, &metrics, METRIC_LIMIT)
        .await?
        .into_iter()
        .collect();
    let left_out = metrics
        .iter()
        .filter(|metric| !series.contains_key(**metric))
        .count();
    if left_out > 0 {
        warn!(target: "muster::job_archive", hostname = node.hostname, left_out, METRIC_LIMIT, "a node has too many metrics");
    }
    let wanted: Vec<(i64, i64, &str)> = hours
        .keys()
        .filter_map(|(metric, hour)| Some((*series.get(metric)?, *hour, metric.as_str())))
        .collect();
    for earlier in hours_to_merge(transaction, &wanted).await? {
        let Some(hour) = hours.get_mut(&(earlier.metric, earlier.hour)) else {
            continue;
        };
        let Some(packed) = unpack(&earlier.samples) else {
            warn!(target: "muster::job_archive", hostname = node.hostname, "a packed hour cannot be read");
            continue;
        };
        for (device, values) in packed {
            if hour.len() < DEVICE_LIMIT || hour.contains_key(&device) {
                let newer = hour.entry(device).or_default();
                for (second, value) in values {
                    // What came later counts.
                    newer.entry(second).or_insert(value);
                }
            }
        }
    }
    let packed = hours
        .iter()
        .filter_map(|((metric, begin), hour)| Some((*series.get(metric)?, *begin, pack(hour))))
        .collect();
    put_hours(transaction, packed).await
}
