//! How many sessions there are of each kind: kept, because counting a million of them for a page takes longer than the page.

use std::collections::BTreeMap;

use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};

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

/// Sessions of one kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    owner: String,
    tenant: String,
    domain: String,
    status: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Difference {
    number: i64,
    changes: i64,
}

/// By how much the numbers of sessions change. In order: transactions that write the same numbers then wait for each other, and not in
/// a circle.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    differences: BTreeMap<Kind, Difference>,
}

impl Counts {
    /// There is a new session.
    pub(crate) fn came(&mut self, session: &Session) {
        self.change(kind(session), 1);
    }

    /// A session is not what it was.
    pub(crate) fn changed(&mut self, before: &Session, now: &Session) {
        if before.status != now.status {
            self.change(kind(before), -1);
            self.change(kind(now), 1);
        } else if before.status_changed_at != now.status_changed_at {
            self.change(kind(now), 0);
        }
    }

    /// A session of this kind is forgotten.
    pub(super) fn went(&mut self, owner: String, tenant: String, domain: String, status: String) {
        let kind = Kind {
            owner,
            tenant,
            domain,
            status,
        };
        self.change(kind, -1);
    }

    fn change(&mut self, kind: Kind, number: i64) {
        let difference = self.differences.entry(kind).or_default();
        difference.number = difference.number.saturating_add(number);
        difference.changes = difference.changes.saturating_add(1);
    }

    /// Writes them.
    pub(crate) async fn write(self, transaction: &mut Transaction) -> Result<(), StorageError> {
        let rows: Vec<Vec<Bind>> = self
            .differences
            .into_iter()
            .map(|(kind, difference)| {
                vec![
                    kind.owner.into(),
                    kind.tenant.into(),
                    kind.domain.into(),
                    kind.status.into(),
                    difference.number.into(),
                    difference.changes.into(),
                ]
            })
            .collect();
        transaction.write_set(&ADD, &rows).await
    }
}

fn kind(session: &Session) -> Kind {
    let wish = &session.wish;
    Kind {
        owner: wish.owner.clone(),
        tenant: wish.tenant.clone(),
        domain: wish.domain.clone(),
        status: session.status.name().to_owned(),
    }
}
