//! What Muster is compared with: an axum handler that writes the same row with the same rule, one transaction per
//! request, no messages, no idempotency, no events, no authentication.

use std::{net::Ipv4Addr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use muster_storage::{Bind, ColumnType, Database, Location, SetStatement, StorageOptions};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::{
    PgPool, SqlitePool,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::jobs;

/// Start of the first job that is there when lists are measured; each later one starts a second later.
pub(crate) const FIRST_START: i64 = 1_600_000_000;

/// Connections to PostgreSQL: enough that none waits for the network, few enough not to fight.
const POSTGRES_CONNECTIONS: u32 = 16;

/// Rows written in one transaction when the table is filled.
const FILL_BATCH: u64 = 1_000;

/// Of so many jobs one still runs.
const RUNNING_EVERY: i64 = 500;

/// Of so many jobs one has failed.
const FAILED_EVERY: i64 = 10;

const INSERT: &str = "INSERT INTO job (tenant, job_id, cluster, sub_cluster, start_time, state, user_name, project, partition, \
    array_job_id, num_nodes, num_hwthreads, num_acc, sharing, monitoring_status, smt, duration, walltime, details, meta_data) \
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20 \
    WHERE NOT EXISTS (SELECT 1 FROM job WHERE cluster = $3 AND job_id = $2 AND start_time > $5 - 86400) RETURNING id";

#[derive(Clone)]
enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// A job as it is posted.
#[expect(clippy::struct_field_names, reason = "the members are the API's")]
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Job {
    job_id: i64,
    user: String,
    project: String,
    cluster: String,
    sub_cluster: String,
    partition: String,
    array_job_id: i64,
    num_nodes: i64,
    num_hwthreads: i64,
    num_acc: i64,
    monitoring_status: i64,
    smt: i64,
    job_state: String,
    duration: i64,
    walltime: i64,
    start_time: i64,
    resources: Vec<Value>,
    meta_data: Value,
}

/// Serves until it is killed; prints its address first.
pub(crate) async fn serve(sqlite: Option<PathBuf>) -> Result<()> {
    let pool = Arc::new(open(sqlite).await?);
    let router = Router::new()
        .route("/api/jobs/start_job/", post(start_job))
        .with_state(pool);
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    axum::serve(
        axum::serve::ListenerExt::tap_io(listener, |stream| {
            // As in Muster's ingress: small answers go out at once.
            let _ = stream.set_nodelay(true);
        }),
        router,
    )
    .await?;
    Ok(())
}

async fn start_job(
    State(pool): State<Arc<Pool>>,
    body: axum::body::Bytes,
) -> (StatusCode, Json<Value>) {
    let refused = |status, text: String| (status, Json(json!({ "error": text })));
    let job: Job = match serde_json::from_slice(&body) {
        Ok(job) => job,
        Err(error) => return refused(StatusCode::BAD_REQUEST, error.to_string()),
    };
    match insert(&pool, job).await {
        Ok(Some(id)) => (StatusCode::CREATED, Json(json!({ "id": id }))),
        Ok(None) => refused(StatusCode::UNPROCESSABLE_ENTITY, "it exists".to_owned()),
        Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

macro_rules! bound {
    ($job:expr) => {
        sqlx::query_scalar(INSERT)
            .bind("bench")
            .bind($job.job_id)
            .bind($job.cluster)
            .bind($job.sub_cluster)
            .bind($job.start_time)
            .bind($job.job_state)
            .bind($job.user)
            .bind($job.project)
            .bind($job.partition)
            .bind($job.array_job_id)
            .bind($job.num_nodes)
            .bind($job.num_hwthreads)
            .bind($job.num_acc)
            .bind("none")
            .bind($job.monitoring_status)
            .bind($job.smt)
            .bind($job.duration)
            .bind($job.walltime)
            .bind(json!({ "resources": $job.resources }).to_string())
            .bind($job.meta_data.to_string())
    };
}

/// One statement is one transaction.
async fn insert(pool: &Pool, job: Job) -> Result<Option<i64>, sqlx::Error> {
    match pool {
        Pool::Sqlite(pool) => bound!(job).fetch_optional(pool).await,
        Pool::Postgres(pool) => bound!(job).fetch_optional(pool).await,
    }
}

async fn open(sqlite: Option<PathBuf>) -> Result<Pool> {
    if let Some(file) = sqlite {
        migrate(Location::Sqlite(file.clone())).await?;
        let options = SqliteConnectOptions::new()
            .filename(file)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(5));
        // As SQLite has one writer, more connections would only fight for the lock.
        let pools = SqlitePoolOptions::new().max_connections(1);
        return Ok(Pool::Sqlite(pools.connect_with(options).await?));
    }
    let url = std::env::var("DIRECT_POSTGRES_URL").context("no database is given")?;
    let schema = "public".to_owned();
    migrate(Location::Postgres {
        url: url.clone(),
        schema,
    })
    .await?;
    let pools = PgPoolOptions::new().max_connections(POSTGRES_CONNECTIONS);
    Ok(Pool::Postgres(pools.connect(&url).await?))
}

async fn migrate(location: Location) -> Result<()> {
    let options = StorageOptions::new(location);
    let database = Database::open(&options, &muster_job_archive::MIGRATIONS).await?;
    database.close().await;
    Ok(())
}

static FILL: SetStatement = SetStatement::new(
    "INSERT INTO job (tenant, job_id, cluster, sub_cluster, start_time, state, user_name, project, partition, array_job_id, \
     num_nodes, num_hwthreads, num_acc, sharing, monitoring_status, smt, duration, walltime, details, meta_data) \
     SELECT 'bench', r.job_id, r.cluster, 'main', r.start_time, r.state, r.user_name, r.project, 'standard', 0, 1, 72, 0, \
     'none', 1, 1, r.duration, 86400, r.details, r.meta_data FROM {rows}",
    &[
        ("job_id", ColumnType::Integer),
        ("cluster", ColumnType::Text),
        ("start_time", ColumnType::Integer),
        ("state", ColumnType::Text),
        ("user_name", ColumnType::Text),
        ("project", ColumnType::Text),
        ("duration", ColumnType::Integer),
        ("details", ColumnType::Text),
        ("meta_data", ColumnType::Text),
    ],
);

/// Fills the table of a fresh database.
pub(crate) async fn preload(database: &Database, count: u64) -> Result<()> {
    let bar = indicatif::ProgressBar::new(count);
    let mut next = 0;
    while next < count {
        let until = (next + FILL_BATCH).min(count);
        let rows: Vec<Vec<Bind>> = (next..until)
            .map(|number| row(number.cast_signed()))
            .collect();
        let mut transaction = database.begin().await?;
        transaction.execute_set(&FILL, &rows).await?;
        transaction.commit().await?;
        next = until;
        bar.set_position(next);
    }
    bar.finish_and_clear();
    let mut transaction = database.begin().await?;
    transaction.execute("ANALYZE", &[]).await?;
    transaction.commit().await?;
    Ok(())
}

fn row(number: i64) -> Vec<Bind> {
    let state = match number {
        _ if number % RUNNING_EVERY == 0 => "running",
        _ if number % FAILED_EVERY == 0 => "failed",
        _ => "completed",
    };
    let details = json!({ "resources": [{ "hostname": format!("b{:04}", number % 1_000 + 1), "hwthreads": [0, 1, 2, 3] }] });
    let meta_data = json!({ "jobName": format!("relaxation-{number}"), "slurmInfo": format!("JobId={number} Partition=standard") });
    vec![
        number.into(),
        jobs::CLUSTER.into(),
        (FIRST_START + number).into(),
        state.into(),
        format!("user{:03}", number % 500).into(),
        format!("project{:02}", number % 50).into(),
        (number % 86_400).into(),
        details.to_string().into(),
        meta_data.to_string().into(),
    ]
}
