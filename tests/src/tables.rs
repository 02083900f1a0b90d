//! The job archive's tables, looked at behind its back.

use std::{fmt, path::PathBuf};

use anyhow::{Result, bail};
use muster_testkit::{DEADLINE, PostgresServer, eventually, skip};
use serde_json::{Map, Value, json};
use sqlx::{
    Column as _, ConnectOptions as _, Connection as _, Row as _, TypeInfo as _, ValueRef as _,
    postgres::{PgConnectOptions, PgRow},
    sqlite::{SqliteConnectOptions, SqliteRow},
};

use crate::Dump;

/// The database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file in the data directory.
    Sqlite,
    /// A database of the test process's server.
    Postgres,
}

impl Engine {
    /// Both.
    pub const ALL: [Engine; 2] = [Engine::Sqlite, Engine::Postgres];

    /// Whether `test` can run on it here; if not, that is said.
    #[must_use]
    pub fn is_available(self, test: &str) -> bool {
        if self == Engine::Sqlite {
            return true;
        }
        let available = PostgresServer::available();
        if let Err(reason) = &available {
            skip(&format!("{test} on PostgreSQL"), reason);
        }
        available.is_ok()
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Engine::Sqlite => "SQLite",
            Engine::Postgres => "PostgreSQL",
        })
    }
}

/// Where the tables are. A look takes a connection of its own, so that nothing stays open.
#[derive(Debug, Clone)]
pub enum Tables {
    /// The file.
    Sqlite(PathBuf),
    /// The database.
    Postgres(String),
}

/// One row: columns by name.
pub type Record = Map<String, Value>;

/// Every table and how it is read, in the order of its key. Statements are fixed text.
const STATEMENTS: [(&str, &str); 8] = [
    ("cluster", "SELECT * FROM cluster ORDER BY name"),
    ("job", "SELECT * FROM job ORDER BY id"),
    ("tag", "SELECT * FROM tag ORDER BY id"),
    ("job_tag", "SELECT * FROM job_tag ORDER BY job, tag"),
    ("inbox", "SELECT * FROM inbox ORDER BY received_at, id"),
    ("outbox", "SELECT * FROM outbox ORDER BY created_at, id"),
    ("dead_letters", "SELECT * FROM dead_letters ORDER BY id"),
    ("archive_work", "SELECT * FROM archive_work ORDER BY id"),
];

impl Tables {
    /// The rows of one table.
    pub async fn rows(&self, table: &str) -> Result<Vec<Record>> {
        let Some((_, statement)) = STATEMENTS.iter().find(|(name, _)| *name == table) else {
            bail!("no table {table}");
        };
        Ok(self
            .read(&[statement])
            .await?
            .into_iter()
            .flatten()
            .collect())
    }

    /// The jobs, by their number in the table.
    pub async fn jobs(&self) -> Result<Vec<Record>> {
        self.rows("job").await
    }

    /// The dead letters, oldest first.
    pub async fn dead_letters(&self) -> Result<Vec<Record>> {
        self.rows("dead_letters").await
    }

    /// Everything, at one moment.
    pub async fn dump(&self) -> Result<Dump> {
        let statements: Vec<&'static str> = STATEMENTS.iter().map(|(_, text)| *text).collect();
        let rows = self.read(&statements).await?;
        let names = STATEMENTS.iter().map(|(name, _)| *name);
        Ok(Dump::new(names.zip(rows).collect()))
    }

    /// Everything, once all events are published and all files written: afterwards it changes by commands alone.
    pub async fn settled_dump(&self) -> Result<Dump> {
        eventually(DEADLINE, "every event and file", async || {
            let dump = self.dump().await.ok()?;
            (dump.is_published() && dump.rows("archive_work").is_empty()).then_some(dump)
        })
        .await
    }

    async fn read(&self, statements: &[&'static str]) -> Result<Vec<Vec<Record>>> {
        let mut tables = Vec::new();
        match self {
            Tables::Sqlite(path) => {
                let options = SqliteConnectOptions::new().filename(path).read_only(true);
                let mut connection = options.connect().await?;
                let mut transaction = connection.begin().await?;
                for statement in statements {
                    let rows = sqlx::query(*statement).fetch_all(&mut *transaction).await?;
                    tables.push(rows.iter().map(sqlite_record).collect::<Result<_>>()?);
                }
                transaction.rollback().await?;
                connection.close().await?;
            }
            Tables::Postgres(url) => {
                let options: PgConnectOptions = url.parse()?;
                let options = options.options([("search_path", "job_archive")]);
                let mut connection = options.connect().await?;
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                let mut transaction = connection.begin_with(begin).await?;
                for statement in statements {
                    let rows = sqlx::query(*statement).fetch_all(&mut *transaction).await?;
                    tables.push(rows.iter().map(postgres_record).collect::<Result<_>>()?);
                }
                transaction.rollback().await?;
                connection.close().await?;
            }
        }
        Ok(tables)
    }
}

fn sqlite_record(row: &SqliteRow) -> Result<Record> {
    let mut record = Record::new();
    for column in row.columns() {
        let index = column.ordinal();
        let raw = row.try_get_raw(index)?;
        // Of NULL the type is the column's, of anything else the value's.
        let (kind, is_null) = (raw.type_info().name().to_owned(), raw.is_null());
        let value = match kind.as_str() {
            _ if is_null => Value::Null,
            "TEXT" => json!(row.try_get::<String, _>(index)?),
            "INTEGER" => json!(row.try_get::<i64, _>(index)?),
            "REAL" => json!(row.try_get::<f64, _>(index)?),
            kind => bail!("{} is {kind}", column.name()),
        };
        record.insert(column.name().to_owned(), value);
    }
    Ok(record)
}

fn postgres_record(row: &PgRow) -> Result<Record> {
    let mut record = Record::new();
    for column in row.columns() {
        let index = column.ordinal();
        let value = match column.type_info().name() {
            _ if row.try_get_raw(index)?.is_null() => Value::Null,
            "TEXT" => json!(row.try_get::<String, _>(index)?),
            "INT8" => json!(row.try_get::<i64, _>(index)?),
            "INT4" => json!(row.try_get::<i32, _>(index)?),
            "FLOAT8" => json!(row.try_get::<f64, _>(index)?),
            "BOOL" => json!(row.try_get::<bool, _>(index)?),
            kind => bail!("{} is {kind}", column.name()),
        };
        record.insert(column.name().to_owned(), value);
    }
    Ok(record)
}
