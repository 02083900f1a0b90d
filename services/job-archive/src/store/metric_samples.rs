//! Metric samples in the tables.

use muster_platform::Timestamp;
use muster_storage::{
    Bind, ColumnType, Database, LockKey, SetStatement, StorageError, Transaction,
};
use sqlx::FromRow;

/// What one batch brought of one node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NewRecent {
    pub(crate) cluster: String,
    pub(crate) hostname: String,
    pub(crate) first_time: i64,
    pub(crate) last_time: i64,
    pub(crate) samples: Vec<u8>,
}

/// The same, to be packed.
#[derive(Debug, FromRow)]
pub(crate) struct Recent {
    pub(crate) id: i64,
    pub(crate) samples: Vec<u8>,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(crate) struct NodeName {
    pub(crate) cluster: String,
    pub(crate) hostname: String,
}

/// A packed hour of a metric on a node.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub(crate) struct PackedHour {
    pub(crate) hostname: String,
    pub(crate) metric: String,
    pub(crate) hour: i64,
    pub(crate) samples: Vec<u8>,
}

#[derive(FromRow)]
struct SeriesRow {
    id: i64,
    metric: String,
}

static KEEP: SetStatement = SetStatement::new(
    "INSERT INTO metric_recent (cluster, hostname, first_time, last_time, samples, received_at) \
     SELECT r.cluster, r.hostname, r.first_time, r.last_time, r.samples, r.received_at FROM {rows} WHERE true",
    &[
        ("cluster", ColumnType::Text),
        ("hostname", ColumnType::Text),
        ("first_time", ColumnType::Integer),
        ("last_time", ColumnType::Integer),
        ("samples", ColumnType::Bytes),
        ("received_at", ColumnType::Integer),
    ],
);

static FORGET_RECENT: SetStatement = SetStatement::new(
    "DELETE FROM metric_recent WHERE id IN (SELECT r.id FROM {rows})",
    &[("id", ColumnType::Integer)],
);

static MAKE_SERIES: SetStatement = SetStatement::new(
    "INSERT INTO metric_series (cluster, hostname, metric) SELECT r.cluster, r.hostname, r.metric FROM {rows} \
     WHERE NOT EXISTS (SELECT 1 FROM metric_series WHERE metric_series.cluster = r.cluster \
         AND metric_series.hostname = r.hostname AND metric_series.metric = r.metric) \
     ON CONFLICT (cluster, hostname, metric) DO NOTHING",
    &[
        ("cluster", ColumnType::Text),
        ("hostname", ColumnType::Text),
        ("metric", ColumnType::Text),
    ],
);

static HOURS_TO_MERGE: SetStatement = SetStatement::new(
    "SELECT '' AS hostname, r.metric, metric_hour.hour, metric_hour.samples FROM {rows} \
     JOIN metric_hour ON metric_hour.series = r.series AND metric_hour.hour = r.hour",
    &[
        ("series", ColumnType::Integer),
        ("hour", ColumnType::Integer),
        ("metric", ColumnType::Text),
    ],
);

static PUT_HOURS: SetStatement = SetStatement::new(
    "INSERT INTO metric_hour (series, hour, samples) SELECT r.series, r.hour, r.samples FROM {rows} WHERE true \
     ON CONFLICT (series, hour) DO UPDATE SET samples = excluded.samples",
    &[
        ("series", ColumnType::Integer),
        ("hour", ColumnType::Integer),
        ("samples", ColumnType::Bytes),
    ],
);

static HOURS_OF_NODES: SetStatement = SetStatement::new(
    "SELECT metric_series.hostname, metric_series.metric, metric_hour.hour, metric_hour.samples FROM {rows} \
     JOIN metric_series ON metric_series.cluster = r.cluster AND metric_series.hostname = r.hostname \
     JOIN metric_hour ON metric_hour.series = metric_series.id \
         AND metric_hour.hour >= r.first_hour AND metric_hour.hour <= r.last_time",
    &[
        ("cluster", ColumnType::Text),
        ("hostname", ColumnType::Text),
        ("first_hour", ColumnType::Integer),
        ("last_time", ColumnType::Integer),
    ],
);

static RECENT_OF_NODES: SetStatement = SetStatement::new(
    "SELECT metric_recent.id, metric_recent.hostname, metric_recent.samples FROM {rows} \
     JOIN metric_recent ON metric_recent.cluster = r.cluster AND metric_recent.hostname = r.hostname \
         AND metric_recent.last_time >= r.first_time AND metric_recent.first_time <= r.last_time",
    &[
        ("cluster", ColumnType::Text),
        ("hostname", ColumnType::Text),
        ("first_time", ColumnType::Integer),
        ("last_time", ColumnType::Integer),
    ],
);

/// What came lately of a node.
#[derive(Debug, FromRow)]
pub(crate) struct RecentOfNode {
    pub(crate) id: i64,
    pub(crate) hostname: String,
    pub(crate) samples: Vec<u8>,
}

/// Keeps what a batch brought.
pub(crate) async fn keep_recent(
    transaction: &mut Transaction,
    pieces: Vec<NewRecent>,
    now: Timestamp,
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = pieces
        .into_iter()
        .map(|piece| {
            vec![
                piece.cluster.into(),
                piece.hostname.into(),
                piece.first_time.into(),
                piece.last_time.into(),
                piece.samples.into(),
                now.as_micros().into(),
            ]
        })
        .collect();
    transaction.execute_set(&KEEP, &rows).await?;
    Ok(())
}

/// The node whose samples have waited the longest, if those came before `before`.
pub(crate) async fn next_to_pack(
    transaction: &mut Transaction,
    before: Timestamp,
) -> Result<Option<NodeName>, StorageError> {
    let sql = "SELECT cluster, hostname FROM (SELECT cluster, hostname, received_at FROM metric_recent \
         ORDER BY id LIMIT 1) AS oldest WHERE received_at < $1";
    transaction
        .fetch_optional(sql, &[before.as_micros().into()])
        .await
}

/// What came of the node lately, the oldest first. Nobody else packs it meanwhile.
pub(crate) async fn recent_to_pack(
    transaction: &mut Transaction,
    node: &NodeName,
    limit: i64,
) -> Result<Vec<Recent>, StorageError> {
    let lock = LockKey::of(&["metrics", &node.cluster, &node.hostname]);
    transaction.lock_keys(&[lock]).await?;
    let sql = "SELECT id, samples FROM metric_recent WHERE cluster = $1 AND hostname = $2 ORDER BY id LIMIT $3";
    let binds = [
        (&node.cluster).into(),
        (&node.hostname).into(),
        limit.into(),
    ];
    transaction.fetch_all(sql, &binds).await
}

/// Removes what is packed.
pub(crate) async fn forget_recent(
    transaction: &mut Transaction,
    ids: impl IntoIterator<Item = i64>,
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = ids.into_iter().map(|id| vec![id.into()]).collect();
    transaction.execute_set(&FORGET_RECENT, &rows).await?;
    Ok(())
}

/// The numbers of the node's metrics; those that have none get one, as long as there is room for them. `limit` = metrics of
/// a node.
pub(crate) async fn series_of(
    transaction: &mut Transaction,
    node: &NodeName,
    metrics: &[&str],
    limit: usize,
) -> Result<Vec<(String, i64)>, StorageError> {
    let there = read_series(transaction, node).await?;
    let room = limit.saturating_sub(there.len());
    let new: Vec<&str> = metrics
        .iter()
        .copied()
        .filter(|metric| there.iter().all(|(known, _)| known != metric))
        .take(room)
        .collect();
    if new.is_empty() {
        return Ok(there);
    }
    let rows: Vec<Vec<Bind>> = new
        .into_iter()
        .map(|metric| {
            vec![
                (&node.cluster).into(),
                (&node.hostname).into(),
                metric.into(),
            ]
        })
        .collect();
    transaction.execute_set(&MAKE_SERIES, &rows).await?;
    read_series(transaction, node).await
}

async fn read_series(
    transaction: &mut Transaction,
    node: &NodeName,
) -> Result<Vec<(String, i64)>, StorageError> {
    let sql = "SELECT id, metric FROM metric_series WHERE cluster = $1 AND hostname = $2";
    let binds = [(&node.cluster).into(), (&node.hostname).into()];
    let rows: Vec<SeriesRow> = transaction.fetch_all(sql, &binds).await?;
    Ok(rows.into_iter().map(|row| (row.metric, row.id)).collect())
}

/// The packed hours that there are of these series and hours, each with its metric.
pub(crate) async fn hours_to_merge(
    transaction: &mut Transaction,
    wanted: &[(i64, i64, &str)],
) -> Result<Vec<PackedHour>, StorageError> {
    let rows: Vec<Vec<Bind>> = wanted
        .iter()
        .map(|(series, hour, metric)| vec![(*series).into(), (*hour).into(), (*metric).into()])
        .collect();
    transaction.fetch_set(&HOURS_TO_MERGE, &rows).await
}

/// Puts packed hours in place: series, hour, piece.
pub(crate) async fn put_hours(
    transaction: &mut Transaction,
    hours: Vec<(i64, i64, Vec<u8>)>,
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = hours
        .into_iter()
        .map(|(series, hour, samples)| vec![series.into(), hour.into(), samples.into()])
        .collect();
    transaction.execute_set(&PUT_HOURS, &rows).await?;
    Ok(())
}

/// Packed hours of nodes that begin in this time.
pub(crate) async fn hours_of_nodes(
    database: &Database,
    cluster: &str,
    hostnames: &[&str],
    first_hour: i64,
    last_time: i64,
) -> Result<Vec<PackedHour>, StorageError> {
    let rows = node_rows(cluster, hostnames, first_hour, last_time);
    database.fetch_set(&HOURS_OF_NODES, &rows).await
}

/// What came lately of nodes and is of this time, the oldest first.
pub(crate) async fn recent_of_nodes(
    database: &Database,
    cluster: &str,
    hostnames: &[&str],
    first_time: i64,
    last_time: i64,
) -> Result<Vec<RecentOfNode>, StorageError> {
    let rows = node_rows(cluster, hostnames, first_time, last_time);
    let mut recent: Vec<RecentOfNode> = database.fetch_set(&RECENT_OF_NODES, &rows).await?;
    recent.sort_by_key(|piece| piece.id);
    Ok(recent)
}

fn node_rows(cluster: &str, hostnames: &[&str], first: i64, last: i64) -> Vec<Vec<Bind>> {
    hostnames
        .iter()
        .map(|hostname| {
            vec![
                cluster.into(),
                (*hostname).into(),
                first.into(),
                last.into(),
            ]
        })
        .collect()
}

/// Removes up to `limit` hours that ended before `before` (seconds), and tells how many.
pub(crate) async fn forget_hours(
    transaction: &mut Transaction,
    before: i64,
    limit: i64,
) -> Result<u64, StorageError> {
    let sql = "DELETE FROM metric_hour WHERE (series, hour) IN \
         (SELECT series, hour FROM metric_hour WHERE hour < $1 ORDER BY hour LIMIT $2)";
    transaction
        .execute(sql, &[before.into(), limit.into()])
        .await
}

/// Removes up to `limit` series that have no hours, and tells how many.
pub(crate) async fn forget_series(
    transaction: &mut Transaction,
    after: i64,
    limit: i64,
) -> Result<Option<i64>, StorageError> {
    let sql = "SELECT MAX(id) AS last FROM (SELECT id FROM metric_series WHERE id > $1 ORDER BY id LIMIT $2) AS looked_at";
    let row: Option<(Option<i64>,)> = transaction
        .fetch_optional(sql, &[after.into(), limit.into()])
        .await?;
    let Some(last) = row.and_then(|(last,)| last) else {
        return Ok(None);
    };
    let sql = "DELETE FROM metric_series WHERE id > $1 AND id <= $2 \
         AND NOT EXISTS (SELECT 1 FROM metric_hour WHERE metric_hour.series = metric_series.id)";
    transaction
        .execute(sql, &[after.into(), last.into()])
        .await?;
    Ok(Some(last))
}
