//! Real jobs of ClusterCockpit sites, kept beside the repository.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use muster_testkit::programs::repository;
use serde_json::{Value, json};

/// One job as a file describes it, after its end.
#[derive(Debug, Clone)]
pub struct RealJob {
    /// The file's name.
    pub file: String,
    /// Its content.
    pub document: Value,
}

/// `../shared/data/clustercockpit`; the error says in one line that it is missing.
pub fn directory() -> Result<PathBuf, String> {
    let directory = repository().join("../shared/data/clustercockpit");
    if directory.is_dir() {
        Ok(directory)
    } else {
        Err("../shared/data/clustercockpit is not there".to_owned())
    }
}

/// The cluster descriptions; none where the data is missing.
pub fn cluster_files() -> Result<Vec<PathBuf>> {
    match directory() {
        Ok(directory) => files(&directory.join("clusters"), ".json"),
        Err(_) => Ok(Vec::new()),
    }
}

/// All jobs by rising start time, as they happened.
pub fn jobs(directory: &Path) -> Result<Vec<RealJob>> {
    let mut paths = files(&directory.join("jobs"), ".meta.json")?;
    paths.extend(files(&directory.join("genuine"), ".meta.json")?);
    let mut jobs = paths
        .iter()
        .map(|path| RealJob::read(path))
        .collect::<Result<Vec<_>>>()?;
    jobs.sort_by_key(|job| (job.integer("startTime"), job.integer("jobId")));
    Ok(jobs)
}

impl RealJob {
    fn read(path: &Path) -> Result<Self> {
        let text = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        let document = serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
        let file = path.file_name().unwrap_or_default();
        Ok(Self {
            file: file.to_string_lossy().into_owned(),
            document,
        })
    }

    /// A member that is a whole number; 0 when it is not there.
    #[must_use]
    pub fn integer(&self, member: &str) -> i64 {
        self.document
            .get(member)
            .and_then(Value::as_i64)
            .unwrap_or_default()
    }

    /// The job at its start: running, for no time yet. A start knows no `stopTime`.
    #[must_use]
    pub fn start(&self) -> Value {
        let mut body = self.document.clone();
        if let Some(members) = body.as_object_mut() {
            members.remove("stopTime");
            members.insert("jobState".to_owned(), json!("running"));
            members.insert("duration".to_owned(), json!(0));
        }
        body
    }

    /// Its end.
    #[must_use]
    pub fn stop(&self) -> Value {
        json!({
            "jobId": self.document.get("jobId"),
            "cluster": self.document.get("cluster"),
            "startTime": self.document.get("startTime"),
            "stopTime": self.integer("startTime") + self.integer("duration"),
            "jobState": self.document.get("jobState"),
        })
    }

    /// Every member in which `listed` differs from the file, as `member: wanted, got`.
    ///
    /// Numbers are compared by value. What is 0 or empty in the file may be missing from the list.
    /// Of tags the list knows the id too. `stopTime` is in a list as start and duration.
    #[must_use]
    pub fn differences(&self, listed: &Value) -> Vec<String> {
        let members = self.document.as_object().into_iter().flatten();
        let mut differences = Vec::new();
        for (member, wanted) in members {
            let equal = match (member.as_str(), listed.get(member)) {
                ("stopTime", _) => wanted.as_i64() == stop_time(listed),
                // 1 = to be archived, 3 = archived.
                ("monitoringStatus", Some(got)) => same(wanted, got) || *got == json!(3),
                ("tags", Some(got)) => tags(wanted) == tags(got),
                (_, Some(got)) => same(wanted, got),
                (_, None) => is_zero(wanted),
            };
            if !equal {
                let got = listed.get(member).unwrap_or(&Value::Null);
                differences.push(format!("{member}: {wanted}, got {got}"));
            }
        }
        differences
    }
}

fn stop_time(listed: &Value) -> Option<i64> {
    Some(listed.get("startTime")?.as_i64()? + listed.get("duration")?.as_i64()?)
}

/// Type, name and scope of each tag.
fn tags(tags: &Value) -> Vec<[String; 3]> {
    let text = |tag: &Value, member: &str, default: &str| {
        let text = tag.get(member).and_then(Value::as_str);
        text.unwrap_or(default).to_owned()
    };
    let mut tags: Vec<_> = tags
        .as_array()
        .into_iter()
        .flatten()
        .map(|tag| {
            [
                text(tag, "type", ""),
                text(tag, "name", ""),
                text(tag, "scope", "global"),
            ]
        })
        .collect();
    tags.sort();
    tags
}

/// Whether two values say the same; 1 and 1.0 do. Empty and 0 members may be left out of `got`.
fn same(wanted: &Value, got: &Value) -> bool {
    match (wanted, got) {
        (Value::Number(wanted), Value::Number(got)) => {
            wanted == got || wanted.as_f64() == got.as_f64()
        }
        (Value::Array(wanted), Value::Array(got)) => {
            wanted.len() == got.len()
                && wanted
                    .iter()
                    .zip(got)
                    .all(|(wanted, got)| same(wanted, got))
        }
        (Value::Object(wanted), Value::Object(got)) => {
            let nothing_new = got.keys().all(|name| wanted.contains_key(name));
            nothing_new
                && wanted.iter().all(|(name, wanted)| match got.get(name) {
                    Some(got) => same(wanted, got),
                    None => is_zero(wanted),
                })
        }
        _ => wanted == got,
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}

fn files(directory: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(directory).with_context(|| format!("reading {}", directory.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(ending) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(document: Value) -> RealJob {
        RealJob {
            file: "test".to_owned(),
            document,
        }
    }

    #[test]
    fn what_differs_is_named() {
        let job = job(
            json!({ "jobId": 1, "energy": 1.0, "smt": 0, "user": "a", "stopTime": 12,
            "footprint": { "x": 2, "y": 0 }, "resources": [{ "hostname": "n1" }] }),
        );
        let mut listed = json!({ "jobId": 1, "energy": 1, "user": "a", "startTime": 10, "duration": 2,
            "footprint": { "x": 2.0 }, "resources": [{ "hostname": "n1" }] });
        assert_eq!(job.differences(&listed), Vec::<String>::new());
        for (member, value) in [
            ("jobId", json!("1")),
            ("energy", json!(1.5)),
            ("smt", json!(1)),
            ("duration", json!(3)),
            ("footprint", json!({ "x": 2, "z": 1 })),
            ("resources", json!([])),
        ] {
            let before = listed[member].clone();
            listed[member] = value;
            assert!(!job.differences(&listed).is_empty(), "{member}");
            listed[member] = before;
        }
    }
}
