//! Levels of what is lent out, for metrics: pools, leases, quotas, queues, agents and their slots.

use muster_messaging::Measure;
use muster_platform::Timestamp;
use muster_storage::{Database, Snapshot, StorageError};
use muster_telemetry::{
    metrics::{LevelMetrics, Reading},
    names::{self, metric},
};

use crate::slots::measures as slots;

/// The resource of quotas that is whole nodes.
const NODES: &str = "nodes";

/// Projects whose quotas are told.
const PROJECTS: i64 = 200;

pub(crate) const POOLS: &str = "SELECT pool.name, pool_level.state, pool_level.nodes \
     FROM pool JOIN pool_level ON pool_level.pool = pool.id ORDER BY pool.name, pool_level.state";

/// Projects are as many as the site has.
pub(crate) const TENANTS: &str = "SELECT name, held, node_quota FROM tenant \
     WHERE held > 0 OR node_quota IS NOT NULL ORDER BY held DESC, name LIMIT $1";

/// The queue is bounded, and so is what is being prepared.
pub(crate) const QUEUE: &str = "SELECT COUNT(*), MIN(enqueued_at) FROM \
     (SELECT enqueued_at FROM waiting_request UNION ALL SELECT enqueued_at FROM contextualizing_request WHERE short) AS waiting";

/// What node allocation has.
pub(crate) struct AllocationLevels(pub(crate) Database);

/// What projects have of something, and may have.
#[derive(Default)]
pub(crate) struct Quotas {
    used: Vec<Reading>,
    limits: Vec<Reading>,
}

impl Quotas {
    pub(crate) fn uses(&mut self, project: &str, resource: &str, amount: f64) {
        self.used.push(reading(project, resource, amount));
    }

    pub(crate) fn may_have(&mut self, project: &str, resource: &str, amount: f64) {
        self.limits.push(reading(project, resource, amount));
    }
}

fn reading(project: &str, resource: &str, amount: f64) -> Reading {
    let labels = [
        (names::MUSTER_PROJECT, project),
        (names::MUSTER_RESOURCE, resource),
    ];
    Reading::new(labels, amount)
}

impl Measure for AllocationLevels {
    async fn measure(&self, levels: &LevelMetrics, now: Timestamp) -> Result<(), StorageError> {
        let mut snapshot = self.0.snapshot().await?;
        let mut quotas = Quotas::default();
        pools(&mut snapshot, levels).await?;
        let nodes = tenants(&mut snapshot, &mut quotas).await?;
        let containers = slots::used(&mut snapshot, levels, &mut quotas).await?;
        slots::agents(&mut snapshot, levels, now).await?;
        let waiting_for_nodes = queue(&mut snapshot, QUEUE, now).await?;
        let waiting_for_slots = queue(&mut snapshot, slots::QUEUE, now).await?;
        let of = |queue: &str, value: f64| Reading::new([(names::MUSTER_QUEUE, queue)], value);
        levels.set(
            metric::MUSTER_LEASES,
            vec![of("nodes", nodes), of("slots", containers)],
        );
        let queues = [("nodes", waiting_for_nodes), ("slots", waiting_for_slots)];
        levels.set(
            metric::MUSTER_QUEUE_LENGTH,
            queues.map(|(queue, (length, _))| of(queue, length)).into(),
        );
        levels.set(
            metric::MUSTER_QUEUE_OLDEST_WAIT,
            queues.map(|(queue, (_, wait))| of(queue, wait)).into(),
        );
        levels.set(metric::MUSTER_QUOTA_USED, quotas.used);
        levels.set(metric::MUSTER_QUOTA_LIMIT, quotas.limits);
        Ok(())
    }
}

async fn pools(snapshot: &mut Snapshot, levels: &LevelMetrics) -> Result<(), StorageError> {
    let rows: Vec<(String, String, i64)> = snapshot.fetch_all(POOLS, &[]).await?;
    let readings = rows.iter().map(|(pool, state, nodes)| {
        let labels = [
            (names::MUSTER_POOL, pool.as_str()),
            (names::MUSTER_NODE_STATE, state.as_str()),
        ];
        Reading::new(labels, float(*nodes))
    });
    levels.set(metric::MUSTER_POOL_NODES, readings.collect());
    Ok(())
}

/// The nodes that projects hold together.
async fn tenants(snapshot: &mut Snapshot, quotas: &mut Quotas) -> Result<f64, StorageError> {
    let rows: Vec<(String, i64, Option<i64>)> =
        snapshot.fetch_all(TENANTS, &[PROJECTS.into()]).await?;
    for (project, held, quota) in &rows {
        quotas.uses(project, NODES, float(*held));
        if let Some(quota) = quota {
            quotas.may_have(project, NODES, float(*quota));
        }
    }
    Ok(float(rows.iter().map(|(_, held, _)| held).sum()))
}

/// How many wait, and for how many seconds the first of them.
async fn queue(
    snapshot: &mut Snapshot,
    sql: &'static str,
    now: Timestamp,
) -> Result<(f64, f64), StorageError> {
    let row: Option<(i64, Option<i64>)> = snapshot.fetch_optional(sql, &[]).await?;
    let (length, oldest) = row.unwrap_or_default();
    Ok((
        float(length),
        oldest.map_or(0.0, |since| seconds(since, now)),
    ))
}

/// Seconds from a time in microseconds until now.
pub(crate) fn seconds(since: i64, now: Timestamp) -> f64 {
    float(now.as_micros().saturating_sub(since).max(0)) / 1_000_000.0
}

/// A count as metrics have it: exact up to 2^53.
pub(crate) fn float(count: i64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts are far below, and a level may be off by one beyond 2^53"
    )]
    {
        count as f64
    }
}
