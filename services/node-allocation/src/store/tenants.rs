//! What projects may hold and hold.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;

use super::{count, reader::Reader};
use crate::domain::share::{Share, Shares};

#[derive(Debug, FromRow)]
struct Row {
    name: String,
    node_quota: Option<i64>,
    held: i64,
}

pub(super) static SHARES: SetStatement = SetStatement::new(
    "SELECT tenant.name, tenant.node_quota, tenant.held FROM {rows} JOIN tenant ON tenant.name = r.name",
    &[("name", ColumnType::Text)],
);

static ENSURE: SetStatement = SetStatement::new(
    "INSERT INTO tenant (name, held) SELECT r.name, 0 FROM {rows} WHERE true ON CONFLICT DO NOTHING",
    &[("name", ColumnType::Text)],
);

pub(super) static CHANGE: SetStatement = SetStatement::new(
    "UPDATE tenant SET held = tenant.held + r.change FROM {rows} WHERE tenant.name = r.name",
    &[("name", ColumnType::Text), ("change", ColumnType::Integer)],
);

/// The shares of these projects.
pub(crate) async fn shares<'a>(
    reader: &mut impl Reader,
    tenants: impl IntoIterator<Item = &'a str>,
) -> Result<Shares, StorageError> {
    let tenants: BTreeSet<&str> = tenants.into_iter().collect();
    let rows: Vec<Vec<Bind>> = tenants.into_iter().map(|name| vec![name.into()]).collect();
    let rows: Vec<Row> = reader.set(&SHARES, &rows).await?;
    let shares = rows
        .into_iter()
        .map(|row| {
            let quota = row.node_quota.map(|quota| count("quota", quota));
            let share = Share {
                quota: quota.transpose()?,
                held: count("number of nodes", row.held)?,
            };
            Ok((row.name, share))
        })
        .collect::<Result<HashMap<_, _>, StorageError>>()?;
    Ok(Shares::new(shares))
}

/// What becomes of what projects hold. To be written once, when all is known.
#[derive(Debug, Default)]
pub(crate) struct HeldChanges<'a>(BTreeMap<&'a str, i64>);

impl<'a> HeldChanges<'a> {
    pub(crate) fn gets(&mut self, tenant: &'a str) {
        *self.0.entry(tenant).or_default() += 1;
    }

    pub(crate) fn gives_back(&mut self, tenant: &'a str) {
        *self.0.entry(tenant).or_default() -= 1;
    }

    pub(crate) async fn write(self, transaction: &mut Transaction) -> Result<(), StorageError> {
        let rows: Vec<Vec<Bind>> = self
            .0
            .iter()
            .map(|(name, change)| vec![(*name).into(), (*change).into()])
            .collect();
        transaction.change_set(&CHANGE, &rows, "projects").await
    }
}

/// Makes sure that there is a row for each of these projects.
pub(crate) async fn ensure<'a>(
    transaction: &mut Transaction,
    tenants: impl IntoIterator<Item = &'a str>,
) -> Result<(), StorageError> {
    let tenants: BTreeSet<&str> = tenants.into_iter().collect();
    let rows: Vec<Vec<Bind>> = tenants.into_iter().map(|name| vec![name.into()]).collect();
    transaction.write_set(&ENSURE, &rows).await
}
