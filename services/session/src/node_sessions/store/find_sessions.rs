//! Which session a reference means.

use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;

use crate::node_sessions::domain::{alias, reference::Sought};

#[derive(Debug, FromRow)]
struct FoundRow {
    place: i64,
    id: Option<String>,
}

pub(super) static FIND: SetStatement = SetStatement::new(
    "SELECT r.place, COALESCE( \
         (SELECT node_session.id FROM node_session WHERE node_session.id = r.id), \
         (SELECT node_session.id FROM node_session WHERE node_session.number = r.number), \
         (SELECT node_session.id FROM node_session WHERE node_session.tenant = r.tenant \
             AND node_session.alias = r.alias AND node_session.ended_at IS NULL)) AS id \
     FROM {rows}",
    &[
        ("place", ColumnType::Integer),
        ("id", ColumnType::Text),
        ("number", ColumnType::Integer),
        ("tenant", ColumnType::Text),
        ("alias", ColumnType::Text),
    ],
);

/// The ids of the sessions that are meant, in order; `None` where there is none. The text is the tenant whose aliases
/// count.
pub(crate) async fn find_sessions(
    transaction: &mut Transaction,
    sought: &[(&str, Sought<'_>)],
) -> Result<Vec<Option<String>>, StorageError> {
    let rows: Vec<Vec<Bind>> = (0..)
        .zip(sought)
        .filter_map(|(place, (tenant, sought))| row(place, tenant, sought))
        .collect();
    let found: Vec<FoundRow> = transaction.fetch_set(&FIND, &rows).await?;
    let mut ids = vec![None; sought.len()];
    for row in found {
        let place = usize::try_from(row.place).ok();
        if let Some(id) = place.and_then(|place| ids.get_mut(place)) {
            *id = row.id;
        }
    }
    Ok(ids)
}

/// `None` where no row can be meant: not every text can be in a table.
fn row(place: i64, tenant: &str, sought: &Sought<'_>) -> Option<Vec<Bind>> {
    let (id, number, alias) = match sought {
        Sought::Id(id) => (Some(id.as_str()), None, None),
        Sought::Number(number) => (None, Some(*number), None),
        Sought::Alias(alias) if alias::is_valid(alias) => (None, None, Some(*alias)),
        Sought::Alias(_) => return None,
    };
    let text = |value: Option<&str>| Bind::Text(value.map(str::to_owned));
    Some(vec![
        place.into(),
        text(id),
        number.into(),
        tenant.into(),
        text(alias),
    ])
}
