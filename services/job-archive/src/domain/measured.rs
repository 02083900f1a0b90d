//! What the archive makes of the measurements of a job that has stopped (`api/clustercockpit.md` §2.3, §2.5): statistics of each
//! series and of the whole, footprint and energy.

use muster_contract::job_archive::{JobDetails, MetricStatistics};
use serde::Deserialize;

use super::job_data::{JobData, JobMetric, MetricScope, rounded, statistics_of};

const SECONDS_PER_HOUR: f64 = 3_600.0;
const WATTS_PER_KILOWATT: f64 = 1_000.0;

/// What a cluster's description says of its metrics; of that, what becomes of them at the end of a job.
#[derive(Debug, Clone, Default)]
pub(crate) struct MetricRules {
    metrics: Vec<MetricRule>,
}

#[derive(Debug, Clone, Deserialize)]
struct MetricRule {
    #[serde(default)]
    name: String,
    /// `avg`, `min` or `max`: the value that belongs to the footprint.
    #[serde(default)]
    footprint: Option<String>,
    /// `power`: the metric is in watts.
    #[serde(default)]
    energy: Option<String>,
}

#[derive(Deserialize)]
struct ClusterDocument {
    #[serde(default, rename = "metricConfig")]
    metrics: Option<Vec<MetricRule>>,
}

impl MetricRules {
    /// Those of a `cluster.json`; none where it has none that can be read.
    pub(crate) fn of_document(document: &str) -> Self {
        let document: Result<ClusterDocument, _> = serde_json::from_str(document);
        Self {
            metrics: document
                .ok()
                .and_then(|document| document.metrics)
                .unwrap_or_default(),
        }
    }
}

/// Rounds all values to two decimals, which is what the archive keeps, and gives each series its statistics.
pub(crate) fn finished(mut data: JobData) -> JobData {
    let metrics = data.metrics.values_mut().flat_map(|of| of.values_mut());
    for series in metrics.flat_map(|metric| metric.series.iter_mut()) {
        for value in &mut series.data {
            *value = value.filter(|value| value.is_finite()).map(rounded);
        }
        if series.statistics.is_none() {
            series.statistics = statistics_of(&series.data);
        }
    }
    data
}

/// Adds what was measured to what is known of the job: statistics of each metric, footprint, energy. `duration` is in seconds.
pub(crate) fn add_to(details: &mut JobDetails, data: &JobData, rules: &MetricRules, duration: i64) {
    for (name, of_metric) in &data.metrics {
        // The scopes are in order, the widest first.
        if let Some((scope, metric)) = of_metric.iter().next()
            && let Some(statistics) = over_series(metric)
        {
            add_energy(details, rules, name, *scope, metric, duration);
            details.statistics.insert(name.clone(), statistics);
        }
    }
    let measured = |rule: &&MetricRule| data.metrics.contains_key(&rule.name);
    for rule in rules.metrics.iter().filter(measured) {
        if let (Some(word), Some(statistics)) =
            (&rule.footprint, details.statistics.get(&rule.name))
        {
            let value = match word.as_str() {
                "min" => statistics.min,
                "max" => statistics.max,
                _ => statistics.avg,
            };
            let key = format!("{}_{word}", rule.name);
            details.footprint.insert(key, value);
        }
    }
}

/// Mean of the means, smallest and greatest value of all series; `None` where nothing was measured.
fn over_series(metric: &JobMetric) -> Option<MetricStatistics> {
    let of_series: Vec<_> = metric
        .series
        .iter()
        .filter_map(|series| series.statistics)
        .collect();
    let means: Vec<_> = of_series.iter().map(|one| Some(one.avg)).collect();
    let least: Vec<_> = of_series.iter().map(|one| Some(one.min)).collect();
    let greatest: Vec<_> = of_series.iter().map(|one| Some(one.max)).collect();
    Some(MetricStatistics {
        unit: metric.unit.clone(),
        avg: statistics_of(&means)?.avg,
        min: statistics_of(&least)?.min,
        max: statistics_of(&greatest)?.max,
    })
}

/// Of a metric in watts: its mean over all nodes for the whole time, in kWh.
fn add_energy(
    details: &mut JobDetails,
    rules: &MetricRules,
    name: &str,
    scope: MetricScope,
    metric: &JobMetric,
    duration: i64,
) {
    let is_power = |rule: &MetricRule| rule.energy.as_deref() == Some("power");
    let rule = rules.metrics.iter().find(|rule| rule.name == name);
    if !rule.is_some_and(is_power) || scope != MetricScope::Node {
        return;
    }
    let watts: f64 = metric
        .series
        .iter()
        .filter_map(|series| series.statistics)
        .map(|statistics| statistics.avg)
        .sum();
    let seconds = u32::try_from(duration.max(0)).unwrap_or(u32::MAX);
    let energy = rounded(watts * f64::from(seconds) / SECONDS_PER_HOUR / WATTS_PER_KILOWATT);
    details.energy_footprint.insert(name.to_owned(), energy);
    details.energy = Some(rounded(details.energy_footprint.values().sum()));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use muster_contract::job_archive::Unit;

    use super::*;
    use crate::domain::job_data::MetricSeries;

    fn metric(values: &[&[f64]]) -> JobMetric {
        let series = values.iter().map(|values| MetricSeries {
            hostname: "a01".to_owned(),
            id: None,
            statistics: None,
            data: values.iter().map(|value| Some(*value)).collect(),
        });
        JobMetric {
            unit: Some(Unit::Word("W".to_owned())),
            timestep: 60,
            series: series.collect(),
            statistics_series: None,
        }
    }

    fn data(name: &str, metric: JobMetric) -> JobData {
        let of_metric = BTreeMap::from([(MetricScope::Node, metric)]);
        JobData {
            metrics: BTreeMap::from([(name.to_owned(), of_metric)]),
        }
    }

    #[test]
    fn a_job_has_statistics_footprint_and_energy() {
        let rules = MetricRules::of_document(
            r#"{"metricConfig": [{"name": "cpu_power", "footprint": "max", "energy": "power"},
                {"name": "cpu_load", "footprint": "avg"}]}"#,
        );
        let two_nodes = metric(&[&[100.0, 200.001, f64::NAN], &[250.0, 350.0]]);
        let data = finished(data("cpu_power", two_nodes));
        let series = &data.metrics["cpu_power"][&MetricScope::Node].series;
        assert_eq!(series[0].data, [Some(100.0), Some(200.0), None]);
        let mut details = JobDetails::default();
        add_to(&mut details, &data, &rules, 7_200);
        let power = &details.statistics["cpu_power"];
        assert_eq!((power.avg, power.min, power.max), (225.0, 100.0, 350.0));
        assert_eq!(
            details.footprint,
            [("cpu_power_max".to_owned(), 350.0)].into()
        );
        // 450 W for two hours.
        assert_eq!(details.energy, Some(0.9));
    }

    #[test]
    fn what_was_not_measured_is_not_there() {
        let mut details = JobDetails::default();
        let empty = finished(data("clock", metric(&[&[]])));
        add_to(
            &mut details,
            &empty,
            &MetricRules::of_document("no JSON"),
            60,
        );
        assert_eq!(details, JobDetails::default());
    }
}
