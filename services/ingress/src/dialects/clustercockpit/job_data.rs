//! What was measured of a job, as clients ask for it and read it.

use muster_contract::Outcome;
use muster_contract::job_archive::{
    Job, JobData, JobMetric, JobMetrics, JobMetricsRefusal, MetricScope,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::frame::{Caller, Failure, FailureKind, Ingress};

/// One metric in one scope.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NamedMetric<'a> {
    /// The metric.
    #[schema(example = "flops_any")]
    name: &'a str,
    /// What it was measured of.
    #[schema(example = "node")]
    scope: &'static str,
    /// Unit, seconds between two values, and the series.
    #[schema(value_type = Object)]
    metric: &'a JobMetric,
}

/// The metrics one by one, by name and scope.
pub(super) fn named(data: &JobData) -> Vec<NamedMetric<'_>> {
    let metrics = data.metrics.iter().flat_map(|(name, scopes)| {
        scopes.iter().map(move |(scope, metric)| NamedMetric {
            name,
            scope: scope.name(),
            metric,
        })
    });
    metrics.collect()
}

/// Why nothing that was measured is shown.
#[derive(Debug, PartialEq)]
pub(super) enum NoData {
    /// There is no such job.
    NoJob,
    /// There is nothing of it.
    Nothing(String),
}

/// What was measured of a job. With no metrics or scopes named, of all.
pub(super) async fn measured(
    ingress: &Ingress,
    caller: &Caller,
    question: &JobMetrics,
) -> Result<Result<JobData, NoData>, Failure> {
    Ok(match ingress.ask(caller, question).await? {
        Outcome::Done(data) => Ok(data),
        Outcome::Refused(JobMetricsRefusal::NotFound) => Err(NoData::NoJob),
        Outcome::Refused(JobMetricsRefusal::NotArchived) => Err(NoData::Nothing(
            "the job has not been archived, so that nothing that was measured is kept".to_owned(),
        )),
        Outcome::Refused(JobMetricsRefusal::Unreadable { reason }) => Err(NoData::Nothing(
            format!("what was measured of the job cannot be read: {reason}"),
        )),
    })
}

/// The scope that cc-backend shows with a job: the cores of one node, else the nodes as wholes.
pub(super) fn usual_scopes(job: &Job) -> Vec<MetricScope> {
    vec![if job.num_nodes == 1 {
        MetricScope::Core
    } else {
        MetricScope::Node
    }]
}

/// What was measured of a job in its usual scope and, of metrics that were not measured there, in any.
pub(super) async fn usual(
    ingress: &Ingress,
    caller: &Caller,
    job: &Job,
    metrics: Vec<String>,
) -> Result<JobData, Failure> {
    let question = JobMetrics {
        id: job.id,
        metrics,
        scopes: Vec::new(),
    };
    match measured(ingress, caller, &question).await? {
        Ok(data) => Ok(narrowed(data, &usual_scopes(job))),
        Err(NoData::NoJob) => Err(Failure::new(
            FailureKind::Unprocessable,
            "finding job failed: sql: no rows in result set",
        )),
        // A job without metrics is shown all the same: what is missing never hides the job.
        Err(NoData::Nothing(_)) => Ok(JobData::default()),
    }
}

fn narrowed(mut data: JobData, wanted: &[MetricScope]) -> JobData {
    for scopes in data.metrics.values_mut() {
        if wanted.iter().any(|scope| scopes.contains_key(scope)) {
            scopes.retain(|scope, _| wanted.contains(scope));
        }
    }
    data
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn metric() -> JobMetric {
        JobMetric {
            unit: None,
            timestep: 60,
            series: Vec::new(),
            statistics_series: None,
        }
    }

    #[test]
    fn a_metric_is_shown_in_the_usual_scope_if_it_has_it() {
        let scopes = |scopes: &[MetricScope]| -> BTreeMap<MetricScope, JobMetric> {
            scopes.iter().map(|scope| (*scope, metric())).collect()
        };
        let data = JobData {
            metrics: BTreeMap::from([
                (
                    "clock".to_owned(),
                    scopes(&[MetricScope::Node, MetricScope::Core]),
                ),
                ("net".to_owned(), scopes(&[MetricScope::Node])),
            ]),
        };
        let data = narrowed(data, &[MetricScope::Core]);
        let shown: Vec<(&str, &str)> = named(&data)
            .iter()
            .map(|metric| (metric.name, metric.scope))
            .collect();
        assert_eq!(shown, [("clock", "core"), ("net", "node")]);
    }
}
