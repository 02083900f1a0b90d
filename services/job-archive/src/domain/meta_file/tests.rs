use muster_contract::job_archive::Tag;
use serde_json::json;

use super::*;
use crate::testing::genuine;

fn job(archived: ArchivedJob) -> Job {
    archived.into_job("demo")
}

/// Without what means the same there or not: zeros, empty texts, lists and objects.
fn meaning(value: &Value) -> Value {
    let Value::Object(members) = value else {
        return value.clone();
    };
    let empty = [json!(0), json!(""), json!([]), json!({}), Value::Null];
    members
        .iter()
        .filter(|(name, value)| !empty.contains(value) && *name != "tenant")
        .map(|(name, value)| (name.clone(), numbers(value)))
        .collect()
}

/// `1` and `1.0` are the same number.
fn numbers(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(numbers).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), numbers(value)))
            .collect(),
        other => other.clone(),
    }
}

#[test]
fn genuine_files_are_read_and_written_back_equal_in_meaning() {
    for (name, bytes) in genuine("meta.json") {
        let archived = read(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let written = write_over(&bytes, &job(archived), FormatVersion::V3).unwrap();
        let (before, after): (Value, Value) = (
            serde_json::from_slice(&bytes).unwrap(),
            serde_json::from_slice(&written).unwrap(),
        );
        assert_eq!(meaning(&after), meaning(&before), "{name}");
    }
}

#[test]
fn every_version_is_read_back_as_it_was() {
    for (name, bytes) in genuine("meta.json") {
        let first = read(&bytes).unwrap();
        for version in FormatVersion::ALL {
            let written = write(&job(first.clone()), version).unwrap();
            let again = read(&written).unwrap();
            assert_eq!(again.tenant.as_deref(), Some("demo"));
            let mut expected = first.job.clone();
            if version == FormatVersion::V1 {
                expected.details.energy = None;
                expected.details.footprint.clear();
                expected.details.energy_footprint.clear();
            }
            assert_eq!(again.job, expected, "{name} in {version:?}");
            let members: Value = serde_json::from_slice(&written).unwrap();
            let old = version < FormatVersion::V3;
            assert_eq!(members.get("exclusive").is_some(), old, "{name}");
            assert_eq!(members.get("shared").is_some(), !old, "{name}");
        }
    }
}

#[test]
fn what_is_written_agrees_with_the_format_in_every_member() {
    let Some((_, bytes)) = genuine("meta.json").into_iter().next() else {
        return;
    };
    let mut job = job(read(&bytes).unwrap());
    job.tags = vec![Tag {
        id: 9,
        kind: "app".to_owned(),
        name: "vasp".to_owned(),
        scope: "global".to_owned(),
    }];
    for version in FormatVersion::ALL {
        for state in JobState::ALL {
            job.state = *state;
            let written: Value = serde_json::from_slice(&write(&job, version).unwrap()).unwrap();
            let required = [
                "jobId",
                "user",
                "project",
                "cluster",
                "subCluster",
                "numNodes",
                "startTime",
                "jobState",
                "duration",
                "resources",
                "statistics",
            ];
            for member in required {
                assert!(written.get(member).is_some(), "{member} in {version:?}");
            }
            for member in [
                "numNodes",
                "numHwthreads",
                "numAcc",
                "walltime",
                "startTime",
            ] {
                let positive = written
                    .get(member)
                    .is_none_or(|value| value.as_i64() > Some(0));
                assert!(positive, "{member} in {version:?}");
            }
            let words: &[&str] = match version {
                FormatVersion::V1 => &[
                    "completed",
                    "failed",
                    "cancelled",
                    "stopped",
                    "out_of_memory",
                    "timeout",
                ],
                FormatVersion::V2 => &[
                    "boot_fail",
                    "cancelled",
                    "completed",
                    "deadline",
                    "failed",
                    "node_fail",
                    "out_of_memory",
                    "pending",
                    "preempted",
                    "running",
                    "stopped",
                    "suspended",
                    "timeout",
                ],
                FormatVersion::V3 => &[
                    "boot_fail",
                    "cancelled",
                    "completed",
                    "deadline",
                    "failed",
                    "node_fail",
                    "out_of_memory",
                    "pending",
                    "preempted",
                    "running",
                    "suspended",
                    "timeout",
                ],
            };
            let word = written["jobState"].as_str().unwrap();
            assert!(words.contains(&word), "{word} in {version:?}");
            let tag = match version {
                FormatVersion::V1 => json!({"type": "app", "name": "vasp"}),
                _ => json!({"type": "app", "name": "vasp", "scope": "global"}),
            };
            assert_eq!(written["tags"], json!([tag]));
        }
    }
}

#[test]
fn what_muster_does_not_know_of_is_kept_and_what_was_taken_away_is_not() {
    let before = json!({
        "jobId": 7, "user": "alice", "project": "p", "cluster": "alpha", "subCluster": "main",
        "numNodes": 1, "exclusive": 1, "jobState": "completed", "duration": 60, "startTime": 100,
        "resources": [{"hostname": "a01"}], "statistics": {}, "stopTime": 160,
        "tags": [{"type": "a", "name": "b"}], "metaData": null,
    });
    let bytes = serde_json::to_vec(&before).unwrap();
    let mut job = job(read(&bytes).unwrap());
    assert_eq!(job.tags[0].scope, "global");
    job.tags.clear();
    let written = write_over(&bytes, &job, FormatVersion::V3).unwrap();
    let written: Value = serde_json::from_slice(&written).unwrap();
    assert_eq!(written["stopTime"], 160);
    assert_eq!(written.get("tags"), None);
    assert_eq!(written.get("exclusive"), None);
    assert_eq!(written["shared"], "none");
}

#[test]
fn what_cannot_be_a_job_is_refused() {
    let good = json!({
        "jobId": 7, "user": "alice", "project": "p", "cluster": "alpha", "subCluster": "main",
        "numNodes": 1, "shared": "none", "jobState": "completed", "duration": 60, "startTime": 100,
        "resources": [{"hostname": "a01"}], "statistics": {},
    });
    read(&serde_json::to_vec(&good).unwrap()).unwrap();
    for (member, value) in [
        ("jobState", json!("gone")),
        ("shared", json!("perhaps")),
        ("user", json!("")),
        ("numNodes", json!(0)),
        ("numAcc", json!(-1)),
        ("jobId", json!("7")),
        ("resources", json!(7)),
    ] {
        let mut bad = good.clone();
        bad[member] = value;
        assert!(
            read(&serde_json::to_vec(&bad).unwrap()).is_err(),
            "{member}"
        );
    }
    assert!(read(b"{\"jobId\": 7").is_err());
}
