use std::path::{Path, PathBuf};

use futures_util::future::BoxFuture;
use muster_contract::{
    Principal,
    job_archive::{NewTag, StartJob, Unit},
};
use muster_platform::{Health, Shutdown, SystemClock};
use muster_testkit::{DEADLINE, TemporaryDirectory, eventually};
use serde_json::Value;

use super::*;
use crate::{
    archive::{measure::NoMetrics, place::ArchivePlace},
    commands::{start_job::start_jobs, stop_job::stop_jobs},
    domain::{
        archive_layout::JobKey,
        job_data::{JobMetric, MetricScope, MetricSeries},
    },
    store::{
        archive_work::{backlog, request_archive_work},
        archived_jobs::NOT_ARCHIVED,
        attach_tags::attach_tags,
    },
    testing::{DATABASES, NOON, clusters, genuine, on_both_engines, start, stop, token},
};

mod places;
mod s3_server;

const HOUR: i64 = 3_600;

/// A load that rises by one each minute, of each node.
struct RisingLoad;

impl MeasureJobs for RisingLoad {
    fn measure<'a>(
        &'a self,
        job: &'a JobToMeasure,
    ) -> BoxFuture<'a, Result<JobData, MeasureError>> {
        let minutes = u32::try_from((job.stop_time - job.start_time) / 60).unwrap();
        let series = job.resources.iter().map(|resource| MetricSeries {
            hostname: resource.hostname.clone(),
            id: None,
            statistics: None,
            data: (0..minutes)
                .map(|minute| (minute != 3).then_some(f64::from(minute) + 0.001))
                .collect(),
        });
        let load = JobMetric {
            unit: Some(Unit::Word("load".to_owned())),
            timestep: 60,
            series: series.collect(),
            statistics_series: None,
        };
        let of_metric = [(MetricScope::Node, load)].into();
        let data = JobData {
            metrics: [("cpu_load".to_owned(), of_metric)].into(),
        };
        Box::pin(async move { Ok(data) })
    }
}

fn key(job_id: i64) -> JobKey {
    JobKey {
        cluster: "alpha".to_owned(),
        job_id,
        start_time: NOON,
    }
}

/// An archiver at work, until it is dropped.
struct Working {
    tasks: Shutdown,
    bell: ArchiverBell,
    health: Health,
}

impl Working {
    fn start(database: &Database, files: &ArchiveFiles, metrics: Arc<dyn MeasureJobs>) -> Self {
        let (tasks, bell, health) = (Shutdown::new(), ArchiverBell::default(), Health::new());
        let alpha = r#"{"name": "alpha", "metricConfig": [{"name": "cpu_load", "footprint": "avg"}], "subClusters": []}"#;
        let archiver = Archiver {
            database: database.clone(),
            files: files.clone(),
            metrics,
            clock: Arc::new(SystemClock),
            clusters: vec![("alpha".to_owned(), alpha.to_owned())],
            at_once: 4,
            bell: bell.clone(),
            health: health.register("files"),
            stop: tasks.token(),
        };
        tasks.spawn("archiver", archiver.run());
        Self {
            tasks,
            bell,
            health,
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.tasks.trigger();
    }
}

async fn begin(database: &Database, jobs: &[StartJob]) {
    let token = token();
    let jobs: Vec<(&Principal, &StartJob)> = jobs.iter().map(|job| (&token, job)).collect();
    let mut transaction = database.begin().await.unwrap();
    let started = start_jobs(&mut transaction, &clusters(), &jobs)
        .await
        .unwrap();
    assert!(started.iter().all(Result::is_ok));
    transaction.commit().await.unwrap();
}

async fn end(database: &Database, working: &Working, job_ids: &[i64]) {
    let token = token();
    let stops: Vec<_> = job_ids.iter().map(|id| stop(*id, NOON + HOUR)).collect();
    let stops: Vec<_> = stops.iter().map(|stop| (&token, stop)).collect();
    let mut transaction = database.begin().await.unwrap();
    let stopped = stop_jobs(&mut transaction, &stops).await.unwrap();
    assert!(stopped.iter().all(Result::is_ok));
    working.bell.ring();
    transaction.commit().await.unwrap();
}

async fn request(database: &Database, working: &Working, job_id: i64, action: ArchiveAction) {
    let mut transaction = database.begin().await.unwrap();
    request_archive_work(&mut transaction, [(key(job_id), action)])
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    working.bell.ring();
}

async fn all_done(database: &Database) {
    let done = async || (backlog(database).await.unwrap() == 0).then_some(());
    eventually(DEADLINE, "the archiver", done).await.unwrap();
}

async fn job(database: &Database, job_id: i64) -> Job {
    let key = key(job_id);
    load_jobs(database, [&key])
        .await
        .unwrap()
        .remove(&key)
        .unwrap()
}

async fn meta(files: &ArchiveFiles, job_id: i64) -> Option<Value> {
    let bytes = files.read_meta(&key(job_id)).await.unwrap()?;
    Some(serde_json::from_slice(&bytes).unwrap())
}

fn directory(place: &Path) -> ArchiveFiles {
    ArchiveFiles::open(ArchivePlace::Directory(place.to_owned())).unwrap()
}

/// Every file under a directory, by its path there.
fn paths(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let path = path.strip_prefix(root).unwrap();
                found.push(path.to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// From a job's stop to its deletion, which leaves its files alone, in any place.
async fn life(database: &Database, files: &ArchiveFiles) {
    let working = Working::start(database, files, Arc::new(RisingLoad));
    let unmonitored = StartJob {
        monitoring_status: 0,
        ..start(8, NOON)
    };
    begin(database, &[start(7, NOON), unmonitored, start(9, NOON)]).await;
    end(database, &working, &[7, 8, 9]).await;
    all_done(database).await;

    for (job_id, status) in [(7, ARCHIVED), (8, 0), (9, ARCHIVED)] {
        assert_eq!(job(database, job_id).await.monitoring_status, status);
    }
    assert_eq!(meta(files, 8).await, None);
    let written = meta(files, 7).await.unwrap();
    assert_eq!(written["jobState"], "completed");
    assert_eq!(written["duration"], HOUR);
    assert_eq!(written["shared"], "none");
    assert_eq!(written["monitoringStatus"], ARCHIVED);
    assert_eq!(written["tenant"], "demo");
    let load = &written["statistics"]["cpu_load"];
    assert_eq!((&load["min"], &load["max"]), (&0.0.into(), &59.0.into()));
    assert_eq!(written["footprint"]["cpu_load_avg"], load["avg"]);
    let known = job(database, 7).await.details;
    assert_eq!(
        serde_json::to_value(&known.statistics).unwrap(),
        written["statistics"]
    );
    let data = files.read_data(&key(7)).await.unwrap().unwrap();
    let load = &data.metrics["cpu_load"][&MetricScope::Node].series[0];
    assert_eq!(
        (load.data.len(), load.data[2], load.data[3]),
        (60, Some(2.0), None)
    );
    assert_eq!(serde_json::json!(load.statistics.unwrap().max), 59.0);

    let mut transaction = database.begin().await.unwrap();
    let tag = NewTag {
        kind: "app".to_owned(),
        name: "vasp".to_owned(),
        scope: "global".to_owned(),
    };
    let id = job(database, 7).await.id;
    attach_tags(&mut transaction, [(id, &tag)]).await.unwrap();
    transaction.commit().await.unwrap();
    request(database, &working, 7, ArchiveAction::Describe).await;
    all_done(database).await;
    let described = meta(files, 7).await.unwrap();
    assert_eq!(described["tags"][0]["name"], "vasp");
    assert_eq!(described["statistics"], written["statistics"]);
    assert!(files.read_data(&key(7)).await.unwrap().is_some());

    // Of a job that is gone nothing is left to do, and its files stay.
    let mut transaction = database.begin().await.unwrap();
    transaction
        .execute("DELETE FROM job WHERE id = $1", &[id.into()])
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    request(database, &working, 7, ArchiveAction::Describe).await;
    all_done(database).await;
    assert_eq!(meta(files, 7).await.unwrap(), described);
    assert!(files.read_data(&key(7)).await.unwrap().is_some());
    assert!(meta(files, 9).await.is_some());
}

on_both_engines! {
    async fn a_jobs_files_follow_it(database) {
        let place = TemporaryDirectory::new("archive").unwrap();
        life(database, &directory(place.path())).await;
        assert_eq!(paths(place.path()), [
            "alpha/0/007/1675944000/data.json",
"alpha/0/007/1675944000/meta.json",
"alpha/0/009/1675944000/data.json",
            "alpha/0/009/1675944000/meta.json",
            "alpha/cluster.json",
            "version.txt",
        ]);
        assert_eq!(std::fs::read_to_string(place.join("version.txt")).unwrap(), "3\n");
    }

    async fn what_is_asked_for_meanwhile_is_still_to_be_done(database) {
        let describe = async || {
            let mut transaction = database.begin().await.unwrap();
            request_archive_work(&mut transaction, [(key(7), ArchiveAction::Describe)]).await.unwrap();
            transaction.commit().await.unwrap();
        };
        let take = async |now: i64| {
            let mut transaction = database.begin().await.unwrap();
            let taken = take_work(&mut transaction, now, now + 100, 10).await.unwrap();
            transaction.commit().await.unwrap();
            taken
        };
        let conclude = async |work: &TakenWork| {
            let mut transaction = database.begin().await.unwrap();
            work_done(&mut transaction, [(work.id, work.generation)]).await.unwrap();
            transaction.commit().await.unwrap();
        };
        describe().await;
        let first = take(1).await.remove(0);
        assert!(take(1).await.is_empty());
        describe().await;
        conclude(&first).await;
        assert_eq!(backlog(database).await.unwrap(), 1);
        let second = take(1).await.remove(0);
        assert_eq!((second.generation, second.attempts), (2, 1));
        // The one who took it is gone.
        let third = take(101).await.remove(0);
        assert_eq!((third.generation, third.attempts), (2, 2));
        conclude(&second).await;
        assert_eq!((backlog(database).await.unwrap(), next_due(database).await.unwrap()), (0, None));
    }
}

#[tokio::test]
async fn without_metrics_a_job_is_archived_all_the_same() {
    let database = DATABASES.sqlite().await.unwrap();
    let database = &database.database;
    let place = TemporaryDirectory::new("archive").unwrap();
    // Of an attempt that was killed.
    let left = place.join("alpha/0/007/1675944000");
    std::fs::create_dir_all(&left).unwrap();
    std::fs::write(left.join("meta.json#1"), "{").unwrap();
    let files = directory(place.path());
    begin(database, &[start(7, NOON)]).await;
    let working = Working::start(database, &files, Arc::new(NoMetrics));
    end(database, &working, &[7]).await;
    all_done(database).await;
    assert_eq!(job(database, 7).await.monitoring_status, ARCHIVED);
    assert_eq!(
        meta(&files, 7).await.unwrap()["statistics"],
        serde_json::json!({})
    );
    let data = files.read_data(&key(7)).await.unwrap().unwrap();
    assert!(data.metrics.is_empty());
}

#[tokio::test]
async fn an_archive_of_an_older_version_stays_in_it() {
    let database = DATABASES.sqlite().await.unwrap();
    let database = &database.database;
    let place = TemporaryDirectory::new("archive").unwrap();
    std::fs::write(place.join("version.txt"), "1\n").unwrap();
    let files = directory(place.path());
    begin(database, &[start(7, NOON)]).await;
    let working = Working::start(database, &files, Arc::new(RisingLoad));
    end(database, &working, &[7]).await;
    all_done(database).await;
    let written = meta(&files, 7).await.unwrap();
    assert_eq!(written["exclusive"], 1);
    assert_eq!(written.get("shared"), None);
    assert_eq!(written.get("footprint"), None);
}

#[tokio::test]
async fn an_archive_of_an_unknown_version_is_left_alone() {
    let place = TemporaryDirectory::new("archive").unwrap();
    std::fs::write(place.join("version.txt"), "4\n").unwrap();
    let files = directory(place.path());
    let error = files.prepare(&[], FormatVersion::V3).await.unwrap_err();
    assert!(error.to_string().contains("\"4\\n\""), "{error}");
    assert_eq!(paths(place.path()), ["version.txt"]);
}

#[tokio::test]
async fn genuine_files_are_served() {
    let place = TemporaryDirectory::new("archive").unwrap();
    let files = directory(place.path());
    let genuine: Vec<_> = ["data.json", "data.json.gz"]
        .into_iter()
        .flat_map(genuine)
        .collect();
    for (number, (name, bytes)) in (1..).zip(&genuine) {
        let compressed = Path::new(name)
            .extension()
            .is_some_and(|ending| ending == "gz");
        let path = if compressed {
            "data.json.gz"
        } else {
            "data.json"
        };
        let directory = place.join(key(number).directory());
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join(path), bytes).unwrap();
        let served = files.read_data(&key(number)).await.unwrap().unwrap();
        assert_eq!(
            served,
            data_file::read(bytes, compressed).unwrap(),
            "{name}"
        );
        assert!(served.metrics.len() >= 9, "{name}");
    }
}

#[test]
fn pauses_grow_to_a_limit() {
    let pauses = [0, 1, 2, 3, 7, 8, i64::MAX].map(|attempts| pause(attempts).as_secs());
    assert_eq!(pauses, [1, 1, 2, 4, 60, 60, 60]);
}
