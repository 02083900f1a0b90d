//! All tables at one moment, and what changed between two.

use serde_json::Value;

use crate::tables::Record;

/// All tables at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Dump {
    tables: Vec<(&'static str, Vec<Record>)>,
}

/// Outcomes of commands are kept here, refusals too: a refused command leaves a row and changes
/// nothing else.
const INBOX: &str = "inbox";

impl Dump {
    pub(crate) fn new(tables: Vec<(&'static str, Vec<Record>)>) -> Self {
        Self { tables }
    }

    /// The rows of one table.
    #[must_use]
    pub fn rows(&self, table: &str) -> &[Record] {
        let found = self.tables.iter().find(|(name, _)| *name == table);
        found.map_or(&[], |(_, rows)| rows)
    }

    /// Whether nothing waits to be published.
    #[must_use]
    pub fn is_published(&self) -> bool {
        self.rows("outbox")
            .iter()
            .all(|row| row.get("published_at").is_some_and(|at| !at.is_null()))
    }

    /// The tables that differ, each with the first row that does. With `refusals`, rows added to the
    /// inbox do not count.
    #[must_use]
    pub fn changes(&self, later: &Dump, refusals: bool) -> Vec<String> {
        let mut changes = Vec::new();
        for (table, before) in &self.tables {
            let after = later.rows(table);
            if before == after || (refusals && *table == INBOX && contains(after, before)) {
                continue;
            }
            let place = (0..before.len().max(after.len()))
                .find(|index| before.get(*index) != after.get(*index))
                .unwrap_or_default();
            changes.push(format!(
                "{table}: {} rows, then {}; row {place} was {:?}, then {:?}",
                before.len(),
                after.len(),
                before.get(place),
                after.get(place)
            ));
        }
        changes
    }

    /// Numbers of a column, in the table's order.
    #[must_use]
    pub fn integers(&self, table: &str, column: &str) -> Vec<i64> {
        let rows = self.rows(table).iter();
        rows.filter_map(|row| row.get(column).and_then(Value::as_i64))
            .collect()
    }
}

fn contains(after: &[Record], before: &[Record]) -> bool {
    before.iter().all(|row| after.contains(row))
}
