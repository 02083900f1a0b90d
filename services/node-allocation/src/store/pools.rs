//! The pools with what is in them. There are few: all are read.

use std::collections::BTreeMap;

use muster_storage::StorageError;
use sqlx::FromRow;

use super::{count, reader::Reader, state};
use crate::domain::{
    hooks::Hooks,
    pools::{Pool, Pools},
    states::is_in_service,
};
use muster_contract::{agent::NodeHook, node_allocation::NodeState};

const MICROSECONDS: i64 = 1_000_000;

#[derive(Debug, FromRow)]
struct Row {
    id: i64,
    name: String,
    version: String,
    architecture: String,
    flavor: Option<String>,
    lifetime: Option<i64>,
    maximum_lifetime: Option<i64>,
    fill_level: i64,
    keeps_all_ready: bool,
    hook_agent: Option<String>,
    provision_limit: Option<i64>,
    contextualize_limit: Option<i64>,
    deprovision_limit: Option<i64>,
    hook_attempts: i64,
    maximum_ready_age: Option<i64>,
    quarantine: i64,
    state: Option<String>,
    nodes: Option<i64>,
}

pub(super) const POOLS: &str = "SELECT pool.id, pool.name, pool.version, pool.architecture, pool.flavor, \
         pool.lifetime, pool.maximum_lifetime, pool.fill_level, pool.keeps_all_ready, pool.hook_agent, \
         pool.provision_limit, pool.contextualize_limit, pool.deprovision_limit, pool.hook_attempts, \
         pool.maximum_ready_age, pool.quarantine, pool_level.state, pool_level.nodes \
     FROM pool LEFT JOIN pool_level ON pool_level.pool = pool.id AND pool_level.nodes > 0 ORDER BY pool.id";

/// All pools.
pub(crate) async fn pools(reader: &mut impl Reader) -> Result<Pools, StorageError> {
    let rows: Vec<Row> = reader.all(POOLS, &[]).await?;
    let mut pools: BTreeMap<i64, Pool> = BTreeMap::new();
    for row in rows {
        let hooks = Hooks {
            agent: row.hook_agent,
            provision: row.provision_limit,
            contextualize: row.contextualize_limit,
            deprovision: row.deprovision_limit,
            attempts: count("number of attempts", row.hook_attempts)?,
        };
        let pool = pools.entry(row.id).or_insert(Pool {
            id: row.id,
            name: row.name,
            version: row.version,
            architecture: row.architecture,
            flavor: row.flavor,
            lifetime: row.lifetime,
            maximum_lifetime: row.maximum_lifetime,
            fill_level: u32::try_from(row.fill_level).unwrap_or_default(),
            keeps_all_ready: row.keeps_all_ready,
            hooks,
            quarantine: row.quarantine.saturating_mul(MICROSECONDS),
            maximum_ready_age: row
                .maximum_ready_age
                .map(|age| age.saturating_mul(MICROSECONDS)),
            levels: BTreeMap::new(),
            ready: 0,
            total: 0,
        });
        if let (Some(name), Some(nodes)) = (row.state, row.nodes) {
            let (state, nodes) = (state(&name)?, count("number of nodes", nodes)?);
            pool.levels.insert(state, nodes);
            if is_in_service(state, pool.hooks.has(NodeHook::Provision)) {
                pool.total = pool.total.saturating_add(nodes);
            }
            if state == NodeState::Ready {
                pool.ready = nodes;
            }
        }
    }
    Ok(Pools::new(pools.into_values().collect()))
}
