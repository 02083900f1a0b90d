//! What was measured of a job: the rules of `data.json` (`api/clustercockpit.md` §2.3, §2.5). The model is the contract's,
//! since it is also what a question for it is answered with.

pub use muster_contract::job_archive::{
    JobData, JobMetric, MetricScope, MetricSeries, SeriesStatistics, StatisticsSeries,
};

/// Mean, smallest and greatest of the values that were measured, with two decimals as the archive writes them; `None`
/// where there are none.
#[must_use]
pub fn statistics_of(data: &[Option<f64>]) -> Option<SeriesStatistics> {
    let mut count = 0.0;
    let mut sum = 0.0;
    let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in data.iter().flatten().filter(|value| value.is_finite()) {
        count += 1.0;
        sum += value;
        min = min.min(*value);
        max = max.max(*value);
    }
    (count > 0.0).then(|| SeriesStatistics {
        // The mean of equal values can come out a little beside them.
        avg: rounded((sum / count).clamp(min, max)),
        min: rounded(min),
        max: rounded(max),
    })
}

/// With two decimals.
#[must_use]
pub fn rounded(value: f64) -> f64 {
    const HUNDREDTHS: f64 = 100.0;
    let hundredths = (value * HUNDREDTHS).round();
    if hundredths.is_finite() {
        hundredths / HUNDREDTHS
    } else {
        value
    }
}

/// Only these metrics and scopes; an empty list leaves all.
pub(crate) fn narrowed(mut data: JobData, metrics: &[String], scopes: &[MetricScope]) -> JobData {
    if !metrics.is_empty() {
        data.metrics.retain(|name, _| metrics.contains(name));
    }
    if !scopes.is_empty() {
        for of_metric in data.metrics.values_mut() {
            of_metric.retain(|scope, _| scopes.contains(scope));
        }
        data.metrics.retain(|_, of_metric| !of_metric.is_empty());
    }
    data
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_not_measured_does_not_count() {
        let statistics = statistics_of(&[None, Some(1.0), Some(2.006), None, Some(f64::NAN)]);
        let expected = SeriesStatistics {
            avg: 1.5,
            min: 1.0,
            max: 2.01,
        };
        assert_eq!(statistics, Some(expected));
        assert_eq!(statistics_of(&[]), None);
        assert_eq!(statistics_of(&[None, Some(f64::INFINITY)]), None);
    }

    #[test]
    fn what_is_not_asked_for_is_left_out() {
        let metric = |scopes: &[MetricScope]| {
            let one = JobMetric {
                unit: None,
                timestep: 60,
                series: vec![],
                statistics_series: None,
            };
            scopes.iter().map(|scope| (*scope, one.clone())).collect()
        };
        let all = JobData {
            metrics: [
                (
                    "clock".to_owned(),
                    metric(&[MetricScope::Node, MetricScope::Core]),
                ),
                ("load".to_owned(), metric(&[MetricScope::Node])),
            ]
            .into(),
        };
        assert_eq!(narrowed(all.clone(), &[], &[]), all);
        let cores = narrowed(all.clone(), &[], &[MetricScope::Core]);
        assert_eq!(cores.metrics.keys().collect::<Vec<_>>(), ["clock"]);
        let load = narrowed(all, &["load".to_owned(), "power".to_owned()], &[]);
        assert_eq!(load.metrics.keys().collect::<Vec<_>>(), ["load"]);
    }

    proptest! {
        #[test]
        fn statistics_are_in_order(data in prop::collection::vec(prop::option::of(-1e12..1e12), 0..50)) {
            if let Some(statistics) = statistics_of(&data) {
                prop_assert!(statistics.min <= statistics.avg && statistics.avg <= statistics.max);
            } else {
                prop_assert!(data.iter().all(Option::is_none));
            }
        }
    }
}
