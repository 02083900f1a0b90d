//! How many nodes of each pool are in each state.

use std::collections::BTreeMap;

use muster_contract::node_allocation::NodeState;
use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};

pub(super) static CHANGE: SetStatement = SetStatement::new(
    "UPDATE pool_level SET nodes = pool_level.nodes + r.change FROM {rows} \
     WHERE pool_level.pool = r.pool AND pool_level.state = r.state",
    &[
        ("pool", ColumnType::Integer),
        ("state", ColumnType::Text),
        ("change", ColumnType::Integer),
    ],
);

/// What becomes of the levels when nodes change. To be written once, when all is known.
#[derive(Debug, Default)]
pub(crate) struct LevelChanges(BTreeMap<(i64, NodeState), i64>);

impl LevelChanges {
    /// A node is new in the pool.
    pub(crate) fn enters(&mut self, pool: i64, state: NodeState) {
        *self.0.entry((pool, state)).or_default() += 1;
    }

    /// A node is in the pool no more.
    pub(crate) fn leaves(&mut self, pool: i64, state: NodeState) {
        *self.0.entry((pool, state)).or_default() -= 1;
    }

    /// A node changes its state.
    pub(crate) fn moves(&mut self, pool: i64, from: NodeState, to: NodeState) {
        self.leaves(pool, from);
        self.enters(pool, to);
    }

    pub(crate) async fn write(self, transaction: &mut Transaction) -> Result<(), StorageError> {
        let rows: Vec<Vec<Bind>> = self
            .0
            .into_iter()
            .filter(|(_, change)| *change != 0)
            .map(|((pool, state), change)| vec![pool.into(), state.name().into(), change.into()])
            .collect();
        transaction
            .change_set(&CHANGE, &rows, "levels of pools")
            .await
    }
}
