//! Metric samples in `InfluxDB` line protocol, as cc-metric-collector publishes them and cc-metric-store takes them:
//! `cpu_load,cluster=fritz,hostname=f0101,type=node value=1.5 1700000000`. The measurement is the metric; the tags `cluster`,
//! `hostname` (or `host`), `type` and `type-id` say where it was measured; tags that say nothing of that are passed over.

use influxdb_line_protocol::{FieldValue, ParsedLine, parse_lines, split_lines};
use muster_contract::job_archive::MetricScope;

/// Bytes that a name may have: of a cluster, a node, a metric or a part of a node.
pub const NAME_LIMIT: usize = 255;

/// Reasons that are written out of one message.
const REASON_LIMIT: usize = 3;

/// Time stamps below these are seconds, milliseconds and microseconds: as seconds the year 5138, and so on. Collectors write
/// seconds or nanoseconds, and no line says which.
const SECONDS_BELOW: i64 = 100_000_000_000;
const MILLISECONDS_BELOW: i64 = SECONDS_BELOW * 1_000;
const MICROSECONDS_BELOW: i64 = MILLISECONDS_BELOW * 1_000;

/// One value of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The cluster.
    pub cluster: String,
    /// The node.
    pub hostname: String,
    /// The metric.
    pub metric: String,
    /// What of the node it was measured of.
    pub scope: MetricScope,
    /// Which part of the node; empty for the node as a whole.
    pub id: String,
    /// When: seconds since 1970 UTC.
    pub time: i64,
    /// The value, in whatever unit the metric has.
    pub value: f64,
}

/// What a message has.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples {
    /// What can be kept.
    pub samples: Vec<Sample>,
    /// Lines that are no samples.
    pub refused: usize,
    /// Lines about something that there is no scope for: values of a part of a part.
    pub passed_over: usize,
    /// Why the first of those that are none are none, each with its number among the lines, counted from 1.
    pub reasons: Vec<String>,
}

enum Wrong {
    Refused(String),
    PassedOver,
}

/// Reads the lines. `default_cluster` is where those were measured that name no cluster, `now` (seconds) when those were that
/// name no time.
#[must_use]
pub fn read_samples(text: &str, default_cluster: &str, now: i64) -> Samples {
    let mut read = Samples::default();
    for (number, line) in (1..).zip(split_lines(text)) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match sample_of(line, default_cluster, now) {
            Ok(sample) => read.samples.push(sample),
            Err(Wrong::PassedOver) => read.passed_over += 1,
            Err(Wrong::Refused(reason)) => {
                read.refused += 1;
                if read.reasons.len() < REASON_LIMIT {
                    read.reasons.push(format!("line {number}: {reason}"));
                }
            }
        }
    }
    read
}

fn sample_of(line: &str, default_cluster: &str, now: i64) -> Result<Sample, Wrong> {
    let parsed = match parse_lines(line).next() {
        Some(Ok(parsed)) => parsed,
        Some(Err(error)) => return Err(refused(format!("no line protocol: {error}"))),
        None => return Err(refused("no line protocol")),
    };
    let mut sample = Sample {
        cluster: default_cluster.to_owned(),
        hostname: String::new(),
        metric: parsed.series.measurement.as_str().to_owned(),
        scope: MetricScope::Node,
        id: String::new(),
        time: parsed.timestamp.map_or(now, seconds),
        value: value_of(&parsed)?,
    };
    for (name, value) in parsed.series.tag_set.iter().flatten() {
        let value = value.as_str();
        match name.as_str() {
            "cluster" => value.clone_into(&mut sample.cluster),
            "hostname" | "host" => value.clone_into(&mut sample.hostname),
            "type" => {
                sample.scope = scope_of(value)
                    .ok_or_else(|| refused(format!("there is no type {value:?}")))?;
            }
            "type-id" => value.clone_into(&mut sample.id),
            "stype" | "subtype" | "stype-id" | "subtype-id" => return Err(Wrong::PassedOver),
            _ => {}
        }
    }
    if sample.scope == MetricScope::Node {
        // Some collectors number the node, which is always the same one.
        sample.id.clear();
    } else if sample.id.is_empty() {
        return Err(refused("there is a type and no \"type-id\""));
    }
    let names = [
        ("cluster", &sample.cluster),
        ("hostname", &sample.hostname),
        ("measurement", &sample.metric),
    ];
    for (what, name) in names {
        if name.is_empty() {
            return Err(refused(format!("there is no {what:?}")));
        }
    }
    let id = ("type-id", &sample.id);
    for (what, name) in names.into_iter().chain([id]) {
        if name.len() > NAME_LIMIT || name.contains('\0') {
            return Err(refused(format!(
                "{what:?} may have {NAME_LIMIT} bytes, and no NUL character"
            )));
        }
    }
    Ok(sample)
}

fn refused(reason: impl Into<String>) -> Wrong {
    Wrong::Refused(reason.into())
}

fn value_of(line: &ParsedLine<'_>) -> Result<f64, Wrong> {
    let field = line.field_set.iter().find(|(name, _)| *name == "value");
    let value = match field.map(|(_, value)| value) {
        Some(FieldValue::F64(value)) => *value,
        #[expect(
            clippy::cast_precision_loss,
            reason = "a measurement has no more digits"
        )]
        Some(FieldValue::I64(value)) => *value as f64,
        #[expect(
            clippy::cast_precision_loss,
            reason = "a measurement has no more digits"
        )]
        Some(FieldValue::U64(value)) => *value as f64,
        Some(_) => return Err(refused("the field \"value\" is no number")),
        None => return Err(refused("there is no field \"value\"")),
    };
    if value.is_finite() {
        Ok(value)
    } else {
        Err(refused("the value is not finite"))
    }
}

/// `cpu` is what early collectors call a hardware thread.
fn scope_of(name: &str) -> Option<MetricScope> {
    match name {
        "cpu" => Some(MetricScope::HardwareThread),
        name => MetricScope::from_name(name),
    }
}

fn seconds(time: i64) -> i64 {
    match time {
        _ if time < SECONDS_BELOW => time,
        _ if time < MILLISECONDS_BELOW => time / 1_000,
        _ if time < MICROSECONDS_BELOW => time / 1_000_000,
        _ => time / 1_000_000_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Samples {
        read_samples(text, "default", 77)
    }

    #[test]
    fn what_cc_metric_collector_publishes_is_read() {
        let read = read(
            "cpu_load,cluster=fritz,hostname=f0101,type=node,unit=load value=1.5 1700000000\n\
             mem_bw,cluster=fritz,hostname=f0101,type=socket,type-id=1 value=7i 1700000000000000000\n\
             cpu_user,host=f0101,type=cpu,type-id=17 value=3u 1700000000123\n\
             # a comment\n\
             acc_power,hostname=f0101,type=accelerator,type-id=00000000:49:00.0 value=250\n\
             nfs4_read,hostname=f0101,type=node,stype=filesystem,stype-id=/home value=1 1700000000\n",
        );
        let seen: Vec<_> = read
            .samples
            .iter()
            .map(|one| {
                (
                    one.cluster.as_str(),
                    one.metric.as_str(),
                    one.scope.name(),
                    one.id.as_str(),
                    one.time,
                    one.value,
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("fritz", "cpu_load", "node", "", 1_700_000_000, 1.5),
                ("fritz", "mem_bw", "socket", "1", 1_700_000_000, 7.0),
                ("default", "cpu_user", "hwthread", "17", 1_700_000_000, 3.0),
                (
                    "default",
                    "acc_power",
                    "accelerator",
                    "00000000:49:00.0",
                    77,
                    250.0
                ),
            ]
        );
        assert!(read.samples.iter().all(|sample| sample.hostname == "f0101"));
        assert_eq!((read.refused, read.passed_over), (0, 1));
    }

    #[test]
    fn what_is_no_sample_says_why_and_the_rest_is_read() {
        for (line, reason) in [
            ("cpu_load", "no line protocol"),
            ("cpu_load,hostname=a value=\"1\" 1", "is no number"),
            ("cpu_load,hostname=a load=1 1", "no field \"value\""),
            ("cpu_load,type=node value=1 1", "no \"hostname\""),
            (
                "cpu_load,hostname=a,type=die,type-id=1 value=1 1",
                "no type \"die\"",
            ),
            ("cpu_load,hostname=a,type=core value=1 1", "no \"type-id\""),
        ] {
            let read = read(&format!("{line}\nok,hostname=a value=1 1\n"));
            assert_eq!((read.samples.len(), read.refused), (1, 1), "{line}");
            let said = &read.reasons[0];
            assert!(
                said.starts_with("line 1: ") && said.contains(reason),
                "{line}: {said}"
            );
        }
        let many = read(&"x\n".repeat(9));
        assert_eq!((many.refused, many.reasons.len()), (9, REASON_LIMIT));
        let long = "a".repeat(NAME_LIMIT);
        assert_eq!(read(&format!("m,hostname={long} value=1")).samples.len(), 1);
        assert_eq!(read(&format!("m,hostname={long}a value=1")).refused, 1);
        assert_eq!(read_samples("m,hostname=a value=1", "", 1).refused, 1);
    }
}
