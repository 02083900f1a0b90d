//! Statements that go to a SQLite connection together.
//!
//! A connection of sqlx has a thread of its own, and most of what a short statement costs is the way there and back.
//! Several statements in one text go that way once.

use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments as _, FromRow, SqlSafeStr as _, SqlStr};

use crate::bind::add_to_sqlite;
use crate::composed::assert_safe;
use crate::error::StorageError;
use crate::set_statement::{SetStatement, SqliteRun};

/// Statements in one text, at most. Each combination is a prepared statement of its own.
const STATEMENT_LIMIT: usize = 8;

/// Statements to be run one after the other.
///
/// Only such as have nameless places for their values: sqlx counts named places through all the values of a text.
#[derive(Debug, Default)]
pub(crate) struct SqliteBatch {
    texts: Vec<&'static str>,
    arguments: SqliteArguments,
    /// Places of the last statement that have no values: those of rows that there are not.
    empty_places: usize,
    demands: Vec<Option<Demand>>,
}

/// How many rows a statement has to change.
#[derive(Debug, Clone, Copy)]
struct Demand {
    what: &'static str,
    rows: u64,
}

/// What a statement came to.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) rows: Vec<SqliteRow>,
    pub(crate) changed: u64,
}

impl SqliteBatch {
    /// Adds a statement without values.
    pub(crate) fn push(&mut self, sql: &'static str) {
        self.texts.push(sql);
        self.demands.push(None);
    }

    /// Adds the statement over a run of rows. `what` = each row has to change one, and what these are.
    pub(crate) fn push_run(
        &mut self,
        run: SqliteRun<'_>,
        what: Option<&'static str>,
    ) -> Result<(), StorageError> {
        self.texts.push(run.text);
        self.demands.push(what.map(|what| Demand {
            what,
            rows: u64::try_from(run.rows.len()).unwrap_or(u64::MAX),
        }));
        self.add_values(run).map_err(StorageError::other)
    }

    fn add_values(&mut self, run: SqliteRun<'_>) -> Result<(), BoxDynError> {
        // The values of this statement must not come there. After the last one nothing does, and what has no value is NULL.
        for _ in 0..self.empty_places {
            self.arguments.add(Option::<i64>::None)?;
        }
        for row in run.rows {
            self.arguments.add(SetStatement::PRESENT)?;
            for bind in row {
                add_to_sqlite(&mut self.arguments, bind)?;
            }
        }
        let width = run.rows.first().map_or(0, Vec::len) + 1;
        self.empty_places = run.length.saturating_sub(run.rows.len()) * width;
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.texts.len() >= STATEMENT_LIMIT
    }

    /// Whether what a statement changes has to be looked at.
    pub(crate) fn demands(&self) -> bool {
        self.demands.iter().any(Option::is_some)
    }

    /// How many statements there are.
    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }

    /// The text, the values, and what becomes of the answers.
    pub(crate) fn into_query(self) -> (SqlStr, SqliteArguments, Demands) {
        let sql = match self.texts.as_slice() {
            [one] => one.into_sql_str(),
            several => assert_safe(several.join(";\n")),
        };
        (sql, self.arguments, Demands(self.demands))
    }
}

/// What the answers have to be like.
#[derive(Debug)]
pub(crate) struct Demands(Vec<Option<Demand>>);

impl Demands {
    pub(crate) fn check(&self, answers: &[Answer]) -> Result<(), StorageError> {
        for (demand, answer) in self.0.iter().zip(answers) {
            if let Some(Demand { what, rows }) = demand {
                all_changed(what, answer.changed, *rows)?;
            }
        }
        Ok(())
    }
}

/// A set of rows was to be changed as it was read.
pub(crate) fn all_changed(what: &str, changed: u64, expected: u64) -> Result<(), StorageError> {
    if changed == expected {
        return Ok(());
    }
    Err(StorageError::Conflict(
        format!("{what}: {changed} of {expected} rows are as they were read").into(),
    ))
}

/// The rows as records.
pub(crate) fn records<T>(rows: &[SqliteRow]) -> Result<Vec<T>, StorageError>
where
    T: for<'r> FromRow<'r, SqliteRow>,
{
    let records: Result<Vec<T>, sqlx::Error> = rows.iter().map(T::from_row).collect();
    Ok(records?)
}
