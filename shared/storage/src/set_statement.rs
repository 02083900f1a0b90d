//! One statement for a set of rows.

use std::fmt::Write as _;
use std::sync::OnceLock;

use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, Encode, Postgres, Type};

use crate::bind::{Bind, ColumnType};
use crate::error::StorageError;

/// Where the set of rows is read in the text of a [`SetStatement`].
const ROWS: &str = "{rows}";

/// How many rows the statements for SQLite have room for, shortest first. A set goes into the shortest that it fits into,
/// since most of a short statement's cost is the way to the connection's thread and back, and places left empty cost next to
/// nothing. Few lengths keep the prepared statements few. None has a single row: of one, SQLite makes a `SELECT`, for whose
/// row an `UPDATE` builds a table.
const RUN_LENGTHS: [usize; 6] = [2, 4, 8, 16, 32, LONGEST_RUN];

/// How many rows SQLite is given at once.
const LONGEST_RUN: usize = 64;

/// How many values SQLite is given at once: with more, the way to the connection's thread and back is no longer what counts.
const MOST_VALUES: usize = 512;

/// A statement that works on a set of rows, in one text for both engines.
///
/// `{rows}` in the text is a table called `r` with the given columns:
///
/// ```
/// use muster_storage::{ColumnType, SetStatement};
///
/// static RECORD: SetStatement = SetStatement::new(
///     "INSERT INTO inbox (id, outcome) SELECT r.id, r.outcome FROM {rows} WHERE true \
///      ON CONFLICT DO NOTHING RETURNING id",
///     &[("id", ColumnType::Text), ("outcome", ColumnType::Text)],
/// );
/// ```
///
/// PostgreSQL runs it once over arrays, SQLite over `VALUES` in runs of up to 64 rows. So that both come to the same result, no two rows of a
/// set may touch the same row of the table (except with `ON CONFLICT DO NOTHING`), and the order of returned rows is
/// not promised. `WHERE true` keeps SQLite's parser from reading `ON CONFLICT` as a join condition.
#[derive(Debug)]
pub struct SetStatement {
    text: &'static str,
    columns: &'static [(&'static str, ColumnType)],
    /// For each of [`RUN_LENGTHS`].
    sqlite: [OnceLock<String>; RUN_LENGTHS.len()],
    postgres: OnceLock<String>,
}

/// Rows that SQLite is given at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SqliteRun<'rows> {
    pub(crate) text: &'static str,
    /// How many rows the text has room for.
    pub(crate) length: usize,
    pub(crate) rows: &'rows [Vec<Bind>],
}

impl SetStatement {
    /// A statement over rows with these columns. `text` must contain `{rows}` at least once.
    #[must_use]
    pub const fn new(text: &'static str, columns: &'static [(&'static str, ColumnType)]) -> Self {
        Self {
            text,
            columns,
            sqlite: [const { OnceLock::new() }; RUN_LENGTHS.len()],
            postgres: OnceLock::new(),
        }
    }

    /// Stands before the values of each row: in places left empty there is NULL.
    pub(crate) const PRESENT: bool = true;

    /// As it was written.
    pub(crate) fn text(&self) -> &'static str {
        self.text
    }

    /// Whether the values have nameless places on SQLite, so that other statements can be in the same text.
    pub(crate) fn is_joinable(&self) -> bool {
        self.text.matches(ROWS).count() == 1
    }

    /// How many rows of this width go into one statement; always one of [`RUN_LENGTHS`].
    fn longest_run(&self) -> usize {
        let fits = |length: &usize| length * (self.columns.len() + 1) <= MOST_VALUES;
        let longest = RUN_LENGTHS.into_iter().rev().find(fits);
        longest.unwrap_or(RUN_LENGTHS[0])
    }

    /// Cuts the next run off `rows`; `None` when nothing is left.
    pub(crate) fn next_sqlite_run<'rows>(
        &'static self,
        rows: &mut &'rows [Vec<Bind>],
    ) -> Option<SqliteRun<'rows>> {
        let (run, rest) = rows.split_at(rows.len().min(self.longest_run()));
        *rows = rest;
        let mut texts = RUN_LENGTHS.into_iter().zip(&self.sqlite);
        let (length, text) = texts.find(|(length, _)| !run.is_empty() && run.len() <= *length)?;
        let text = text.get_or_init(|| self.sqlite_text(length));
        Some(SqliteRun {
            text,
            length,
            rows: run,
        })
    }

    fn sqlite_text(&self, rows: usize) -> String {
        // sqlx asks SQLite for the name of each place, and SQLite looks for it in a list: without names that is free.
        let named = !self.is_joinable();
        let mut table = String::from("(SELECT ");
        for (place, (name, _)) in (2..).zip(self.columns) {
            let comma = if place == 2 { "" } else { ", " };
            // Writing to a String cannot fail.
            let _ = write!(table, "{comma}column{place} AS {name}");
        }
        table.push_str(" FROM (VALUES ");
        let mut number = 0;
        for row in 0..rows {
            table.push_str(if row == 0 { "(" } else { ", (" });
            for place in 0..=self.columns.len() {
                number += 1;
                table.push_str(if place == 0 { "" } else { ", " });
                table.push(if named { '$' } else { '?' });
                if named {
                    let _ = write!(table, "{number}");
                }
            }
            table.push(')');
        }
        table.push_str(") WHERE column1) AS r");
        self.text.replace(ROWS, &table)
    }

    pub(crate) fn postgres_text(&'static self) -> &'static str {
        self.postgres.get_or_init(|| {
            let mut arrays = String::new();
            let mut names = String::new();
            for (number, (name, column_type)) in (1..).zip(self.columns) {
                let comma = if number == 1 { "" } else { ", " };
                // Writing to a String cannot fail.
                let _ = write!(arrays, "{comma}${number}::{}", array_type(*column_type));
                let _ = write!(names, "{comma}{name}");
            }
            self.text
                .replace(ROWS, &format!("UNNEST({arrays}) AS r({names})"))
        })
    }

    /// Refuses what PostgreSQL would refuse, on both engines.
    pub(crate) fn check(&self, rows: &[Vec<Bind>]) -> Result<(), StorageError> {
        if !self.text.contains(ROWS) {
            return Err(StorageError::other(format!(
                "no {ROWS} in a statement over a set: {}",
                self.text
            )));
        }
        let fits = |row: &Vec<Bind>| {
            row.len() == self.columns.len()
                && row
                    .iter()
                    .zip(self.columns)
                    .all(|(bind, (_, column))| bind.column_type() == *column)
        };
        match rows.iter().find(|row| !fits(row)) {
            None => Ok(()),
            Some(row) => Err(StorageError::other(format!(
                "a row of types {:?} was given to a statement over {:?}",
                row.iter().map(Bind::column_type).collect::<Vec<_>>(),
                self.columns,
            ))),
        }
    }

    /// One array for each column. The rows must have been checked.
    pub(crate) fn postgres_arguments(
        &self,
        rows: &[Vec<Bind>],
    ) -> Result<PgArguments, StorageError> {
        let mut arguments = PgArguments::default();
        for (index, (_, column_type)) in self.columns.iter().enumerate() {
            let column = rows.iter().filter_map(|row| row.get(index));
            match column_type {
                ColumnType::Text => add_array(&mut arguments, column, |bind| match bind {
                    Bind::Text(value) => value.as_deref(),
                    _ => None,
                }),
                ColumnType::Integer => add_array(&mut arguments, column, |bind| match bind {
                    Bind::Integer(value) => *value,
                    _ => None,
                }),
                ColumnType::Double => add_array(&mut arguments, column, |bind| match bind {
                    Bind::Double(value) => *value,
                    _ => None,
                }),
                ColumnType::Boolean => add_array(&mut arguments, column, |bind| match bind {
                    Bind::Boolean(value) => *value,
                    _ => None,
                }),
                ColumnType::Bytes => add_array(&mut arguments, column, |bind| match bind {
                    Bind::Bytes(value) => value.as_deref(),
                    _ => None,
                }),
            }
            .map_err(StorageError::other)?;
        }
        Ok(arguments)
    }
}

fn array_type(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::Text => "text[]",
        ColumnType::Integer => "bigint[]",
        ColumnType::Double => "double precision[]",
        ColumnType::Boolean => "boolean[]",
        ColumnType::Bytes => "bytea[]",
    }
}

fn add_array<'rows, T>(
    arguments: &mut PgArguments,
    column: impl Iterator<Item = &'rows Bind>,
    value_of: impl Fn(&'rows Bind) -> Option<T>,
) -> Result<(), BoxDynError>
where
    T: Encode<'rows, Postgres> + Type<Postgres> + sqlx::postgres::PgHasArrayType + 'rows,
{
    let values: Vec<Option<T>> = column.map(value_of).collect();
    Arguments::add(arguments, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    static STATEMENT: SetStatement = SetStatement::new(
        "INSERT INTO t (id, size, load, live) SELECT r.id, r.size, r.load, r.live FROM {rows} WHERE true",
        &[
            ("id", ColumnType::Text),
            ("size", ColumnType::Integer),
            ("load", ColumnType::Double),
            ("live", ColumnType::Boolean),
        ],
    );

    #[test]
    fn rows_become_values_or_arrays() {
        let before =
            "INSERT INTO t (id, size, load, live) SELECT r.id, r.size, r.load, r.live FROM ";
        assert_eq!(
            STATEMENT.sqlite_text(2),
            format!(
                "{before}(SELECT column2 AS id, column3 AS size, column4 AS load, column5 AS live \
                 FROM (VALUES (?, ?, ?, ?, ?), (?, ?, ?, ?, ?)) WHERE column1) AS r WHERE true"
            )
        );
        assert_eq!(
            STATEMENT.postgres_text(),
            format!(
                "{before}UNNEST($1::text[], $2::bigint[], $3::double precision[], $4::boolean[]) \
                 AS r(id, size, load, live) WHERE true"
            )
        );
    }

    #[test]
    fn places_have_numbers_where_the_rows_are_read_twice() {
        let twice = SetStatement::new("SELECT * FROM {rows}, {rows}", &[("id", ColumnType::Text)]);
        assert_eq!(
            twice.sqlite_text(2),
            "SELECT * FROM (SELECT column2 AS id FROM (VALUES ($1, $2), ($3, $4)) WHERE column1) AS r, \
             (SELECT column2 AS id FROM (VALUES ($1, $2), ($3, $4)) WHERE column1) AS r"
        );
    }

    #[test]
    fn wide_rows_come_in_shorter_runs() {
        static WIDE: SetStatement =
            SetStatement::new("SELECT * FROM {rows}", &[("id", ColumnType::Text); 26]);
        static WIDEST: SetStatement =
            SetStatement::new("SELECT * FROM {rows}", &[("id", ColumnType::Text); 600]);
        assert_eq!(STATEMENT.longest_run(), LONGEST_RUN);
        assert_eq!(WIDE.longest_run(), 16);
        assert_eq!(WIDEST.longest_run(), 2);
    }

    #[test]
    fn a_set_is_cut_into_runs() {
        let row = vec!["a".into(), 1_i64.into(), 0.5.into(), Bind::Boolean(None)];
        for (size, expected) in [
            (0, vec![]),
            (1, vec![(1, 2)]),
            (2, vec![(2, 2)]),
            (9, vec![(9, 16)]),
            (64, vec![(64, 64)]),
            (131, vec![(64, 64), (64, 64), (3, 4)]),
        ] {
            let rows = vec![row.clone(); size];
            let mut rest = rows.as_slice();
            let mut runs = Vec::new();
            while let Some(run) = STATEMENT.next_sqlite_run(&mut rest) {
                assert_eq!(run.text.matches("(?").count(), run.length);
                runs.push((run.rows.len(), run.length));
            }
            assert_eq!(runs, expected);
        }
    }

    #[test]
    fn rows_that_do_not_fit_are_refused() {
        let good = vec!["a".into(), 1_i64.into(), 0.5.into(), Bind::Boolean(None)];
        let short = vec![Bind::from("a")];
        let wrong = vec![1_i64.into(), 1_i64.into(), 0.5.into(), true.into()];
        assert!(STATEMENT.check(std::slice::from_ref(&good)).is_ok());
        assert!(STATEMENT.check(&[good.clone(), short]).is_err());
        assert!(STATEMENT.check(&[good, wrong]).is_err());
    }
}
