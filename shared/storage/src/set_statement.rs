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

/// How many rows SQLite is given at once, longest first: a run of 16 costs a third of 16 single rows, because most of a
/// short statement's cost is the way to the connection's thread and back; longer runs save no more. Few lengths keep
/// the prepared statements few.
const RUN_LENGTHS: [usize; 5] = [16, 8, 4, 2, 1];

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
/// PostgreSQL runs it once over arrays, SQLite in runs of up to 16 rows. So that both come to the same result, no two rows of a
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

    /// Cuts the next run off `rows`, with the text for a run of its length; `None` when nothing is left.
    pub(crate) fn next_sqlite_run<'rows>(
        &'static self,
        rows: &mut &'rows [Vec<Bind>],
    ) -> Option<(&'static str, &'rows [Vec<Bind>])> {
        for (length, text) in RUN_LENGTHS.into_iter().zip(&self.sqlite) {
            if let Some((run, rest)) = rows.split_at_checked(length) {
                *rows = rest;
                return Some((text.get_or_init(|| self.sqlite_text(length)), run));
            }
        }
        None
    }

    fn sqlite_text(&self, rows: usize) -> String {
        // sqlx asks SQLite for the name of each place, and SQLite looks for it in a list: without names that is free.
        let named = self.text.matches(ROWS).count() > 1;
        let mut table = String::from("(SELECT ");
        let mut number = 0;
        for row in 0..rows {
            table.push_str(if row == 0 { "" } else { " UNION ALL SELECT " });
            for (index, (name, _)) in self.columns.iter().enumerate() {
                number += 1;
                table.push_str(if index == 0 { "" } else { ", " });
                table.push(if named { '$' } else { '?' });
                if named {
                    table.push_str(&number.to_string());
                }
                if row == 0 {
                    table.push_str(" AS ");
                    table.push_str(name);
                }
            }
        }
        table.push_str(") AS r");
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
    fn rows_become_a_select_or_arrays() {
        let before =
            "INSERT INTO t (id, size, load, live) SELECT r.id, r.size, r.load, r.live FROM ";
        assert_eq!(
            STATEMENT.sqlite_text(1),
            format!("{before}(SELECT ? AS id, ? AS size, ? AS load, ? AS live) AS r WHERE true")
        );
        assert_eq!(
            STATEMENT.sqlite_text(2),
            format!(
                "{before}(SELECT ? AS id, ? AS size, ? AS load, ? AS live UNION ALL SELECT ?, ?, ?, ?) AS r WHERE true"
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
            "SELECT * FROM (SELECT $1 AS id UNION ALL SELECT $2) AS r, (SELECT $1 AS id UNION ALL SELECT $2) AS r"
        );
    }

    #[test]
    fn a_set_is_cut_into_runs() {
        let row = vec!["a".into(), 1_i64.into(), 0.5.into(), Bind::Boolean(None)];
        let rows = vec![row; 39];
        let mut rest = rows.as_slice();
        let mut runs = Vec::new();
        while let Some((text, run)) = STATEMENT.next_sqlite_run(&mut rest) {
            assert_eq!(text.matches('?').count(), run.len() * 4);
            runs.push(run.len());
        }
        assert_eq!(runs, [16, 16, 4, 2, 1]);
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
