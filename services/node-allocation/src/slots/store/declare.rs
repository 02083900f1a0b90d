//! What the site file says of scaling groups and quotas, made so.

use muster_platform::site::{ComputeQuota, ScalingGroup};
use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};

use super::{groups::scheduler_name, to_json};
use crate::slots::domain::ledger::Scope;

static GROUP: SetStatement = SetStatement::new(
    "INSERT INTO scaling_group (name, place, scheduler, projects) \
     SELECT r.name, r.place, r.scheduler, r.projects FROM {rows} WHERE true",
    &[
        ("name", ColumnType::Text),
        ("place", ColumnType::Integer),
        ("scheduler", ColumnType::Text),
        ("projects", ColumnType::Text),
    ],
);

static QUOTA: SetStatement = SetStatement::new(
    "INSERT INTO slot_quota (scope, name, sessions, slots) SELECT r.scope, r.name, r.sessions, r.slots FROM {rows} WHERE true",
    &[
        ("scope", ColumnType::Text),
        ("name", ColumnType::Text),
        ("sessions", ColumnType::Integer),
        ("slots", ColumnType::Text),
    ],
);

/// Makes the groups there are these.
pub(crate) async fn declare_groups(
    transaction: &mut Transaction,
    groups: &[ScalingGroup],
) -> Result<(), StorageError> {
    transaction
        .execute("DELETE FROM scaling_group", &[])
        .await?;
    let rows = (0_i64..)
        .zip(groups)
        .map(|(place, group)| {
            let projects = group.projects.as_ref().map(to_json);
            Ok(vec![
                (&group.name).into(),
                place.into(),
                scheduler_name(group.scheduler).into(),
                projects.transpose()?.into(),
            ])
        })
        .collect::<Result<Vec<Vec<Bind>>, StorageError>>()?;
    transaction.write_set(&GROUP, &rows).await
}

/// Makes the quotas there are these, each of somebody else.
pub(crate) async fn declare_quotas(
    transaction: &mut Transaction,
    quotas: &[(Scope, String, ComputeQuota)],
) -> Result<(), StorageError> {
    transaction.execute("DELETE FROM slot_quota", &[]).await?;
    let rows = quotas
        .iter()
        .map(|(scope, name, quota)| {
            Ok(vec![
                scope.name().into(),
                name.into(),
                quota.sessions.into(),
                to_json(quota.slots.limited())?.into(),
            ])
        })
        .collect::<Result<Vec<Vec<Bind>>, StorageError>>()?;
    transaction.write_set(&QUOTA, &rows).await
}
