//! Whose sessions, in which statuses, and how many these are.

use muster_contract::session::{ComputeSessionFilter, ComputeSessionStatus};
use muster_storage::{Bind, ComposedSql, Snapshot, StorageError};

use super::{super::session_row::status, statement::Statement};

/// Sessions in one status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Numbered {
    pub(super) status: ComputeSessionStatus,
    /// How many there are.
    number: u64,
    /// How often they have changed.
    changes: i64,
}

/// What has to be looked through: statuses in which there are sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Scope {
    numbered: Vec<Numbered>,
}

impl Scope {
    /// Of the filter, without its ids and its condition.
    pub(super) async fn read(
        snapshot: &mut Snapshot,
        filter: &ComputeSessionFilter,
    ) -> Result<Self, StorageError> {
        let (sql, binds) = numbers_statement(filter);
        let rows: Vec<(String, i64, i64)> = snapshot.fetch_composed(sql, &binds).await?;
        let mut numbered = Vec::new();
        for (name, number, changes) in rows {
            let status = status(&name)?;
            let number = u64::try_from(number).unwrap_or_default();
            let wanted = filter.statuses.as_ref();
            if number > 0 && wanted.is_none_or(|wanted| wanted.contains(&status)) {
                numbered.push(Numbered {
                    status,
                    number,
                    changes,
                });
            }
        }
        // In one order: the same statement for the same question.
        numbered.sort_unstable_by_key(|numbered| numbered.status);
        Ok(Self { numbered })
    }

    #[cfg(test)]
    pub(in super::super) fn of(statuses: &[ComputeSessionStatus]) -> Self {
        let numbered = statuses.iter().map(|status| Numbered {
            status: *status,
            number: 1,
            changes: 1,
        });
        Self {
            numbered: numbered.collect(),
        }
    }

    /// The statuses.
    pub(super) fn statuses(&self) -> impl ExactSizeIterator<Item = ComputeSessionStatus> {
        self.numbered.iter().map(|numbered| numbered.status)
    }

    /// How many sessions there are.
    pub(super) fn total(&self) -> u64 {
        let numbers = self.numbered.iter().map(|numbered| numbered.number);
        numbers.fold(0, u64::saturating_add)
    }

    /// How often one of them has changed. As long as the number is the same, each has its place.
    pub(super) fn changes(&self) -> i64 {
        let changes = self.numbered.iter().map(|numbered| numbered.changes);
        changes.fold(0, i64::saturating_add)
    }
}

/// How many there are in each status.
pub(in super::super) fn numbers_statement(
    filter: &ComputeSessionFilter,
) -> (ComposedSql, Vec<Bind>) {
    let mut statement = Statement::begin(
        "SELECT status, CAST(SUM(number) AS BIGINT), CAST(SUM(changes) AS BIGINT) FROM compute_session_count",
    );
    let conditions = [
        (" owner = ", &filter.owner),
        (" tenant = ", &filter.tenant),
        (" domain = ", &filter.domain),
    ];
    let mut before = " WHERE";
    for (condition, value) in conditions {
        if let Some(value) = value {
            statement.push(before);
            statement.push(condition);
            statement.bind(value);
            before = " AND";
        }
    }
    statement.push(" GROUP BY status");
    statement.done()
}

/// Whose sessions. The index of the fewest is to be used, so the others are written as what no index has; all of them where it is known
/// which sessions these are.
pub(super) fn whose(statement: &mut Statement, filter: &ComputeSessionFilter) {
    let conditions = [
        ("owner = ", "owner || '' = ", &filter.owner),
        ("tenant = ", "tenant || '' = ", &filter.tenant),
        ("domain = ", "domain || '' = ", &filter.domain),
    ];
    let mut is_first = filter.ids.is_none();
    for (by_index, without, value) in conditions {
        if let Some(value) = value {
            statement.push(if is_first { by_index } else { without });
            statement.bind(value);
            statement.push(" AND ");
            is_first = false;
        }
    }
}
