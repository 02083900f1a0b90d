//! A statement that is put together.

use muster_storage::{Bind, ComposedSql};

/// A statement and its values.
#[derive(Debug, Default)]
pub(super) struct Statement {
    sql: ComposedSql,
    binds: Vec<Bind>,
}

impl Statement {
    pub(super) fn begin(piece: &'static str) -> Self {
        let mut statement = Self::default();
        statement.push(piece);
        statement
    }

    /// Adds a piece as it is.
    pub(super) fn push(&mut self, piece: &'static str) {
        self.sql = std::mem::take(&mut self.sql).push(piece);
    }

    /// Adds a value.
    pub(super) fn bind(&mut self, value: impl Into<Bind>) {
        self.binds.push(value.into());
        self.sql = std::mem::take(&mut self.sql).push_place(self.binds.len());
    }

    /// Adds values with commas between.
    pub(super) fn bind_all(&mut self, values: impl IntoIterator<Item = impl Into<Bind>>) {
        for (place, value) in values.into_iter().enumerate() {
            if place > 0 {
                self.push(", ");
            }
            self.bind(value);
        }
    }

    pub(super) fn done(self) -> (ComposedSql, Vec<Bind>) {
        (self.sql, self.binds)
    }
}
