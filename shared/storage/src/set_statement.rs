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
/// PostgreSQL runs it once over arrays, SQLite a row at a time. So that both come to the same result, no two rows of a
/// set may touch the same row of the table (except with `ON CONFLICT DO NOTHING`), and the order of returned rows is
/// not promised. `WHERE true` keeps SQLite's parser from reading `ON CONFLICT` as a join condition.
#[derive(Debug)]
pub struct SetStatement {
    text: &'static str,
    columns: &'static [(&'static str, ColumnType)],
    sqlite: OnceLock<String>,
    postgres: OnceLock<String>,
}

impl SetStatement {
    /// A statement over rows with these columns. `text` must contain `{rows}` at least once.
    #[must_use]
    pub const fn new(text: &'static str, columns: &'static [(&'static str, ColumnType)]) -> Self {
        Self {
            text,
            columns,
            sqlite: OnceLock::new(),
            postgres: OnceLock::new(),
        }
    }

    pub(crate) fn sqlite_text(&'static self) -> &'static str {
        self.sqlite.get_or_init(|| {
            let mut rows = String::from("(SELECT ");
            for (number, (name, _)) in (1..).zip(self.columns) {
                let comma = if number == 1 { "" } else { ", " };
                // Writing to a String cannot fail.
                let _ = write!(rows, "{comma}${number} AS {name}");
            }
            rows.push_str(") AS r");
            self.text.replace(ROWS, &rows)
        })
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

    /// Refuses rows that PostgreSQL would refuse, on both engines.
    pub(crate) fn check(&self, rows: &[Vec<Bind>]) -> Result<(), StorageError> {
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
            STATEMENT.sqlite_text(),
            format!(
                "{before}(SELECT $1 AS id, $2 AS size, $3 AS load, $4 AS live) AS r WHERE true"
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
    fn rows_that_do_not_fit_are_refused() {
        let good = vec!["a".into(), 1_i64.into(), 0.5.into(), Bind::Boolean(None)];
        let short = vec![Bind::from("a")];
        let wrong = vec![1_i64.into(), 1_i64.into(), 0.5.into(), true.into()];
        assert!(STATEMENT.check(std::slice::from_ref(&good)).is_ok());
        assert!(STATEMENT.check(&[good.clone(), short]).is_err());
        assert!(STATEMENT.check(&[good, wrong]).is_err());
    }
}
