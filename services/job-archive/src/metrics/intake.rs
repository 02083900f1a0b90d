//! Takes metric samples.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use muster_clustercockpit::samples::{Sample, read_samples};
use muster_messaging::{BulkMessage, HandlerError, TakeBulk};
use muster_platform::{Clock, Timestamp};
use muster_storage::Transaction;
use tracing::warn;

use super::recent::{RecentSample, write};
use crate::{
    domain::clusters::Clusters,
    store::metric_samples::{NewRecent, keep_recent},
};

/// How far ahead of our clock a node's may be.
const AHEAD: Duration = Duration::from_mins(10);

/// Samples of one node in one row, at most; a batch with more has several rows of it.
const SAMPLES_IN_ROW: usize = 10_000;

/// Keeps metric samples.
pub(crate) struct SampleIntake {
    pub(crate) clusters: Arc<Clusters>,
    pub(crate) clock: Arc<dyn Clock>,
    /// How long samples are kept: older ones are not taken any more.
    pub(crate) retention: Duration,
}

/// What is to be stored of a batch.
pub(crate) struct Gathered {
    pub(crate) pieces: Vec<NewRecent>,
    pub(crate) now: Timestamp,
}

/// Samples that are not kept, by why.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost {
    /// Lines that are no samples.
    pub(crate) unreadable: usize,
    /// Of clusters that the site does not declare.
    pub(crate) unknown_cluster: usize,
    /// From the future, or older than what is kept.
    pub(crate) untimely: usize,
}

impl SampleIntake {
    /// The samples of the messages by node, and what is lost of them.
    pub(crate) fn gather(&self, messages: &[BulkMessage]) -> (Gathered, Lost, Option<String>) {
        let now = self.clock.now();
        let earliest = now.minus(self.retention).as_seconds();
        let latest = now.plus(AHEAD).as_seconds();
        let mut lost = Lost::default();
        let mut example = None;
        let mut nodes: HashMap<(String, String), Vec<RecentSample>> = HashMap::new();
        for message in messages {
            let Ok(text) = std::str::from_utf8(&message.payload) else {
                lost.unreadable += 1;
                example.get_or_insert_with(|| "a message is no UTF-8 text".to_owned());
                continue;
            };
            let default_cluster = message.default_cluster.as_deref().unwrap_or_default();
            let read = read_samples(text, default_cluster, now.as_seconds());
            lost.unreadable += read.refused;
            example = example.or_else(|| read.reasons.into_iter().next());
            for sample in read.samples {
                if !self.clusters.names().contains(&sample.cluster) {
                    lost.unknown_cluster += 1;
                    example.get_or_insert_with(|| format!("no such cluster: {}", sample.cluster));
                } else if !(earliest..=latest).contains(&sample.time) {
                    lost.untimely += 1;
                    example.get_or_insert_with(|| {
                        format!(
                            "the time {} of {} is not taken",
                            sample.time, sample.hostname
                        )
                    });
                } else {
                    let Sample {
                        cluster,
                        hostname,
                        metric,
                        scope,
                        id,
                        time,
                        value,
                    } = sample;
                    let recent = RecentSample::new(metric, scope, id, time, value);
                    nodes.entry((cluster, hostname)).or_default().push(recent);
                }
            }
        }
        // In one order, so that two replicas do not wait for each other.
        let nodes: BTreeMap<_, _> = nodes.into_iter().collect();
        let mut pieces = Vec::with_capacity(nodes.len());
        for ((cluster, hostname), samples) in nodes {
            for samples in samples.chunks(SAMPLES_IN_ROW) {
                match piece(&cluster, &hostname, samples) {
                    Ok(piece) => pieces.push(piece),
                    Err(error) => {
                        warn!(target: "muster::job_archive", %error, "metric samples cannot be written");
                    }
                }
            }
        }
        (Gathered { pieces, now }, lost, example)
    }
}

fn piece(
    cluster: &str,
    hostname: &str,
    samples: &[RecentSample],
) -> Result<NewRecent, postcard::Error> {
    let times = || samples.iter().map(|sample| sample.time);
    Ok(NewRecent {
        cluster: cluster.to_owned(),
        hostname: hostname.to_owned(),
        first_time: times().min().unwrap_or_default(),
        last_time: times().max().unwrap_or_default(),
        samples: write(samples)?,
    })
}

impl TakeBulk for SampleIntake {
    type Prepared = Gathered;

    fn prepare(&self, messages: &[BulkMessage]) -> Gathered {
        let (gathered, lost, example) = self.gather(messages);
        if let Some(example) = example {
            // Once a batch: a producer that sends nothing else must not fill the log.
            warn!(
                target: "muster::job_archive",
                unreadable = lost.unreadable,
                unknown_cluster = lost.unknown_cluster,
                untimely = lost.untimely,
                example,
                "metric samples were dropped"
            );
        }
        gathered
    }

    async fn store(
        &self,
        transaction: &mut Transaction,
        gathered: &Gathered,
    ) -> Result<(), HandlerError> {
        Ok(keep_recent(transaction, gathered.pieces.clone(), gathered.now).await?)
    }
}
