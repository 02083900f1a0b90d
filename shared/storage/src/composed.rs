//! Statements put together from fixed pieces.

use std::fmt;

use sqlx::{SqlSafeStr, SqlStr};

/// A statement whose text is chosen at run time from pieces that are in the program: a list with optional filters.
///
/// Only `&'static str` can be pushed, so nothing a client sent can get into the text; values go in as `$n`. Each
/// different text is prepared once per connection.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ComposedSql {
    text: String,
}

impl ComposedSql {
    /// An empty statement.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a piece as it is: bring your own spaces.
    #[must_use]
    pub fn push(mut self, piece: &'static str) -> Self {
        self.text.push_str(piece);
        self
    }

    /// Appends `$number`, the place of the `number`-th bind (counted from 1).
    #[must_use]
    pub fn push_place(mut self, number: usize) -> Self {
        self.text.push('$');
        self.text.push_str(&number.to_string());
        self
    }

    /// The text so far.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn into_statement(self) -> SqlStr {
        assert_safe(self.text)
    }
}

impl fmt::Debug for ComposedSql {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// The one place where a text that is not `'static` becomes a statement: it must be made of pieces that are.
#[expect(clippy::disallowed_methods, reason = "callers join static pieces only")]
pub(crate) fn assert_safe(text: String) -> SqlStr {
    sqlx::AssertSqlSafe(text).into_sql_str()
}
