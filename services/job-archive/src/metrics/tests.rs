//! Samples as they come, packed, measured and forgotten.

use std::{sync::Arc, time::Duration};

use muster_contract::job_archive::Resource;
use muster_messaging::BulkMessage;
use muster_platform::{ManualClock, Timestamp};
use muster_storage::Database;

use super::{
    intake::{Lost, SampleIntake},
    measuring::MetricStore,
    packer::{METRIC_LIMIT, PACKING_AGE, Packer},
    retention::Forgetting,
};
use crate::{
    archive::measure::{JobToMeasure, MeasureJobs},
    domain::{
        clusters::Clusters,
        job_data::{JobData, MetricScope},
    },
    store::metric_samples::keep_recent,
    testing::{NOON, on_both_engines},
};

const DAY: Duration = Duration::from_hours(24);

/// `alpha` has two cores of two threads; `beta` says nothing of metrics.
const ALPHA: &str = r#"{"name": "alpha",
    "metricConfig": [
        {"name": "load", "unit": {"base": ""}, "scope": "node", "timestep": 60, "aggregation": "avg"},
        {"name": "flops", "scope": "hwthread", "timestep": 60, "aggregation": "sum"},
        {"name": "user", "scope": "hwthread", "timestep": 60, "aggregation": "avg"},
        {"name": "power", "scope": "accelerator", "timestep": 60, "aggregation": "sum"},
        {"name": "bw", "scope": "socket", "timestep": 60, "aggregation": "sum", "subClusters": [{"name": "old", "remove": true}]},
        {"name": "never", "scope": "node", "timestep": 60, "aggregation": "sum"}],
    "subClusters": [
        {"name": "main", "nodes": "a[01-99]", "topology": {"core": [[0, 2], [1, 3]]}},
        {"name": "old", "nodes": "b[01-99]"}]}"#;
const BETA: &str = r#"{"name": "beta", "subClusters": [{"name": "all", "nodes": "*"}]}"#;

struct World {
    database: Database,
    clock: Arc<ManualClock>,
}

impl World {
    fn new(database: &Database) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(NOON + 3_600)));
        Self {
            database: database.clone(),
            clock,
        }
    }

    async fn take(&self, messages: &[&str]) -> Lost {
        let intake = SampleIntake {
            clusters: Arc::new(Clusters::from_documents(&[ALPHA, BETA]).unwrap()),
            clock: self.clock.clone(),
            retention: 14 * DAY,
        };
        let messages: Vec<BulkMessage> = messages
            .iter()
            .map(|text| BulkMessage {
                payload: (*text).to_owned().into(),
                default_cluster: Some("alpha".to_owned()),
            })
            .collect();
        let (gathered, lost, example) = intake.gather(&messages);
        assert_eq!(example.is_some(), lost != Lost::default());
        let mut transaction = self.database.begin().await.unwrap();
        keep_recent(&mut transaction, gathered.pieces, gathered.now)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        lost
    }

    async fn pack(&self) {
        self.clock.advance(PACKING_AGE + Duration::from_secs(1));
        let packer = Packer {
            clock: self.clock.clone(),
        };
        loop {
            let mut transaction = self.database.begin().await.unwrap();
            let more = packer.pack_next(&mut transaction).await.unwrap();
            transaction.commit().await.unwrap();
            if !more {
                return;
            }
        }
    }

    async fn count(&self, sql: &'static str) -> i64 {
        let row: Option<(i64,)> = self.database.fetch_optional(sql, &[]).await.unwrap();
        row.unwrap().0
    }

    async fn measure(&self, job: &JobToMeasure) -> JobData {
        let documents = [ALPHA.to_owned(), BETA.to_owned()];
        let store = MetricStore::new(self.database.clone(), &documents);
        store.measure(job).await.unwrap()
    }
}

fn job(nodes: &[&str], seconds: i64) -> JobToMeasure {
    JobToMeasure {
        cluster: "alpha".to_owned(),
        sub_cluster: "main".to_owned(),
        resources: nodes
            .iter()
            .map(|hostname| Resource {
                hostname: (*hostname).to_owned(),
                ..Resource::default()
            })
            .collect(),
        start_time: NOON,
        stop_time: NOON + seconds,
    }
}

fn line(metric: &str, node: &str, kind: &str, second: i64, value: f64) -> String {
    format!(
        "{metric},hostname={node},{kind} value={value} {}\n",
        NOON + second
    )
}

/// Values of a scope of a metric: host, part, data.
fn series(
    data: &JobData,
    metric: &str,
    scope: MetricScope,
) -> Vec<(String, String, Vec<Option<f64>>)> {
    let of_metric = data.metrics.get(metric);
    let scope = of_metric.and_then(|of_metric| of_metric.get(&scope));
    scope.map_or_else(Vec::new, |scope| {
        let series = scope.series.iter();
        series
            .map(|one| {
                (
                    one.hostname.clone(),
                    one.id.clone().unwrap_or_default(),
                    one.data.clone(),
                )
            })
            .collect()
    })
}

fn of(host: &str, id: &str, data: &[Option<f64>]) -> (String, String, Vec<Option<f64>>) {
    (host.to_owned(), id.to_owned(), data.to_vec())
}

on_both_engines! {
    async fn a_job_is_measured_the_same_before_and_after_packing(database) {
        let world = World::new(database);
        let mut text = String::new();
        for (second, value) in [(-1, 99.0), (0, 1.0), (61, 2.5), (180, 4.25), (241, 99.0)] {
            text += &line("load", "a01", "type=node", second, value);
        }
        for thread in 0..4 {
            let kind = format!("type=hwthread,type-id={thread}");
            text += &line("flops", "a01", &kind, 60, f64::from(thread) + 1.0);
            text += &line("user", "a01", &kind, 60, 10.0 * f64::from(thread));
        }
        text += &line("bw", "a01", "type=socket,type-id=0", 5, 3.0);
        text += &line("bw", "a01", "type=socket,type-id=1", 5, 4.0);
        text += &line("power", "a01", "type=accelerator,type-id=00:01.0", 5, 250.0);
        text += &line("power", "a01", "type=accelerator,type-id=00:02.0", 5, 90.0);
        text += &line("other", "a01", "type=node", 5, 1.0);
        assert_eq!(world.take(&[&text]).await, Lost::default());

        let mut measured = job(&["a01", "a02", "a01"], 240);
        measured.resources[0].accelerators = vec!["00:01.0".to_owned()];
        let before = world.measure(&measured).await;
        // NOON is a multiple of 60, so there are four steps.
        let load = [Some(1.0), Some(2.5), None, Some(4.25)];
        assert_eq!(series(&before, "load", MetricScope::Node), [of("a01", "", &load)]);
        let statistics = before.metrics["load"][&MetricScope::Node].series[0].statistics.unwrap();
        assert_eq!((statistics.min, statistics.avg, statistics.max), (1.0, 2.58, 4.25));
        let second = |value| [None, Some(value), None, None];
        assert_eq!(series(&before, "flops", MetricScope::Node), [of("a01", "", &second(10.0))]);
        assert_eq!(series(&before, "flops", MetricScope::Core), [of("a01", "0", &second(4.0)), of("a01", "1", &second(6.0))]);
        assert_eq!(series(&before, "user", MetricScope::Node), [of("a01", "", &second(15.0))]);
        assert_eq!(series(&before, "user", MetricScope::Core), [of("a01", "0", &second(10.0)), of("a01", "1", &second(20.0))]);
        let first = |value| [Some(value), None, None, None];
        assert_eq!(series(&before, "bw", MetricScope::Node), [of("a01", "", &first(7.0))]);
        assert_eq!(series(&before, "bw", MetricScope::Socket), [of("a01", "0", &first(3.0)), of("a01", "1", &first(4.0))]);
        // Only those that the job had, and no metric that the cluster does not have or nobody measured.
        assert_eq!(series(&before, "power", MetricScope::Accelerator), [of("a01", "00:01.0", &first(250.0))]);
        assert_eq!(before.metrics.keys().collect::<Vec<_>>(), ["bw", "flops", "load", "power", "user"]);

        world.pack().await;
        assert_eq!(world.count("SELECT COUNT(*) FROM metric_recent").await, 0);
        assert_eq!(world.measure(&measured).await, before);
        // Part of a node, many nodes, a part of the cluster that has no such metric.
        let mut part = measured.clone();
        part.resources[0].hwthreads = vec![1, 3];
        let part = world.measure(&part).await;
        assert_eq!(series(&part, "flops", MetricScope::Node), [of("a01", "", &second(6.0))]);
        assert_eq!(series(&part, "flops", MetricScope::Core), [of("a01", "1", &second(6.0))]);
        let many = world.measure(&job(&["a01", "a02", "a03", "a04", "a05", "a06", "a07", "a08", "a09"], 240)).await;
        assert!(series(&many, "flops", MetricScope::Core).is_empty());
        assert_eq!(series(&many, "flops", MetricScope::Node).len(), 1);
        let old = JobToMeasure { sub_cluster: "old".to_owned(), ..measured };
        assert!(!world.measure(&old).await.metrics.contains_key("bw"));
    }

    async fn what_comes_late_or_twice_has_its_place(database) {
        let world = World::new(database);
        let at = |second, value| line("load", "a01", "type=node", second, value);
        world.take(&[&at(0, 1.0), &at(120, 3.0)]).await;
        world.pack().await;
        world.take(&[&at(60, 2.0), &at(120, 4.0)]).await;
        let values = [Some(1.0), Some(2.0), Some(4.0)];
        let measured = job(&["a01"], 180);
        assert_eq!(series(&world.measure(&measured).await, "load", MetricScope::Node), [of("a01", "", &values)]);
        world.pack().await;
        world.take(&[&at(120, 4.0)]).await;
        assert_eq!(series(&world.measure(&measured).await, "load", MetricScope::Node), [of("a01", "", &values)]);
        assert_eq!(world.count("SELECT COUNT(*) FROM metric_hour").await, 1);
        // Over the end of an hour.
        world.take(&[&at(3_600, 9.0), &at(3_599, 8.0)]).await;
        world.pack().await;
        assert_eq!(world.count("SELECT COUNT(*) FROM metric_hour").await, 2);
        let long = world.measure(&job(&["a01"], 3_660)).await;
        let data = &series(&long, "load", MetricScope::Node)[0].2;
        assert_eq!((data.len(), data[59], data[60]), (61, Some(8.0), Some(9.0)));
    }

    async fn what_cannot_be_kept_is_counted(database) {
        let world = World::new(database);
        let now = 3_600;
        let lost = world.take(&[
            &line("load", "a01", "cluster=gamma", 0, 1.0),
            &line("load", "a01", "type=node", now + 601, 1.0),
            &line("load", "a01", "type=node", now - 14 * 86_400 - 1, 1.0),
            "nonsense\n",
            &line("load", "a01", "type=node", now + 600, 1.0),
            &line("any", "b", "cluster=beta", 0, 5.0),
        ]).await;
        assert_eq!(lost, Lost { unreadable: 1, unknown_cluster: 1, untimely: 2 });
        // Of a cluster that names no metrics there is what was measured.
        let beta = JobToMeasure { cluster: "beta".to_owned(), ..job(&["b"], 60) };
        assert_eq!(series(&world.measure(&beta).await, "any", MetricScope::Node), [of("b", "", &[Some(5.0)])]);
        let unknown = JobToMeasure { cluster: "gone".to_owned(), ..job(&["b"], 60) };
        assert!(world.measure(&unknown).await.metrics.is_empty());
    }

    async fn a_node_has_so_many_metrics_and_no_more(database) {
        let world = World::new(database);
        let text: String = (0..=METRIC_LIMIT).map(|number| line(&format!("m{number}"), "a01", "type=node", 0, 1.0)).collect();
        world.take(&[&text]).await;
        world.pack().await;
        let limit = i64::try_from(METRIC_LIMIT).unwrap();
        assert_eq!(world.count("SELECT COUNT(*) FROM metric_series").await, limit);
        assert_eq!(world.count("SELECT COUNT(*) FROM metric_hour").await, limit);
    }

    async fn what_is_old_is_forgotten(database) {
        let world = World::new(database);
        world.take(&[&line("load", "a01", "type=node", 0, 1.0), &line("load", "a02", "type=node", 0, 1.0)]).await;
        world.pack().await;
        world.take(&[&line("load", "a02", "type=node", 3_600, 1.0)]).await;
        world.pack().await;
        let forgetting = Forgetting::new(world.clock.clone(), DAY);
        let forget = async || {
            let mut transaction = world.database.begin().await.unwrap();
            while forgetting.forget(&mut transaction).await.unwrap() {}
            transaction.commit().await.unwrap();
            let hours = world.count("SELECT COUNT(*) FROM metric_hour").await;
            (hours, world.count("SELECT COUNT(*) FROM metric_series").await)
        };
        for (seconds, left) in [(0, (3, 2)), (3_600, (3, 2)), (3_601, (1, 1)), (7_201, (0, 0))] {
            world.clock.set(Timestamp::from_seconds(NOON + seconds).plus(DAY));
            assert_eq!(forget().await, left, "{seconds}");
        }
    }
}
