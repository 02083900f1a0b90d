//! The free nodes that a batch may need.

use std::collections::BTreeMap;

use muster_storage::StorageError;
use sqlx::FromRow;

use super::reader::Reader;
use crate::domain::{
    demand::Demand,
    pools::Pools,
    stock::{FreeNode, Stock},
};

/// Nodes of one read where host names are excluded, at least: most may be excluded.
const SMALLEST_PAGE: u64 = 64;

#[derive(Debug, FromRow)]
struct Row {
    id: i64,
    used_count: i64,
    generation: i64,
    hostname: String,
    ip_address: String,
}

pub(super) const FREE: &str = "SELECT node.id, node.used_count, node.generation, node.hostname, node.ip_address FROM node \
     WHERE node.pool = $1 AND node.state = 'ready' AND (node.used_count, node.id) > ($2, $3) \
     ORDER BY node.used_count, node.id LIMIT $4";

/// As many of the least used free nodes as all these demands together can take: one read for each pool, unless hosts are
/// excluded.
pub(crate) async fn stock(
    reader: &mut impl Reader,
    pools: &Pools,
    demands: impl IntoIterator<Item = &Demand>,
) -> Result<Stock, StorageError> {
    let mut by_pool: BTreeMap<i64, (u64, Vec<&Demand>)> = BTreeMap::new();
    for demand in demands {
        for pool in &demand.pools {
            let (needed, picky) = by_pool.entry(*pool).or_default();
            *needed = needed.saturating_add(u64::from(demand.maximum));
            if !demand.excluded.is_empty() {
                picky.push(demand);
            }
        }
    }
    let mut stock = Stock::default();
    for (pool, (needed, picky)) in by_pool {
        let ready = u64::from(pools.ready(&[pool]));
        let nodes = free_nodes(reader, pool, needed.min(ready), &picky).await?;
        stock.add(nodes);
    }
    Ok(stock)
}

async fn free_nodes(
    reader: &mut impl Reader,
    pool: i64,
    needed: u64,
    picky: &[&Demand],
) -> Result<Vec<FreeNode>, StorageError> {
    let mut nodes: Vec<FreeNode> = Vec::new();
    if needed == 0 {
        return Ok(nodes);
    }
    let page = match picky {
        [] => needed,
        _ => needed.max(SMALLEST_PAGE),
    };
    let mut after = (i64::MIN, i64::MIN);
    loop {
        let limit = i64::try_from(page).unwrap_or(i64::MAX);
        let binds = [pool.into(), after.0.into(), after.1.into(), limit.into()];
        let rows: Vec<Row> = reader.all(FREE, &binds).await?;
        let read = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        nodes.extend(rows.into_iter().map(|row| FreeNode {
            id: row.id,
            pool,
            used_count: row.used_count,
            generation: row.generation,
            demand: 0,
            hostname: row.hostname,
            ip_address: row.ip_address,
        }));
        let enough = |demand: &&Demand| {
            let fitting = nodes.iter().filter(|node| !demand.excludes(&node.hostname));
            u64::try_from(fitting.count()).is_ok_and(|fitting| fitting >= needed)
        };
        match nodes.last() {
            Some(last) if read == page && !picky.iter().all(enough) => {
                after = (last.used_count, last.id);
            }
            _ => return Ok(nodes),
        }
    }
}
