//! One layer of settings: values by dotted key, each carrying where it came from.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use config::{ConfigError, File, FileFormat, Map, Source, Value, ValueKind};

use super::SettingsError;
use super::connection_url::mask;
use super::error::Problem;
use super::keys::flatten;
use super::sources::Override;

/// Where built-in values come from.
pub(super) const DEFAULT_SOURCE: &str = "default";

const VARIABLE_PREFIX: &str = "MUSTER__";
const VARIABLE_SEPARATOR: &str = "__";

/// Values by dotted key; [`Value::origin`] says where each came from.
#[derive(Debug, Clone, Default)]
pub(super) struct Layer {
    pub(super) values: BTreeMap<String, Value>,
}

impl Layer {
    /// A layer of one value.
    pub(super) fn of_one(key: &str, value: &Value) -> Self {
        Self {
            values: BTreeMap::from([(key.to_owned(), value.clone())]),
        }
    }

    pub(super) fn of_defaults(leaves: BTreeMap<String, Value>) -> Self {
        Self {
            values: with_origin(leaves, DEFAULT_SOURCE),
        }
    }

    pub(super) fn of_file(path: &Path) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(path).map_err(|reason| SettingsError::Unreadable {
            path: path.to_owned(),
            reason,
        })?;
        let table = File::from_str(&text, FileFormat::Toml)
            .collect()
            .map_err(|error| SettingsError::Malformed {
                path: path.to_owned(),
                reason: error.to_string(),
            })?;
        let mut leaves = BTreeMap::new();
        flatten(String::new(), table.into(), &mut leaves);
        Ok(Self {
            values: with_origin(leaves, &format!("file {}", path.display())),
        })
    }

    /// The variables that begin with `MUSTER__` and are not empty.
    pub(super) fn of_environment(
        variables: Vec<(OsString, OsString)>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut layer = Self::default();
        for (name, value) in variables {
            let Some(name) = name.to_str() else { continue };
            let Some(path) = name.strip_prefix(VARIABLE_PREFIX) else {
                continue;
            };
            if value.is_empty() {
                continue;
            }
            let key = path.to_lowercase().replace(VARIABLE_SEPARATOR, ".");
            let source = format!("environment {name}");
            match value.into_string() {
                Ok(text) => layer.insert(key, text, &source),
                Err(value) => problems.push(Problem::BadValue {
                    key,
                    value: mask(&value.to_string_lossy()),
                    source,
                    expected: "expected UTF-8".to_owned(),
                }),
            }
        }
        layer
    }

    pub(super) fn of_overrides(overrides: Vec<Override>) -> Self {
        let mut layer = Self::default();
        for given in overrides {
            layer.insert(given.key, given.value, &given.label);
        }
        layer
    }

    fn insert(&mut self, key: String, text: String, source: &str) {
        let value = Value::new(Some(&source.to_owned()), ValueKind::String(text));
        self.values.insert(key, value);
    }
}

fn with_origin(leaves: BTreeMap<String, Value>, source: &str) -> BTreeMap<String, Value> {
    let source = source.to_owned();
    leaves
        .into_iter()
        .map(|(key, value)| (key, Value::new(Some(&source), value.kind)))
        .collect()
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.values.clone().into_iter().collect())
    }
}
