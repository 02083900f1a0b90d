//! Producers: programs of others, such as a batch system's adapter or a collector of measurements, that publish `InfluxDB` line
//! protocol on subjects of their own over core NATS, unacknowledged (`api/clustercockpit.md` §1.10). Streams of ours keep
//! what they publish until the archive has taken it.

use std::collections::BTreeSet;

use async_nats::jetstream::{
    consumer::pull,
    stream::{Config, DiscardPolicy, RetentionPolicy},
};

use crate::{
    Service,
    permissions::Permissions,
    subject,
    topology::{Limits, PENDING_ACKNOWLEDGEMENTS, command_consumer, common},
};

/// The stream of job and node-state events.
pub const JOB_EVENT_STREAM: &str = "MUSTER_JOB_EVENTS";

/// The stream of metric samples.
pub const METRIC_STREAM: &str = "MUSTER_METRICS";

/// The subject of job events of a producer for which the site names none.
pub const DEFAULT_JOB_EVENT_SUBJECT: &str = "cc.job.event";

/// The subject of node states of a producer for which the site names none.
pub const DEFAULT_NODE_STATE_SUBJECT: &str = "cc.node.state";

/// The subject of metric samples of a producer for which the site names none.
pub const DEFAULT_METRIC_SUBJECT: &str = "hpc-nats";

/// Where the ingress publishes metric samples that came over HTTP, as it would a producer.
pub const WRITTEN_METRICS: &str = "muster.metrics.written";

/// Messages with samples that may be held unacknowledged: several batches, since old collectors send each sample by itself.
const PENDING_METRICS: i64 = 8_192;

/// Subjects that producers publish to, each in one list at most, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProducerSubjects {
    /// Jobs that have started and stopped, and states of nodes.
    pub job_events: BTreeSet<String>,
    /// Metric samples.
    pub metrics: BTreeSet<String>,
}

impl ProducerSubjects {
    /// Whether job events come at all; without subjects there is no stream of them.
    #[must_use]
    pub fn has_job_events(&self) -> bool {
        !self.job_events.is_empty()
    }
}

/// Somebody who signs in as a producer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProducerUser {
    /// Its name.
    pub name: String,
    /// Its public nkey.
    pub public_key: String,
    /// Subjects it may publish to.
    pub subjects: Vec<String>,
}

/// The streams of what producers publish. Those are not told whether it was stored, so what is full refuses what is newest
/// rather than forget what is waiting.
pub(crate) fn streams(limits: &Limits) -> Vec<Config> {
    let mut metrics = vec![WRITTEN_METRICS.to_owned()];
    metrics.extend(limits.producers.metrics.iter().cloned());
    let mut streams = vec![Config {
        name: METRIC_STREAM.to_owned(),
        description: Some("Metric samples of all producers".to_owned()),
        subjects: metrics,
        retention: RetentionPolicy::WorkQueue,
        discard: DiscardPolicy::New,
        max_bytes: limits.metric_bytes,
        ..common(limits)
    }];
    if limits.producers.has_job_events() {
        streams.push(Config {
            name: JOB_EVENT_STREAM.to_owned(),
            description: Some("Job and node-state events of all producers".to_owned()),
            subjects: limits.producers.job_events.iter().cloned().collect(),
            retention: RetentionPolicy::WorkQueue,
            discard: DiscardPolicy::New,
            max_bytes: limits.job_event_bytes,
            ..common(limits)
        });
    }
    streams
}

/// The durable consumer through which the archive takes what producers publish.
pub(crate) fn consumer(stream: &str) -> pull::Config {
    pull::Config {
        max_ack_pending: if stream == METRIC_STREAM {
            PENDING_METRICS
        } else {
            PENDING_ACKNOWLEDGEMENTS
        },
        description: Some("Taken by job-archive".to_owned()),
        ..command_consumer(Service::JobArchive)
    }
}

/// What a producer may do: publish to its subjects. It may listen to nothing but its own inbox, where nobody sends anything:
/// clients make that subscription when they connect or ask for an acknowledgement.
#[must_use]
pub fn producer_permissions(name: &str, subjects: &[String]) -> Permissions {
    Permissions {
        publish: subjects.to_vec(),
        subscribe: vec![format!("{}.>", subject::producer_inbox_prefix(name))],
        answers: false,
    }
}

/// Why the subject cannot be a producer's, if it cannot.
///
/// # Errors
/// It is no single subject, or one of the broker's, of a client's or of Muster's own.
pub fn check_producer_subject(subject: &str) -> Result<(), &'static str> {
    let is_token = |token: &str| {
        !token.is_empty()
            && token
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'*' | b'>' | b'"'))
    };
    if subject.len() > SUBJECT_LIMIT || !subject.split('.').all(is_token) {
        return Err(
            "a subject is made of words of visible ASCII characters with dots between them, without wildcards",
        );
    }
    let first = subject.split('.').next().unwrap_or_default();
    if first == subject::ROOT || first.starts_with('$') || first.starts_with("_INBOX") {
        return Err("a producer publishes to no subject of Muster's or the broker's own");
    }
    Ok(())
}

/// Bytes of a producer's subject.
const SUBJECT_LIMIT: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_producer_has_no_subject_of_anybody_else() {
        for good in [
            "cc.job.event",
            "jobs",
            "hpc-nats",
            "a.b_c.d-e",
            "musterjobs",
        ] {
            assert_eq!(check_producer_subject(good), Ok(()), "{good}");
        }
        for wrong in [
            "",
            "a..b",
            ".a",
            "a.",
            "a b",
            "a.*",
            "a.>",
            ">",
            "é",
            "a\"b",
            "muster",
            "muster.cmd.job-archive.v1.start-job",
            "$JS.API.STREAM.PURGE.MUSTER_EVENTS",
            "$SYS.x",
            "_INBOX.ingress.x",
        ] {
            assert!(check_producer_subject(wrong).is_err(), "{wrong}");
        }
        assert!(check_producer_subject(&"a".repeat(SUBJECT_LIMIT + 1)).is_err());
        assert!(check_producer_subject(&"a".repeat(SUBJECT_LIMIT)).is_ok());
    }

    #[test]
    fn what_is_taken_for_granted_can_be_used() {
        for subject in [
            DEFAULT_JOB_EVENT_SUBJECT,
            DEFAULT_NODE_STATE_SUBJECT,
            DEFAULT_METRIC_SUBJECT,
        ] {
            assert_eq!(check_producer_subject(subject), Ok(()));
        }
        assert!(check_producer_subject(WRITTEN_METRICS).is_err());
    }
}
