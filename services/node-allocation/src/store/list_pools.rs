//! Reading pools with their levels.

use std::collections::BTreeMap;

use muster_contract::node_allocation::Pool;
use muster_storage::{Database, StorageError};
use sqlx::FromRow;

use super::state;

#[derive(Debug, FromRow)]
struct Row {
    name: String,
    version: String,
    architecture: String,
    flavor: Option<String>,
    fill_level: i64,
    keeps_all_ready: bool,
    lifetime: Option<i64>,
    maximum_lifetime: Option<i64>,
    state: Option<String>,
    nodes: Option<i64>,
}

const POOLS: &str = "SELECT pool.name, pool.version, pool.architecture, pool.flavor, pool.fill_level, pool.keeps_all_ready, pool.lifetime, \
         pool.maximum_lifetime, pool_level.state, pool_level.nodes \
     FROM pool LEFT JOIN pool_level ON pool_level.pool = pool.id AND pool_level.nodes > 0";

/// All pools, by name.
pub(crate) async fn list_pools(database: &Database) -> Result<Vec<Pool>, StorageError> {
    let rows: Vec<Row> = database.fetch_all(POOLS, &[]).await?;
    // By name here: the engines have different ideas of what comes first.
    let mut pools: BTreeMap<String, Pool> = BTreeMap::new();
    for row in rows {
        // Counted below.
        let fill_level = if row.keeps_all_ready {
            0
        } else {
            row.fill_level
        };
        let pool = pools.entry(row.name.clone()).or_insert(Pool {
            name: row.name,
            version: row.version,
            architecture: row.architecture,
            flavor: row.flavor,
            fill_level,
            lifetime: row.lifetime,
            maximum_lifetime: row.maximum_lifetime,
            levels: BTreeMap::new(),
        });
        if let (Some(name), Some(nodes)) = (row.state, row.nodes) {
            pool.levels.insert(state(&name)?, nodes);
            if row.keeps_all_ready {
                pool.fill_level += nodes;
            }
        }
    }
    Ok(pools.into_values().collect())
}
