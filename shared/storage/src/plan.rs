//! How an engine would run a statement.

use sqlx::{FromRow, Row};

use crate::bind::{Bind, postgres_arguments};
use crate::composed::assert_safe;
use crate::database::{Database, Inner};
use crate::error::StorageError;
use crate::set_statement::SetStatement;

impl Database {
    /// The engine's plan for a statement, a line for each step, without running it.
    ///
    /// PostgreSQL avoids reading whole tables on our connections, small ones too: a plan that still does (`Seq Scan`
    /// there, `SCAN` of a table on SQLite) means that no index serves the statement. For tests and operators.
    pub async fn plan(
        &self,
        sql: &'static str,
        binds: &[Bind],
    ) -> Result<Vec<String>, StorageError> {
        match self.inner() {
            Inner::Sqlite(file) => {
                let explain = assert_safe(format!("EXPLAIN QUERY PLAN {sql}"));
                let steps: Vec<Step> = file
                    .readers
                    .lease()
                    .await?
                    .fetch_all(explain, binds)
                    .await?;
                Ok(steps.into_iter().map(|step| step.detail).collect())
            }
            Inner::Postgres(schema) => {
                explain(&schema.readers, sql, postgres_arguments(binds)?).await
            }
        }
    }

    /// The same for a statement over a set of rows, as it would be run in a transaction.
    pub async fn plan_set(
        &self,
        statement: &'static SetStatement,
        rows: &[Vec<Bind>],
    ) -> Result<Vec<String>, StorageError> {
        statement.check(rows)?;
        match self.inner() {
            Inner::Sqlite(file) => {
                let mut lines = Vec::new();
                let mut rest = rows;
                while let Some(run) = statement.next_sqlite_run(&mut rest) {
                    let explain = assert_safe(format!("EXPLAIN QUERY PLAN {}", run.text));
                    let steps: Vec<Step> =
                        file.readers.lease().await?.fetch_all(explain, &[]).await?;
                    lines.extend(steps.into_iter().map(|step| step.detail));
                }
                Ok(lines)
            }
            Inner::Postgres(schema) => {
                explain(
                    &schema.writers,
                    statement.postgres_text(),
                    statement.postgres_arguments(rows)?,
                )
                .await
            }
        }
    }
}

#[derive(FromRow)]
struct Step {
    detail: String,
}

async fn explain(
    pool: &sqlx::PgPool,
    sql: &'static str,
    arguments: sqlx::postgres::PgArguments,
) -> Result<Vec<String>, StorageError> {
    let rows = sqlx::query_with(assert_safe(format!("EXPLAIN {sql}")), arguments)
        .fetch_all(pool)
        .await?;
    rows.iter()
        .map(|row| row.try_get(0).map_err(StorageError::from))
        .collect()
}
