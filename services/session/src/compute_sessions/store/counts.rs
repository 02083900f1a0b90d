//! How many sessions there are of each kind: kept, because counting a million of them for a page takes longer than the page.

use muster_storage::{ColumnType, SetStatement, Transaction};

use crate::compute_sessions::domain::session::Session;

pub(super) static ADD: SetStatement = SetStatement::new(
    "INSERT INTO compute_session_count (owner, tenant, domain, status, number, changes) \
     SELECT r.owner, r.tenant, r.domain, r.status, r.number, r.changes FROM {rows} WHERE true \
     ON CONFLICT (owner, tenant, domain, status) DO UPDATE SET \
         number = compute_session_count.number + excluded.number, \
         changes = compute_session_count.changes + excluded.changes",
    &[
        ("owner", ColumnType::Text),
        ("tenant", ColumnType::Text),
        ("domain", ColumnType::Text),
        ("status", ColumnType::Text),
        ("number", ColumnType::Integer),
        ("changes", ColumnType::Integer),
    ],
);

/// Counts a new session.
pub(crate) fn came(transaction: &mut Transaction, session: &Session) {
    change(transaction, kind(session), 1);
}

/// Counts a session that is not what it was.
pub(crate) fn changed(transaction: &mut Transaction, before: &Session, now: &Session) {
    if before.status != now.status {
        change(transaction, kind(before), -1);
        change(transaction, kind(now), 1);
    } else if before.status_changed_at != now.status_changed_at {
        change(transaction, kind(now), 0);
    }
}

/// Counts a session that is forgotten, of this owner, tenant, domain and status.
pub(super) fn went(transaction: &mut Transaction, kind: Kind) {
    change(transaction, kind, -1);
}

/// Owner, tenant, domain and status.
pub(super) type Kind = [String; 4];

fn change(transaction: &mut Transaction, kind: Kind, number: i64) {
    transaction.add_to_sums(&ADD, kind.into(), &[number, 1]);
}

fn kind(session: &Session) -> Kind {
    let wish = &session.wish;
    [
        wish.owner.clone(),
        wish.tenant.clone(),
        wish.domain.clone(),
        session.status.name().to_owned(),
    ]
}
