//! What jobs do.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::fields::{self, Wrong};

/// Retries unless set otherwise, and seconds between them.
const MAX_RETRIES: i64 = 5;
const MAX_RETRIES_INTERVAL: i64 = 6;

/// What the real server's schema allows.
const ACTIONS: [&str; 5] = ["backup", "restore", "info", "admin", "exec"];
const MODES: [&str; 8] = [
    "fs",
    "mongo",
    "mysql",
    "sqlserver",
    "cinder",
    "glance",
    "cindernative",
    "nova",
];
const TEXTS: [&str; 4] = [
    "path_to_backup",
    "backup_name",
    "container",
    "restore_abs_path",
];

/// Keys of `freezer_action` that are shown even where they have no value.
const ALWAYS_SHOWN: [&str; 7] = [
    "backup_name",
    "mode",
    "container",
    "timeout",
    "priority",
    "path_to_backup",
    "log_file",
];

const FREEZER_ACTION: &str = "freezer_action";

/// An action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BackupAction {
    pub(crate) action_id: String,
    pub(crate) tenant: String,
    /// Who made it.
    pub(crate) user: String,
    /// Rises with each change.
    pub(crate) version: i64,
    /// `max_retries`, `max_retries_interval`, `mandatory` if it was said, and `freezer_action`.
    pub(crate) document: Map<String, Value>,
}

/// What is kept of an action that a client describes; `defaults` are the job's that it comes with.
pub(crate) fn new(
    described: &Map<String, Value>,
    defaults: Option<&Map<String, Value>>,
) -> Result<Map<String, Value>, Wrong> {
    let mut freezer_action = fields::object(described, FREEZER_ACTION)?
        .ok_or("an action must have a freezer_action")?
        .clone();
    if let Some(defaults) = defaults {
        fill(&mut freezer_action, defaults);
    }
    let mut document = Map::new();
    document.insert("max_retries".to_owned(), MAX_RETRIES.into());
    document.insert(
        "max_retries_interval".to_owned(),
        MAX_RETRIES_INTERVAL.into(),
    );
    take_retries(&mut document, described)?;
    keep(document, freezer_action)
}

/// The action with the changes that a client sends: `freezer_action` key by key.
pub(crate) fn patched(
    document: &Map<String, Value>,
    patch: &Map<String, Value>,
) -> Result<Map<String, Value>, Wrong> {
    let mut document = document.clone();
    let mut freezer_action = freezer_action(&document).clone();
    if let Some(changes) = fields::object(patch, FREEZER_ACTION)? {
        freezer_action.extend(changes.clone());
    }
    take_retries(&mut document, patch)?;
    keep(document, freezer_action)
}

/// What is to be done, of an action that is kept.
pub(crate) fn freezer_action(document: &Map<String, Value>) -> &Map<String, Value> {
    static NOTHING: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    let found = document.get(FREEZER_ACTION).and_then(Value::as_object);
    found.unwrap_or_else(|| &*NOTHING)
}

/// Puts defaults where there is no value.
pub(crate) fn fill(freezer_action: &mut Map<String, Value>, defaults: &Map<String, Value>) {
    for (key, value) in defaults {
        if freezer_action.get(key).is_none_or(Value::is_null) {
            freezer_action.insert(key.clone(), value.clone());
        }
    }
}

/// The action as the job does it that has these defaults.
pub(crate) fn with_defaults(
    mut document: Map<String, Value>,
    defaults: &Map<String, Value>,
) -> Map<String, Value> {
    if let Some(Value::Object(freezer_action)) = document.get_mut(FREEZER_ACTION) {
        fill(freezer_action, defaults);
    }
    document
}

/// Whether both say the same to do: a key without a value says nothing.
pub(crate) fn say_the_same(one: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    let said = |map: &Map<String, Value>, key: &String| {
        map.get(key).filter(|value| !value.is_null()).cloned()
    };
    one.keys()
        .chain(other.keys())
        .all(|key| said(one, key) == said(other, key))
}

fn take_retries(document: &mut Map<String, Value>, from: &Map<String, Value>) -> Result<(), Wrong> {
    for key in ["max_retries", "max_retries_interval"] {
        if let Some(number) = fields::number(from, key)? {
            document.insert(key.to_owned(), number.into());
        }
    }
    match from.get("mandatory") {
        None => {}
        Some(mandatory @ Value::Bool(_)) => {
            document.insert("mandatory".to_owned(), mandatory.clone());
        }
        Some(_) => return Err("mandatory must be true or false".to_owned()),
    }
    Ok(())
}

fn keep(
    mut document: Map<String, Value>,
    mut freezer_action: Map<String, Value>,
) -> Result<Map<String, Value>, Wrong> {
    check(&freezer_action)?;
    for key in ALWAYS_SHOWN {
        freezer_action.entry(key).or_insert(Value::Null);
    }
    document.insert(FREEZER_ACTION.to_owned(), freezer_action.into());
    fields::check_size("an action", &document)?;
    Ok(document)
}

/// Refuses what the real server refuses.
pub(crate) fn check_defaults(defaults: &Map<String, Value>) -> Result<(), Wrong> {
    let action = fields::text(defaults, "action")?;
    if action.is_some_and(|action| !ACTIONS.contains(&action)) {
        return Err(format!("action must be one of {ACTIONS:?}"));
    }
    let mode = fields::text(defaults, "mode")?;
    if mode.is_some_and(|mode| !MODES.contains(&mode)) {
        return Err(format!("mode must be one of {MODES:?}"));
    }
    for key in TEXTS {
        fields::text(defaults, key)?;
    }
    match defaults.get("cindernative_freezer_only") {
        None | Some(Value::Null | Value::Bool(_)) => Ok(()),
        Some(_) => Err("cindernative_freezer_only must be true or false".to_owned()),
    }
}

fn check(freezer_action: &Map<String, Value>) -> Result<(), Wrong> {
    check_defaults(freezer_action)?;
    if fields::text(freezer_action, "action")?.is_none() {
        return Err("a freezer_action must have an action".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_new_one_has_all_that_readers_look_at() {
        let described = map(
            &json!({"max_retries": 2, "unknown": 1, "freezer_action": {"action": "backup", "mode": "fs", "command": "x"}}),
        );
        let defaults = map(&json!({"mode": "nova", "container": "c", "storage": "local"}));
        let kept = new(&described, Some(&defaults)).unwrap();
        let expected = json!({
            "max_retries": 2,
            "max_retries_interval": 6,
            "freezer_action": {
                "action": "backup", "mode": "fs", "command": "x", "container": "c", "storage": "local",
                "backup_name": null, "timeout": null, "priority": null, "path_to_backup": null, "log_file": null,
            },
        });
        assert_eq!(kept, map(&expected));
        // What a reader sends back is the same.
        assert_eq!(new(&kept, None).unwrap(), kept);
    }

    #[test]
    fn a_patch_is_merged() {
        let kept = new(
            &map(&json!({"freezer_action": {"action": "backup", "mode": "fs"}})),
            None,
        )
        .unwrap();
        let patch =
            map(&json!({"mandatory": true, "freezer_action": {"container": "c", "mode": null}}));
        let patched = patched(&kept, &patch).unwrap();
        assert_eq!(patched["mandatory"], json!(true));
        assert_eq!(patched["max_retries"], json!(5));
        let action = freezer_action(&patched);
        assert_eq!(
            (&action["action"], &action["mode"], &action["container"]),
            (&json!("backup"), &Value::Null, &json!("c"))
        );
    }

    #[test]
    fn what_is_no_action_is_refused() {
        for bad in [
            json!({}),
            json!({"freezer_action": 1}),
            json!({"freezer_action": {}}),
            json!({"freezer_action": {"action": "dance"}}),
            json!({"freezer_action": {"action": "backup", "mode": "tape"}}),
            json!({"freezer_action": {"action": "backup", "container": 1}}),
            json!({"freezer_action": {"action": "backup", "cindernative_freezer_only": "yes"}}),
            json!({"max_retries": "3", "freezer_action": {"action": "backup"}}),
            json!({"mandatory": 1, "freezer_action": {"action": "backup"}}),
            json!({"freezer_action": {"action": "backup", "command": "a\0b"}}),
        ] {
            assert!(new(&map(&bad), None).is_err(), "{bad}");
        }
    }

    #[test]
    fn nothing_said_is_as_null() {
        let one = map(&json!({"action": "backup", "mode": null}));
        let other = map(&json!({"action": "backup", "container": null}));
        assert!(say_the_same(&one, &other));
        assert!(!say_the_same(
            &one,
            &map(&json!({"action": "backup", "mode": "fs"}))
        ));
    }
}
