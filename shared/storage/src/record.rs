//! What a row is read into.

use sqlx::FromRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

/// A type that can be read from a row of either engine.
///
/// `#[derive(sqlx::FromRow)]` and tuples implement it; columns are matched by name (tuples: by position) and may be
/// `String`, `i64`, `f64`, `bool`, `Vec<u8>` and `Option`s of them.
pub trait Record:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> Record for T where
    T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}
