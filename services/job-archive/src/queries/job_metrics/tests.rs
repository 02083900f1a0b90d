use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::future::BoxFuture;
use muster_contract::job_archive::{JobMetric, MetricScope, MetricSeries};
use muster_platform::ManualClock;
use muster_testkit::TemporaryDirectory;

use super::*;
use crate::{
    archive::{measure::MeasureError, place::ArchivePlace},
    commands::{start_job::start_jobs, stop_job::stop_jobs},
    domain::data_file,
    testing::{DATABASES, NOON, clusters, principal, start, stop, token},
};

const NOW: Timestamp = Timestamp::from_seconds(NOON + 600);

/// How long a job ran, in seconds, as what was measured of it; nothing of those that ran for less than a minute, and of those
/// of an hour an error.
#[derive(Default)]
struct Lengths {
    asked: AtomicI64,
}

impl MeasureJobs for Lengths {
    fn measure<'a>(
        &'a self,
        job: &'a JobToMeasure,
    ) -> BoxFuture<'a, Result<JobData, MeasureError>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let length = job.stop_time - job.start_time;
        Box::pin(async move {
            match length {
                ..60 => Ok(JobData::default()),
                3_600 => Err(MeasureError {
                    reason: "away".to_owned(),
                }),
                _ => Ok(data(length)),
            }
        })
    }
}

fn data(value: i64) -> JobData {
    let value = f64::from(i32::try_from(value).unwrap());
    let metric = |values: &[f64]| JobMetric {
        unit: None,
        timestep: 60,
        series: vec![MetricSeries {
            hostname: "a01".to_owned(),
            id: None,
            statistics: None,
            data: values.iter().copied().map(Some).collect(),
        }],
        statistics_series: None,
    };
    let load = [
        (MetricScope::Node, metric(&[value])),
        (MetricScope::Core, metric(&[value, value])),
    ];
    let memory = [(MetricScope::Node, metric(&[1.0]))];
    JobData {
        metrics: [
            ("cpu_load".to_owned(), load.into()),
            ("mem_used".to_owned(), memory.into()),
        ]
        .into(),
    }
}

struct World {
    _database: muster_testkit::TestDatabase,
    place: TemporaryDirectory,
    store: Arc<Lengths>,
    handler: JobMetricsHandler,
}

impl World {
    async fn new() -> Self {
        let database = DATABASES.sqlite().await.unwrap();
        let place = TemporaryDirectory::new("archive").unwrap();
        let archive = ArchiveFiles::open(ArchivePlace::Directory(place.path().to_owned()));
        let store = Arc::new(Lengths::default());
        let handler = JobMetricsHandler::new(
            database.database.clone(),
            Arc::new(ManualClock::new(NOW)),
            store.clone(),
            archive.unwrap(),
        );
        Self {
            _database: database,
            place,
            store,
            handler,
        }
    }

    /// A job that has run for so long, or runs; its number in the table.
    async fn job(&self, job_id: i64, length: Option<i64>) -> i64 {
        let caller = token();
        let mut transaction = self.handler.database.begin().await.unwrap();
        let start = start(job_id, NOON);
        let started = start_jobs(&mut transaction, &clusters(), &[(&caller, &start)]).await;
        let id = started.unwrap()[0].as_ref().unwrap().id;
        if let Some(length) = length {
            let stop = stop(job_id, NOON + length);
            let stopped = stop_jobs(&mut transaction, &[(&caller, &stop)]).await;
            assert!(stopped.unwrap()[0].is_ok());
        }
        transaction.commit().await.unwrap();
        id
    }

    async fn ask(
        &self,
        id: i64,
        metrics: &[&str],
        scopes: &[MetricScope],
    ) -> Result<JobData, JobMetricsRefusal> {
        self.ask_as(&token(), id, metrics, scopes).await
    }

    async fn ask_as(
        &self,
        caller: &Principal,
        id: i64,
        metrics: &[&str],
        scopes: &[MetricScope],
    ) -> Result<JobData, JobMetricsRefusal> {
        let question = JobMetrics {
            id,
            metrics: metrics.iter().map(|&name| name.to_owned()).collect(),
            scopes: scopes.to_vec(),
        };
        let answer = self.handler.measured(NOW, caller, question).await;
        answer.unwrap()
    }
}

/// Each metric with its scopes.
fn shape(data: &JobData) -> Vec<(&str, Vec<MetricScope>)> {
    let metrics = data.metrics.iter();
    metrics
        .map(|(name, of)| (name.as_str(), of.keys().copied().collect()))
        .collect()
}

#[tokio::test]
async fn of_a_job_that_runs_there_is_what_was_measured_until_now() {
    let world = World::new().await;
    let id = world.job(1, None).await;
    assert_eq!(world.ask(id, &[], &[]).await, Ok(data(600)));
    // Only what is asked for; what was not measured is left out.
    let some = world.ask(id, &["cpu_load", "flops_any"], &[]).await;
    let both = vec![MetricScope::Node, MetricScope::Core];
    assert_eq!(shape(&some.unwrap()), [("cpu_load", both)]);
    let nodes = world.ask(id, &[], &[MetricScope::Node]).await;
    let node = || vec![MetricScope::Node];
    assert_eq!(
        shape(&nodes.unwrap()),
        [("cpu_load", node()), ("mem_used", node())]
    );
}

#[tokio::test]
async fn of_one_that_has_stopped_there_is_its_file() {
    let world = World::new().await;
    let id = world.job(1, Some(120)).await;
    // Until the file is there, what it will be made of.
    assert_eq!(world.ask(id, &[], &[]).await, Ok(data(120)));
    let directory = world.place.join(format!("alpha/0/001/{NOON}"));
    std::fs::create_dir_all(&directory).unwrap();
    let file = data_file::write(&data(7)).unwrap();
    let name = if file.compressed {
        "data.json.gz"
    } else {
        "data.json"
    };
    std::fs::write(directory.join(name), file.bytes).unwrap();
    let asked = world.store.asked.load(Ordering::Relaxed);
    let kept = world.ask(id, &["mem_used"], &[]).await.unwrap();
    assert_eq!(shape(&kept), [("mem_used", vec![MetricScope::Node])]);
    let kept = world.ask(id, &[], &[]).await.unwrap();
    assert_eq!(shape(&kept), shape(&data(7)));
    assert_eq!(
        kept.metrics["cpu_load"][&MetricScope::Node].series[0].data,
        [Some(7.0)]
    );
    assert_eq!(world.store.asked.load(Ordering::Relaxed), asked);
    std::fs::write(directory.join(name), "torn").unwrap();
    let torn = world.ask(id, &[], &[]).await;
    assert!(
        matches!(torn, Err(JobMetricsRefusal::Unreadable { .. })),
        "{torn:?}"
    );
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let world = World::new().await;
    let short = world.job(1, Some(1)).await;
    assert_eq!(
        world.ask(short, &[], &[]).await,
        Err(JobMetricsRefusal::NotArchived)
    );
    let unlucky = world.job(2, Some(3_600)).await;
    let refused = world.ask(unlucky, &[], &[]).await;
    assert!(
        matches!(&refused, Err(JobMetricsRefusal::Unreadable { reason }) if reason.contains("away")),
        "{refused:?}"
    );
    let running = world.job(3, None).await;
    let stranger = principal("token", "other", &token().roles);
    for refused in [
        world.ask_as(&stranger, running, &[], &[]).await,
        world.ask(running + 1, &[], &[]).await,
    ] {
        assert_eq!(refused, Err(JobMetricsRefusal::NotFound));
    }
}
