//! What key pairs, projects and domains may have.

use std::collections::HashSet;

use muster_platform::site::{ComputeQuota, SlotLimits};
use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;

use super::slots_of;
use crate::{
    slots::domain::{
        ledger::{Ledger, Scope},
        wish::Holder,
    },
    store::{count, unreadable},
};

#[derive(Debug, FromRow)]
struct Row {
    scope: String,
    name: String,
    sessions: Option<i64>,
    slots: String,
}

pub(super) static QUOTAS: SetStatement = SetStatement::new(
    "SELECT slot_quota.scope, slot_quota.name, slot_quota.sessions, slot_quota.slots FROM {rows} \
     JOIN slot_quota ON slot_quota.scope = r.scope AND slot_quota.name = r.name",
    &[("scope", ColumnType::Text), ("name", ColumnType::Text)],
);

/// Sets in the ledger what these may have.
pub(crate) async fn limit<'a>(
    transaction: &mut Transaction,
    ledger: &mut Ledger,
    holders: impl IntoIterator<Item = &'a Holder>,
) -> Result<(), StorageError> {
    let named: HashSet<(Scope, &str)> = holders
        .into_iter()
        .flat_map(|holder| Scope::ALL.map(|scope| (scope, scope.of(holder))))
        .collect();
    let rows: Vec<Vec<Bind>> = named
        .into_iter()
        .map(|(scope, name)| vec![scope.name().into(), name.into()])
        .collect();
    let rows: Vec<Row> = transaction.fetch_set(&QUOTAS, &rows).await?;
    for row in rows {
        let scope = Scope::from_name(&row.scope).ok_or_else(|| unreadable("scope", &row.scope))?;
        let sessions = row.sessions.map(|sessions| count("quota", sessions));
        let quota = ComputeQuota {
            sessions: sessions.transpose()?,
            slots: SlotLimits::from(slots_of(&row.slots)?),
        };
        ledger.limit(scope, &row.name, quota);
    }
    Ok(())
}
