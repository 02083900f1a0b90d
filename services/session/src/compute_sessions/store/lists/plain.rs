//! Pages that an index has in order.
//!
//! Each status has its place in the index, so a page of several is merged of as many pieces. How far the first row is from the
//! beginning of the index is what a deep page costs: it is read from the nearer end, and not at all by those who come from the page
//! before it (`bookmarks.rs`).

use muster_contract::session::{
    ComputeSessionField, ComputeSessionFilter, ComputeSessionStatus, ListComputeSessions,
};
use muster_storage::{Bind, ComposedSql, Snapshot, StorageError};
use uuid::Uuid;

use super::{
    super::session_row::id,
    bookmarks::Bookmarks,
    scope::{Scope, whose},
    statement::Statement,
};
use crate::compute_sessions::domain::session::Session;

/// What an index is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    StatusChangedAt,
    CreatedAt,
    Name,
}

/// An order that an index has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in super::super) struct PlainOrder {
    key: Key,
    ascending: bool,
}

/// The place of a session in an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    key: PlaceKey,
    id: Uuid,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PlaceKey {
    Number(i64),
    Text(String),
}

/// Where in the order a page is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Window {
    /// Only what comes after this.
    pub(super) after: Option<Place>,
    /// How many to leave out.
    pub(super) skip: u64,
    /// How many at most.
    pub(super) take: u64,
}

impl PlainOrder {
    /// The order of the question, if an index has it and there is nothing to look through.
    pub(in super::super) fn of(question: &ListComputeSessions) -> Option<Self> {
        if question.filter.ids.is_some() || question.filter.condition.is_some() {
            return None;
        }
        let (key, ascending) = match question.order.as_slice() {
            [] => (ComputeSessionField::StatusChangedAt, false),
            [order] => (order.key, order.ascending),
            _ => return None,
        };
        let key = match key {
            ComputeSessionField::StatusChangedAt => Key::StatusChangedAt,
            ComputeSessionField::CreatedAt => Key::CreatedAt,
            ComputeSessionField::Name => Key::Name,
            _ => return None,
        };
        Some(Self { key, ascending })
    }

    /// The place of the session.
    pub(super) fn place(self, session: &Session) -> Place {
        let key = match self.key {
            Key::StatusChangedAt => PlaceKey::Number(session.status_changed_at),
            Key::CreatedAt => PlaceKey::Number(session.created_at),
            Key::Name => PlaceKey::Text(session.wish.name.clone()),
        };
        Place {
            key,
            id: session.id,
        }
    }

    fn reversed(self) -> Self {
        Self {
            ascending: !self.ascending,
            ..self
        }
    }

    fn column(self) -> &'static str {
        match self.key {
            Key::StatusChangedAt => "status_changed_at",
            Key::CreatedAt => "created_at",
            Key::Name => "name",
        }
    }

    fn order_by(self, statement: &mut Statement) {
        statement.push(" ORDER BY ");
        statement.push(self.column());
        statement.push(if self.ascending {
            ", id"
        } else {
            " DESC, id DESC"
        });
    }
}

/// The ids of a page, in order.
pub(super) async fn ids(
    snapshot: &mut Snapshot,
    bookmarks: &Bookmarks,
    question: &ListComputeSessions,
    scope: &Scope,
    order: PlainOrder,
) -> Result<Vec<Uuid>, StorageError> {
    let offset = u64::from(question.offset);
    let limit = question.limit.min(ListComputeSessions::PAGE_LIMIT);
    let left = scope.total().saturating_sub(offset);
    let take = u64::from(limit).min(left);
    if take == 0 {
        return Ok(Vec::new());
    }
    let bookmark = bookmarks.find(&question.filter, order, question.offset, scope);
    let from_the_end = left - take;
    let (order, window, is_reversed) = if let Some(after) = bookmark {
        let after = Some(after);
        let skip = 0;
        (order, Window { after, skip, take }, false)
    } else {
        let is_reversed = from_the_end < offset;
        let order = if is_reversed { order.reversed() } else { order };
        let skip = offset.min(from_the_end);
        let after = None;
        (order, Window { after, skip, take }, is_reversed)
    };
    let statuses: Vec<ComputeSessionStatus> = scope.statuses().collect();
    let (sql, binds) = plain_statement(&question.filter, &statuses, order, &window);
    let rows: Vec<(String,)> = snapshot.fetch_composed(sql, &binds).await?;
    let mut ids = rows
        .iter()
        .map(|(session,)| id(session))
        .collect::<Result<Vec<Uuid>, StorageError>>()?;
    if is_reversed {
        ids.reverse();
    }
    Ok(ids)
}

/// The ids in a window. There is at least one status.
pub(in super::super) fn plain_statement(
    filter: &ComputeSessionFilter,
    statuses: &[ComputeSessionStatus],
    order: PlainOrder,
    window: &Window,
) -> (ComposedSql, Vec<Bind>) {
    let needed = window.skip.saturating_add(window.take);
    let mut statement = Statement::default();
    if let [status] = statuses {
        statement.push("SELECT id FROM compute_session WHERE ");
        piece(&mut statement, filter, *status, order, window);
        limit(&mut statement, window.take);
    } else {
        for (number, status) in statuses.iter().enumerate() {
            statement.push(if number == 0 {
                "SELECT id FROM (SELECT * FROM (SELECT id, "
            } else {
                ") AS piece UNION ALL SELECT * FROM (SELECT id, "
            });
            statement.push(order.column());
            statement.push(" FROM compute_session WHERE ");
            piece(&mut statement, filter, *status, order, window);
            limit(&mut statement, needed);
        }
        statement.push(") AS piece) AS page");
        order.order_by(&mut statement);
        limit(&mut statement, window.take);
    }
    if window.skip > 0 {
        statement.push(" OFFSET ");
        statement.bind(i64::try_from(window.skip).unwrap_or(i64::MAX));
    }
    statement.done()
}

/// The sessions in one status, in order.
fn piece(
    statement: &mut Statement,
    filter: &ComputeSessionFilter,
    status: ComputeSessionStatus,
    order: PlainOrder,
    window: &Window,
) {
    whose(statement, filter);
    statement.push("status = ");
    statement.bind(status.name());
    if let Some(after) = &window.after {
        statement.push(" AND (");
        statement.push(order.column());
        statement.push(if order.ascending {
            ", id) > ("
        } else {
            ", id) < ("
        });
        match &after.key {
            PlaceKey::Number(number) => statement.bind(*number),
            PlaceKey::Text(text) => statement.bind(text),
        }
        statement.push(", ");
        statement.bind(after.id.to_string());
        statement.push(")");
    }
    order.order_by(statement);
}

fn limit(statement: &mut Statement, number: u64) {
    statement.push(" LIMIT ");
    statement.bind(i64::try_from(number).unwrap_or(i64::MAX));
}

impl Window {
    #[cfg(test)]
    pub(in super::super) fn at(skip: u64, take: u64, after: Option<&str>) -> Self {
        let after = after.map(|text| Place {
            key: text.parse().map_or_else(
                |_| PlaceKey::Text(text.to_owned()),
                |number: i64| PlaceKey::Number(number),
            ),
            id: Uuid::nil(),
        });
        Self { after, skip, take }
    }
}
