//! Backups that were made.

use serde_json::{Map, Value};

use super::fields::{self, Wrong};

const STATUSES: [&str; 5] = ["creating", "available", "error", "deleting", "deleted"];

/// Of one in such a state it may not be known where it is.
const UNFINISHED: [&str; 3] = ["creating", "error", "deleting"];

/// The status of one of which nothing is said.
const AVAILABLE: &str = "available";

/// What is known of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Backup {
    pub(crate) status: String,
    /// `backup_metadata`
    pub(crate) metadata: Map<String, Value>,
}

impl Backup {
    /// One that a client describes: its metadata, with its status among them.
    pub(crate) fn new(described: &Map<String, Value>) -> Result<Self, Wrong> {
        let status = status(described)?.unwrap_or(AVAILABLE);
        let mut required = vec!["backup_name"];
        if !UNFINISHED.contains(&status) {
            required.extend(["container", "hostname"]);
        }
        for key in ["backup_name", "container", "hostname"] {
            match fields::text(described, key)? {
                Some("") => return Err(format!("{key} must not be empty")),
                None if required.contains(&key) => {
                    return Err(format!("a backup with status {status} must have a {key}"));
                }
                _ => {}
            }
        }
        let mut metadata = described.clone();
        metadata.remove("status");
        fields::check_size("a backup", &metadata)?;
        Ok(Self {
            status: status.to_owned(),
            metadata,
        })
    }

    /// The changes that a client sends: `status`, and `backup_metadata` key by key.
    pub(crate) fn patch(&mut self, patch: &Map<String, Value>) -> Result<(), Wrong> {
        let mut metadata = self.metadata.clone();
        if let Some(changes) = fields::object(patch, "backup_metadata")? {
            metadata.extend(changes.clone());
        }
        fields::check_size("a backup", &metadata)?;
        if let Some(status) = status(patch)? {
            status.clone_into(&mut self.status);
        }
        self.metadata = metadata;
        Ok(())
    }
}

fn status(document: &Map<String, Value>) -> Result<Option<&str>, Wrong> {
    match document.get("status") {
        None => Ok(None),
        Some(status) => {
            let status = status.as_str().filter(|status| STATUSES.contains(status));
            status.map_or_else(
                || Err(format!("status must be one of {STATUSES:?}")),
                |status| Ok(Some(status)),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn backup(described: &Value) -> Result<Backup, Wrong> {
        Backup::new(described.as_object().unwrap())
    }

    #[test]
    fn it_is_available_unless_it_says_otherwise() {
        let there =
            backup(&json!({"backup_name": "b", "container": "c", "hostname": "h", "level": 1}))
                .unwrap();
        assert_eq!(there.status, "available");
        assert_eq!(there.metadata["level"], json!(1));
        let begun = backup(&json!({"backup_name": "b", "status": "creating"})).unwrap();
        assert_eq!(begun.status, "creating");
        assert!(!begun.metadata.contains_key("status"));
    }

    #[test]
    fn what_is_no_backup_is_refused() {
        for bad in [
            json!({}),
            json!({"backup_name": "b"}),
            json!({"backup_name": "b", "container": "c"}),
            json!({"backup_name": "", "container": "c", "hostname": "h"}),
            json!({"backup_name": "b", "container": null, "hostname": "h"}),
            json!({"backup_name": "b", "container": "", "status": "creating"}),
            json!({"backup_name": "b", "container": "c", "hostname": "h", "status": "lost"}),
            json!({"backup_name": "b", "container": "c", "hostname": "h", "status": null}),
            json!({"backup_name": 1, "container": "c", "hostname": "h"}),
            json!({"backup_name": "b\0", "container": "c", "hostname": "h"}),
        ] {
            assert!(backup(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_patch_is_merged_or_changes_nothing() {
        let mut kept = backup(&json!({"backup_name": "b", "status": "creating"})).unwrap();
        let patch = |value: Value| value.as_object().unwrap().clone();
        kept.patch(&patch(
            json!({"backup_metadata": {"container": "c"}, "status": "available", "other": 1}),
        ))
        .unwrap();
        assert_eq!(kept.status, "available");
        assert_eq!(
            kept.metadata,
            patch(json!({"backup_name": "b", "container": "c"}))
        );
        let before = kept.clone();
        for bad in [
            json!({"status": "lost", "backup_metadata": {"a": 1}}),
            json!({"backup_metadata": []}),
        ] {
            assert!(kept.patch(&patch(bad)).is_err());
        }
        assert_eq!(kept, before);
    }
}
