//! Sessions that are over, put into the table: copies of one that was.

use std::time::Duration;

use anyhow::{Context as _, Result};
use muster_platform::{Ids as _, RandomIds};
use muster_testkit::{DEADLINE, eventually};
use sqlx::{
    ConnectOptions as _, Connection as _, postgres::PgConnectOptions, sqlite::SqliteConnectOptions,
};

use super::super::system::{Database, Muster};

/// Rows of one transaction: what else writes need not wait long.
const CHUNK: usize = 500;

/// How long one transaction waits for another on SQLite.
const PATIENCE: Duration = Duration::from_secs(30);

/// One that is over.
const ANY: &str = "SELECT id FROM compute_session WHERE terminated_at IS NOT NULL LIMIT 1";

/// $1 = the copy's id, $2 = how long before the other it ended, $3 = the other.
const SESSION: &str = "INSERT INTO compute_session (id, owner, name, tenant, domain, wish, status, status_info, \
    status_changed_at, created_at, started_at, terminated_at, result, scaling_group, queries, active_at, stop_attempts) \
    SELECT $1, owner, name, tenant, domain, wish, status, status_info, status_changed_at - $2, created_at - $2, \
    started_at - $2, terminated_at - $2, result, scaling_group, queries, active_at, stop_attempts \
    FROM compute_session WHERE id = $3";

/// $1 = the copy's id, $2 = the copy of its session, $3 = the other session.
const CONTAINER: &str = "INSERT INTO compute_container (id, session, place, agent, status, status_info, \
    status_changed_at, started_at, terminated_at, host, service_ports, exit_code, usage, order_id) \
    SELECT $1, $2, place, agent, status, status_info, status_changed_at, started_at, terminated_at, host, \
    service_ports, exit_code, usage, order_id FROM compute_container WHERE session = $3 AND place = 0";

/// What is kept of the copies in the service's own transactions.
const COUNT: &str = "INSERT INTO compute_session_count (owner, tenant, domain, status, number, changes) \
    SELECT owner, tenant, domain, status, COUNT(*), 1 FROM compute_session GROUP BY owner, tenant, domain, status \
    ON CONFLICT (owner, tenant, domain, status) DO UPDATE SET \
    number = excluded.number, changes = compute_session_count.changes + 1";

/// Writes the copies on one of the two kinds of connection.
macro_rules! copy {
    ($connection:ident, $count:ident) => {{
        let original = eventually(DEADLINE, "one that is over", async || {
            let found: Option<String> = sqlx::query_scalar(ANY)
                .fetch_optional(&mut $connection)
                .await
                .ok()?;
            found
        })
        .await?;
        let mut written = 0;
        while written < $count {
            let mut transaction = $connection.begin().await?;
            for _ in 0..CHUNK.min($count - written) {
                written += 1;
                let id = RandomIds.next().to_string();
                sqlx::query(SESSION)
                    .bind(&id)
                    .bind(i64::try_from(written)? * 1_000)
                    .bind(&original)
                    .execute(&mut *transaction)
                    .await?;
                sqlx::query(CONTAINER)
                    .bind(RandomIds.next().to_string())
                    .bind(&id)
                    .bind(&original)
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await?;
        }
        sqlx::query(COUNT).execute(&mut $connection).await?;
        $connection.close().await?;
    }};
}

/// Adds so many.
pub(super) async fn add(muster: &Muster, count: usize) -> Result<()> {
    match &muster.database {
        Database::Sqlite => {
            let options = SqliteConnectOptions::new()
                .filename(muster.data().join("session.sqlite"))
                .busy_timeout(PATIENCE);
            let mut connection = options.connect().await.context("the session's tables")?;
            copy!(connection, count);
        }
        Database::Postgres { url, .. } => {
            let options: PgConnectOptions = url.parse()?;
            let options = options.options([("search_path", "session")]);
            let mut connection = options.connect().await?;
            copy!(connection, count);
            let mut connection = options.connect().await?;
            // As the server does by itself after some time.
            sqlx::query("ANALYZE").execute(&mut connection).await?;
            connection.close().await?;
        }
    }
    Ok(())
}
