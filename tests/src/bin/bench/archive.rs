//! The archive of jobs: taken into the tables, and written for jobs that have stopped.

use std::{fs, path::Path, sync::Arc, time::Instant};

use anyhow::{Context as _, Result, ensure};
use muster_job_archive::{
    ArchiveFiles, ArchivePlace, JobToMeasure, MIGRATIONS, MeasureError, MeasureJobs,
    job_data::{JobData, JobMetric, MetricScope, MetricSeries},
    transfer::{self, ImportOptions},
    work_off,
};
use muster_platform::{Clock as _, SystemClock};
use muster_storage::{Database as Storage, Location, StorageOptions};
use muster_testkit::TemporaryDirectory;

use super::{
    jobs,
    system::{Database, Engine},
};

/// Jobs of the archive that is imported.
const IMPORTED: i64 = 30_000;

/// Jobs that are archived.
const ARCHIVED: i64 = 2_000;

/// Jobs whose files are written at once, as the service does unless set otherwise.
const AT_ONCE: usize = 8;

/// What is measured of each job that is archived: metrics, nodes, and one value a minute for an hour.
const METRICS: usize = 9;
const NODES: usize = 4;
const MINUTES: u32 = 60;

const FIRST_START: i64 = 1_600_000_000;

/// Prints how many jobs are imported in a second.
pub(crate) async fn import(engine: Engine) -> Result<()> {
    let place = TemporaryDirectory::new("bench-archive")?;
    let (storage, _database, _directory) = open(engine).await?;
    let files = made(place.path(), IMPORTED, 1)?;
    let started = Instant::now();
    imported(&storage, &files, IMPORTED).await?;
    let seconds = started.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = IMPORTED as f64 / seconds;
    println!(
        "Import of an archive on {}: {IMPORTED} jobs, {rate:.0} jobs/s\n",
        engine.name()
    );
    storage.close().await;
    Ok(())
}

/// Prints how many jobs are archived in a second.
pub(crate) async fn archiving(engine: Engine) -> Result<()> {
    let (from, to) = (
        TemporaryDirectory::new("bench-archive")?,
        TemporaryDirectory::new("bench-archiving")?,
    );
    let (storage, _database, _directory) = open(engine).await?;
    let files = made(from.path(), ARCHIVED, NODES)?;
    imported(&storage, &files, ARCHIVED).await?;
    let mut transaction = storage.begin().await?;
    let stopped = "INSERT INTO archive_work (cluster, job_id, start_time, action, generation, due_at, attempts) \
        SELECT cluster, job_id, start_time, 'archive', 1, 0, 0 FROM job";
    transaction.execute(stopped, &[]).await?;
    transaction.commit().await?;
    let to = ArchiveFiles::open(ArchivePlace::Directory(to.path().to_owned()))?;
    let started = Instant::now();
    work_off(&storage, &to, Arc::new(Hour), AT_ONCE).await?;
    let seconds = started.elapsed().as_secs_f64();
    let written = transfer::info(&to, &|| {}).await?;
    let count: u64 = written.values().map(|cluster| cluster.jobs).sum();
    ensure!(
        i64::try_from(count)? == ARCHIVED,
        "{count} jobs are archived"
    );
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = ARCHIVED as f64 / seconds;
    println!(
        "Archiving on {}: {ARCHIVED} jobs of {NODES} nodes, {METRICS} metrics and {MINUTES} minutes, {AT_ONCE} at once, {rate:.0} jobs/s\n",
        engine.name()
    );
    storage.close().await;
    Ok(())
}

/// An empty database of the job archive, and what it lives on.
async fn open(engine: Engine) -> Result<(Storage, Database, TemporaryDirectory)> {
    let database = Database::new(engine).await?;
    let directory = TemporaryDirectory::new("bench-tables")?;
    let location = match &database {
        Database::Sqlite => Location::Sqlite(directory.path().join("job-archive.sqlite")),
        Database::Postgres { url, .. } => Location::Postgres {
            url: url.clone(),
            schema: "job_archive".to_owned(),
        },
    };
    let storage = Storage::open(&StorageOptions::new(location), &MIGRATIONS).await?;
    Ok((storage, database, directory))
}

async fn imported(storage: &Storage, files: &ArchiveFiles, count: i64) -> Result<()> {
    let options = ImportOptions {
        tenant: "bench".to_owned(),
        now: SystemClock.now(),
    };
    let imported = transfer::import(storage, files, files, &options, &|| {}).await?;
    ensure!(
        i64::try_from(imported.added)? == count,
        "{imported:?} of {count} jobs"
    );
    Ok(())
}

/// An archive of jobs like those of the other benchmarks, each on so many nodes.
fn made(root: &Path, count: i64, nodes: usize) -> Result<ArchiveFiles> {
    fs::write(root.join("version.txt"), "3\n")?;
    fs::create_dir_all(root.join(jobs::CLUSTER))?;
    let description = root.join(jobs::CLUSTER).join("cluster.json");
    fs::write(description, jobs::CLUSTER_DESCRIPTION)?;
    for number in 1..=count {
        let start_time = FIRST_START + number;
        let mut job: serde_json::Value = serde_json::from_str(&jobs::start(number, start_time))?;
        let members = job.as_object_mut().context("no object")?;
        members.remove("exclusive");
        members.insert("shared".to_owned(), "none".into());
        members.insert("jobState".to_owned(), "completed".into());
        members.insert("duration".to_owned(), (MINUTES * 60).into());
        members.insert("numNodes".to_owned(), nodes.into());
        let resources: Vec<_> = (0..nodes)
            .map(|node| serde_json::json!({"hostname": format!("b{:04}", node + 1)}))
            .collect();
        members.insert("resources".to_owned(), resources.into());
        members.insert("statistics".to_owned(), serde_json::json!({}));
        let directory = root.join(format!(
            "{}/{}/{:03}/{start_time}",
            jobs::CLUSTER,
            number / 1_000,
            number % 1_000
        ));
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("meta.json"), job.to_string())?;
        fs::write(directory.join("data.json"), "{}")?;
    }
    Ok(ArchiveFiles::open(ArchivePlace::Directory(
        root.to_owned(),
    ))?)
}

/// What was measured of a job: values that do not pack too well.
struct Hour;

impl MeasureJobs for Hour {
    fn measure<'a>(
        &'a self,
        job: &'a JobToMeasure,
    ) -> futures_util::future::BoxFuture<'a, Result<JobData, MeasureError>> {
        let value = |metric: u32, minute: u32| {
            let mixed = (metric * 7_919 + minute).wrapping_mul(2_654_435_761) >> 8;
            f64::from(mixed % 100_000) / 100.0
        };
        let metrics = (0_u32..).take(METRICS).map(|metric| {
            let series = job.resources.iter().map(|resource| MetricSeries {
                hostname: resource.hostname.clone(),
                id: None,
                statistics: None,
                data: (0..MINUTES)
                    .map(|minute| Some(value(metric, minute)))
                    .collect(),
            });
            let measured = JobMetric {
                unit: None,
                timestep: 60,
                series: series.collect(),
                statistics_series: None,
            };
            let of_metric = [(MetricScope::Node, measured)].into();
            (format!("metric_{metric}"), of_metric)
        });
        let data = JobData {
            metrics: metrics.collect(),
        };
        Box::pin(async move { Ok(data) })
    }
}
