//! The pools with what is in them. There are few: all are read.

use std::collections::BTreeMap;

use muster_storage::StorageError;
use sqlx::FromRow;

use super::{count, reader::Reader, state};
use crate::domain::{
    pools::{Pool, Pools},
    states::is_in_service,
};
use muster_contract::node_allocation::NodeState;

#[derive(Debug, FromRow)]
struct Row {
    id: i64,
    name: String,
    version: String,
    architecture: String,
    flavor: Option<String>,
    lifetime: Option<i64>,
    maximum_lifetime: Option<i64>,
    state: Option<String>,
    nodes: Option<i64>,
}

pub(super) const POOLS: &str = "SELECT pool.id, pool.name, pool.version, pool.architecture, pool.flavor, \
         pool.lifetime, pool.maximum_lifetime, pool_level.state, pool_level.nodes \
     FROM pool LEFT JOIN pool_level ON pool_level.pool = pool.id AND pool_level.nodes > 0 ORDER BY pool.id";

/// All pools.
pub(crate) async fn pools(reader: &mut impl Reader) -> Result<Pools, StorageError> {
    let rows: Vec<Row> = reader.all(POOLS, &[]).await?;
    let mut pools: BTreeMap<i64, Pool> = BTreeMap::new();
    for row in rows {
        let pool = pools.entry(row.id).or_insert(Pool {
            id: row.id,
            name: row.name,
            version: row.version,
            architecture: row.architecture,
            flavor: row.flavor,
            lifetime: row.lifetime,
            maximum_lifetime: row.maximum_lifetime,
            ready: 0,
            total: 0,
        });
        if let (Some(name), Some(nodes)) = (row.state, row.nodes) {
            let (state, nodes) = (state(&name)?, count("number of nodes", nodes)?);
            if is_in_service(state) {
                pool.total = pool.total.saturating_add(nodes);
            }
            if state == NodeState::Ready {
                pool.ready = nodes;
            }
        }
    }
    Ok(Pools::new(pools.into_values().collect()))
}
