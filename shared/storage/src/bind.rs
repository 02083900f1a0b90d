//! Values given to statements.

use sqlx::Arguments;
use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;

use crate::error::StorageError;

/// A value for one `$n` of a statement, or NULL of that type.
///
/// The type is part of it because PostgreSQL wants to know the type of a NULL too.
#[derive(Debug, Clone, PartialEq)]
pub enum Bind {
    /// `TEXT`
    Text(Option<String>),
    /// `BIGINT`
    Integer(Option<i64>),
    /// `DOUBLE PRECISION`
    Double(Option<f64>),
    /// `BOOLEAN`
    Boolean(Option<bool>),
    /// `BLOB`
    Bytes(Option<Vec<u8>>),
}

/// The type of a column of a [`SetStatement`](crate::SetStatement).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// `TEXT`
    Text,
    /// `BIGINT`
    Integer,
    /// `DOUBLE PRECISION`
    Double,
    /// `BOOLEAN`
    Boolean,
    /// `BLOB`, which PostgreSQL calls `BYTEA`
    Bytes,
}

impl Bind {
    /// The column type this value belongs to.
    #[must_use]
    pub fn column_type(&self) -> ColumnType {
        match self {
            Self::Text(_) => ColumnType::Text,
            Self::Integer(_) => ColumnType::Integer,
            Self::Double(_) => ColumnType::Double,
            Self::Boolean(_) => ColumnType::Boolean,
            Self::Bytes(_) => ColumnType::Bytes,
        }
    }
}

macro_rules! bind_from {
    ($($type:ty => $variant:ident($value:ident => $converted:expr),)*) => {$(
        impl From<$type> for Bind {
            fn from($value: $type) -> Self {
                Self::$variant(Some($converted))
            }
        }

        impl From<Option<$type>> for Bind {
            fn from(value: Option<$type>) -> Self {
                Self::$variant(value.map(|$value| $converted))
            }
        }
    )*};
}

bind_from! {
    String => Text(value => value),
    &String => Text(value => value.clone()),
    &str => Text(value => value.to_owned()),
    i64 => Integer(value => value),
    i32 => Integer(value => i64::from(value)),
    u32 => Integer(value => i64::from(value)),
    f64 => Double(value => value),
    bool => Boolean(value => value),
    Vec<u8> => Bytes(value => value),
}

pub(crate) fn sqlite_arguments<'binds>(
    binds: impl IntoIterator<Item = &'binds Bind>,
) -> Result<SqliteArguments, StorageError> {
    let binds = binds.into_iter();
    let mut arguments = SqliteArguments::default();
    arguments.reserve(binds.size_hint().0, 0);
    for bind in binds {
        add_to_sqlite(&mut arguments, bind).map_err(StorageError::other)?;
    }
    Ok(arguments)
}

pub(crate) fn add_to_sqlite(
    arguments: &mut SqliteArguments,
    bind: &Bind,
) -> Result<(), BoxDynError> {
    match bind {
        Bind::Text(value) => Arguments::add(arguments, value.as_deref()),
        Bind::Integer(value) => Arguments::add(arguments, *value),
        Bind::Double(value) => Arguments::add(arguments, *value),
        Bind::Boolean(value) => Arguments::add(arguments, *value),
        Bind::Bytes(value) => Arguments::add(arguments, value.as_deref()),
    }
}

pub(crate) fn postgres_arguments(binds: &[Bind]) -> Result<PgArguments, StorageError> {
    let mut arguments = PgArguments::default();
    for bind in binds {
        match bind {
            Bind::Text(value) => Arguments::add(&mut arguments, value.as_deref()),
            Bind::Integer(value) => Arguments::add(&mut arguments, *value),
            Bind::Double(value) => Arguments::add(&mut arguments, *value),
            Bind::Boolean(value) => Arguments::add(&mut arguments, *value),
            Bind::Bytes(value) => Arguments::add(&mut arguments, value.as_deref()),
        }
        .map_err(StorageError::other)?;
    }
    Ok(arguments)
}
