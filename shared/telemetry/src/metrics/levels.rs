//! Levels: how many there are of something at this moment, read from tables and from the broker now and then.
//!
//! What is read is kept as it was read last, all label sets of a metric together, so that what is gone (a pool, a project)
//! is gone from the metrics too.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

use crate::names::{metric, value};

/// Label sets of one metric that one part may have. All beyond are one, with the value `_OTHER` for each label: a site with
/// thousands of projects must not be a monitoring system with thousands of series of each kind.
const LABEL_SETS_LIMIT: usize = 200;

/// A metric that is read: its name, its unit, and what it is.
struct Level {
    name: &'static str,
    unit: &'static str,
    description: &'static str,
}

const fn level(name: &'static str, unit: &'static str, description: &'static str) -> Level {
    Level {
        name,
        unit,
        description,
    }
}

static LEVELS: [Level; 18] = [
    level(
        metric::MUSTER_DEAD_LETTERS_WAITING,
        "{message}",
        "Dead letters that nobody has replayed or discarded.",
    ),
    level(
        metric::MUSTER_STREAM_MESSAGES,
        "{message}",
        "Messages that a stream holds.",
    ),
    level(
        metric::MUSTER_CONSUMER_PENDING,
        "{message}",
        "Messages that a consumer has not been given yet.",
    ),
    level(
        metric::MUSTER_CONSUMER_UNACKNOWLEDGED,
        "{message}",
        "Messages that a consumer was given and has not acknowledged.",
    ),
    level(
        metric::MUSTER_CONSUMER_REDELIVERED,
        "{message}",
        "Messages that a consumer was given more than once and has not acknowledged.",
    ),
    level(
        metric::MUSTER_MESSAGES_STUCK,
        "{message}",
        "Messages of a work queue that are neither pending nor unacknowledged.",
    ),
    level(
        metric::MUSTER_POOL_NODES,
        "{node}",
        "Nodes of a pool in a state.",
    ),
    level(
        metric::MUSTER_LEASES,
        "{lease}",
        "Leases that are not over.",
    ),
    level(
        metric::MUSTER_QUOTA_USED,
        "{unit}",
        "How much of a resource a project has.",
    ),
    level(
        metric::MUSTER_QUOTA_LIMIT,
        "{unit}",
        "How much of a resource a project may have.",
    ),
    level(
        metric::MUSTER_SLOTS_CAPACITY,
        "{slot}",
        "Slots that the living agents of a group have.",
    ),
    level(
        metric::MUSTER_SLOTS_OCCUPIED,
        "{slot}",
        "Slots of a group's agents that sessions have.",
    ),
    level(
        metric::MUSTER_QUEUE_LENGTH,
        "{request}",
        "Requests that wait in a queue.",
    ),
    level(
        metric::MUSTER_QUEUE_OLDEST_WAIT,
        "s",
        "How long the first of a queue has waited.",
    ),
    level(
        metric::MUSTER_AGENTS,
        "{agent}",
        "Agents that run containers.",
    ),
    level(
        metric::MUSTER_AGENTS_LONGEST_SILENCE,
        "s",
        "Time since the last word of the living agent that has been silent for longest.",
    ),
    level(
        metric::MUSTER_ARCHIVE_BACKLOG,
        "{job}",
        "Jobs whose files in the archive are still to be written, written anew or removed.",
    ),
    level(
        metric::MUSTER_SESSIONS,
        "{session}",
        "Sessions that are not over.",
    ),
];

/// Whether the metric is one that is read.
#[cfg(test)]
pub(super) fn is_read(metric: &str) -> bool {
    LEVELS.iter().any(|level| level.name == metric)
}

/// One value with its labels, each a name of [`names`](crate::names) and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Labels: in the same order for all readings of a metric.
    pub labels: Vec<(&'static str, String)>,
    /// The value, in the metric's unit.
    pub value: f64,
}

impl Reading {
    /// A value and its labels.
    #[must_use]
    pub fn new<const N: usize>(labels: [(&'static str, &str); N], value: f64) -> Self {
        Self {
            labels: labels
                .into_iter()
                .map(|(name, value)| (name, value.to_owned()))
                .collect(),
            value,
        }
    }
}

/// By metric and part.
type ByMetricAndPart = BTreeMap<(&'static str, &'static str), Vec<Kept>>;

/// What was read last.
#[derive(Debug, Clone, Default)]
pub(super) struct Readings(Arc<Mutex<ByMetricAndPart>>);

/// A reading as the instruments take it.
#[derive(Debug, Clone)]
struct Kept {
    labels: Vec<KeyValue>,
    value: f64,
}

impl Readings {
    fn lock(&self) -> MutexGuard<'_, ByMetricAndPart> {
        // Never left half changed, so a panic elsewhere does not spoil it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the instruments, which look at `readings` whenever they are asked.
pub(super) fn register(meter: &Meter, readings: &Readings) {
    for level in &LEVELS {
        let (readings, name) = (readings.clone(), level.name);
        // The meter keeps it.
        let _ = meter
            .f64_observable_gauge(level.name)
            .with_unit(level.unit)
            .with_description(level.description)
            .with_callback(move |observer| {
                for ((metric, _), kept) in readings.lock().iter() {
                    if *metric == name {
                        for reading in kept {
                            observer.observe(reading.value, &reading.labels);
                        }
                    }
                }
            })
            .build();
    }
}

/// Levels as one part reads them.
#[derive(Debug, Clone)]
pub struct LevelMetrics {
    readings: Readings,
    part: &'static str,
}

impl LevelMetrics {
    pub(super) fn new(readings: Readings, part: &'static str) -> Self {
        Self { readings, part }
    }

    /// Sets all that this part has read of `metric`, one of [`names::metric`](crate::names::metric). Beyond 200 label sets the
    /// rest are summed up in one.
    pub fn set(&self, metric: &'static str, mut readings: Vec<Reading>) {
        debug_assert!(
            LEVELS.iter().any(|level| level.name == metric),
            "{metric} is not read"
        );
        if readings.len() > LABEL_SETS_LIMIT {
            let rest = readings.split_off(LABEL_SETS_LIMIT - 1);
            let labels = rest.first().map(|first| {
                let names = first.labels.iter();
                names
                    .map(|(name, _)| (*name, value::OTHER.to_owned()))
                    .collect()
            });
            readings.push(Reading {
                labels: labels.unwrap_or_default(),
                value: rest.iter().map(|reading| reading.value).sum(),
            });
        }
        let kept = readings
            .into_iter()
            .map(|reading| Kept {
                labels: reading
                    .labels
                    .into_iter()
                    .map(|(name, value)| KeyValue::new(name, value))
                    .collect(),
                value: reading.value,
            })
            .collect();
        self.readings.lock().insert((metric, self.part), kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Metrics;
    use crate::names::MUSTER_PROJECT;

    fn lines(metrics: &Metrics, name: &str) -> Vec<String> {
        let text = metrics.text().unwrap();
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines.map(str::to_owned).collect()
    }

    fn project(name: &str, value: f64) -> Reading {
        Reading::new([(MUSTER_PROJECT, name)], value)
    }

    #[test]
    fn what_is_gone_is_not_shown_any_more() {
        let metrics = Metrics::new("muster-test", "one").unwrap();
        let (levels, others) = (metrics.levels("one"), metrics.levels("other"));
        let metric = metric::MUSTER_QUOTA_USED;
        levels.set(metric, vec![project("a", 1.0), project("b", 2.0)]);
        others.set(metric, vec![project("c", 3.0)]);
        assert_eq!(lines(&metrics, "muster_quota_used{").len(), 3);
        levels.set(metric, vec![project("b", 4.0)]);
        let shown = lines(&metrics, "muster_quota_used{");
        assert_eq!(shown.len(), 2, "{shown:?}");
        assert!(
            shown
                .iter()
                .any(|line| line.contains("muster_project=\"b\"") && line.ends_with(" 4")),
            "{shown:?}"
        );
    }

    #[test]
    fn the_number_of_label_sets_is_bounded_and_the_rest_is_summed_up() {
        let metrics = Metrics::new("muster-test", "one").unwrap();
        let levels = metrics.levels("one");
        let at_the_limit: Vec<_> = (0..LABEL_SETS_LIMIT)
            .map(|number| project(&number.to_string(), 1.0))
            .collect();
        let metric = metric::MUSTER_QUOTA_USED;
        levels.set(metric, at_the_limit.clone());
        let shown = lines(&metrics, "muster_quota_used{");
        assert_eq!(shown.len(), LABEL_SETS_LIMIT);
        assert!(!shown.iter().any(|line| line.contains("_OTHER")));
        let mut beyond = at_the_limit;
        beyond.push(project("one too many", 5.0));
        levels.set(metric, beyond);
        let shown = lines(&metrics, "muster_quota_used{");
        assert_eq!(shown.len(), LABEL_SETS_LIMIT);
        let rest: Vec<_> = shown
            .iter()
            .filter(|line| line.contains("_OTHER"))
            .collect();
        assert!(rest.len() == 1 && rest[0].ends_with(" 6"), "{rest:?}");
    }

    #[test]
    fn each_level_is_a_metric_of_the_list() {
        for level in &LEVELS {
            assert!(metric::ALL.contains(&level.name), "{}", level.name);
        }
    }
}
