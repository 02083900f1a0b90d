//! What was measured of a job: the contents of `data.json` (`api/clustercockpit.md` §2.3).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::Unit;

/// What a series was measured of, from the whole down to its parts.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum MetricScope {
    /// A node.
    Node,
    /// A processor.
    Socket,
    /// A part of the memory.
    MemoryDomain,
    /// A core.
    Core,
    /// A hardware thread.
    #[serde(rename = "hwthread")]
    HardwareThread,
    /// An accelerator.
    Accelerator,
}

impl MetricScope {
    /// Every scope.
    pub const ALL: &'static [MetricScope] = &[
        MetricScope::Node,
        MetricScope::Socket,
        MetricScope::MemoryDomain,
        MetricScope::Core,
        MetricScope::HardwareThread,
        MetricScope::Accelerator,
    ];

    /// As it is written in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            MetricScope::Node => "node",
            MetricScope::Socket => "socket",
            MetricScope::MemoryDomain => "memoryDomain",
            MetricScope::Core => "core",
            MetricScope::HardwareThread => "hwthread",
            MetricScope::Accelerator => "accelerator",
        }
    }

    /// The scope written like this.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|scope| scope.name() == name)
    }
}

/// Everything that was measured of a job: metric, then scope.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct JobData {
    /// By the metric's name.
    pub metrics: BTreeMap<String, BTreeMap<MetricScope, JobMetric>>,
}

/// One metric in one scope, over the time of the job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobMetric {
    /// Unit of all values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// Seconds from one value to the next. The first is of the job's start.
    pub timestep: i64,
    /// One for each node, or for each part of each node.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub series: Vec<MetricSeries>,
    /// Statistics over all series for each moment, where they were kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics_series: Option<StatisticsSeries>,
}

/// The values of one node or part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricSeries {
    /// The node.
    pub hostname: String,
    /// The part of the node; none for the node as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Over all its values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics: Option<SeriesStatistics>,
    /// One value for each time step; `None` = none was measured.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub data: Vec<Option<f64>>,
}

/// Statistics over the values of one series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeriesStatistics {
    /// Mean.
    pub avg: f64,
    /// Smallest value.
    pub min: f64,
    /// Greatest value.
    pub max: f64,
}

/// Statistics over all series, one value for each time step.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct StatisticsSeries {
    /// Smallest values.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub min: Vec<Option<f64>>,
    /// Means.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub mean: Vec<Option<f64>>,
    /// Medians.
    #[serde(
        default,
        deserialize_with = "null_is_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub median: Vec<Option<f64>>,
    /// Greatest values.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub max: Vec<Option<f64>>,
    /// Percentiles by their number.
    #[serde(
        default,
        deserialize_with = "null_is_empty",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub percentiles: BTreeMap<String, Vec<Option<f64>>>,
}

/// Go writes an empty list as `null`.
fn null_is_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_scope_is_what_json_says() {
        for scope in MetricScope::ALL {
            let written = serde_json::to_value(scope).unwrap();
            assert_eq!(written, serde_json::json!(scope.name()));
            assert_eq!(MetricScope::from_name(scope.name()), Some(*scope));
        }
    }

    #[test]
    fn lists_that_go_writes_as_null_are_empty() {
        let text = r#"{"clock": {"node": {"timestep": 60, "series": null}, "core": {"timestep": 60, "series": [{"hostname": "a", "data": null}]}}}"#;
        let data: JobData = serde_json::from_str(text).unwrap();
        let clock = &data.metrics["clock"];
        assert!(clock[&MetricScope::Node].series.is_empty());
        assert!(clock[&MetricScope::Core].series[0].data.is_empty());
    }
}
