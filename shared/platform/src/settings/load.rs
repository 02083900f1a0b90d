//! Reading the layers, putting them on top of each other, and finding out what is wrong.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use config::{Config, ConfigError, Value, ValueKind};

use super::checks::Checks;
use super::connection_url::mask;
use super::error::Problem;
use super::keys::{Known, classify, leaves_of};
use super::layer::{DEFAULT_SOURCE, Layer};
use super::sources::Sources;
use super::{Settings, SettingsError};

/// Settings and where they came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// The source of each key.
    pub(super) sources: BTreeMap<String, String>,
}

pub(super) fn load(sources: Sources) -> Result<Loaded, SettingsError> {
    let mut problems = Vec::new();
    let known = leaves_of(&Settings::default()).map_err(|error| internal(&error))?;
    let defaults = Layer::of_defaults(known.clone());
    let mut layers = Vec::new();
    if let Some(path) = file_of(&sources) {
        layers.push(Layer::of_file(&path)?);
    }
    layers.push(Layer::of_environment(sources.environment, &mut problems));
    layers.push(Layer::of_overrides(sources.overrides));

    for layer in &mut layers {
        take_out_unknown(layer, &known, &mut problems);
    }
    // What is on top at each key; a value covered by a higher layer is not looked at any further.
    let mut top = defaults.clone();
    for layer in layers {
        top.values.extend(layer.values);
    }
    match deserialize(&[&top]) {
        Ok(mut settings) => {
            make_absolute(&mut settings);
            let mut checks = Checks::default();
            settings.check(&mut checks);
            for (key, expected) in checks.into_found() {
                problems.push(bad_value(
                    &key,
                    top.values.get(&key),
                    format!("expected {expected}"),
                ));
            }
            if problems.is_empty() {
                return Ok(Loaded {
                    settings,
                    sources: top
                        .values
                        .iter()
                        .map(|(key, value)| (key.clone(), source_of(value)))
                        .collect(),
                });
            }
        }
        Err(error) => {
            let found = culprits(&defaults, &top);
            if found.is_empty() && problems.is_empty() {
                return Err(internal(&error));
            }
            problems.extend(found);
        }
    }
    Err(SettingsError::Invalid(problems))
}

fn file_of(sources: &Sources) -> Option<PathBuf> {
    let optional = || sources.optional_file.clone().filter(|path| path.exists());
    sources.file.clone().or_else(optional)
}

/// The library names a culprit for some errors only. So each given value is tried alone over the
/// defaults: what fails there is wrong by itself.
fn culprits(defaults: &Layer, top: &Layer) -> Vec<Problem> {
    let given = top
        .values
        .iter()
        .filter(|(_, value)| value.origin() != Some(DEFAULT_SOURCE));
    given
        .filter_map(|(key, value)| {
            let error = deserialize(&[defaults, &Layer::of_one(key, value)]).err()?;
            let example = match defaults.values.get(key) {
                Some(default) if default.kind != ValueKind::Nil => format!(", such as {default}"),
                _ => String::new(),
            };
            Some(bad_value(key, Some(value), reason(error) + &example))
        })
        .collect()
}

fn deserialize(layers: &[&Layer]) -> Result<Settings, ConfigError> {
    let mut builder = Config::builder();
    for layer in layers {
        builder = builder.add_source((*layer).clone());
    }
    builder.build()?.try_deserialize()
}

/// Without the key and the source, which the problem names itself.
fn reason(error: ConfigError) -> String {
    match error {
        ConfigError::Type { expected, .. } => format!("expected {expected}"),
        ConfigError::At { error, .. } => reason(*error),
        other => other.to_string(),
    }
}

fn take_out_unknown(
    layer: &mut Layer,
    known: &BTreeMap<String, Value>,
    problems: &mut Vec<Problem>,
) {
    layer
        .values
        .retain(|key, value| match classify(key, known) {
            Known::Setting => true,
            Known::Section => {
                let empty_section =
                    matches!(&value.kind, ValueKind::Table(table) if table.is_empty());
                if !empty_section {
                    let expected = "this is a section, its settings have names of their own";
                    problems.push(bad_value(key, Some(value), expected.to_owned()));
                }
                false
            }
            Known::Unknown { nearest } => {
                problems.push(Problem::UnknownKey {
                    key: key.clone(),
                    source: source_of(value),
                    nearest,
                });
                false
            }
        });
}

fn bad_value(key: &str, value: Option<&Value>, expected: String) -> Problem {
    Problem::BadValue {
        key: key.to_owned(),
        value: value
            .map(|value| mask(&value.to_string()))
            .unwrap_or_default(),
        source: value.map(source_of).unwrap_or_default(),
        expected,
    }
}

fn source_of(value: &Value) -> String {
    value.origin().unwrap_or(DEFAULT_SOURCE).to_owned()
}

/// Settings that no layer can be blamed for: a mistake in the settings structs themselves.
fn internal(error: &ConfigError) -> SettingsError {
    SettingsError::Invalid(vec![Problem::BadValue {
        key: String::new(),
        value: String::new(),
        source: DEFAULT_SOURCE.to_owned(),
        expected: error.to_string(),
    }])
}

/// A later change of the current directory must not move the data.
fn make_absolute(settings: &mut Settings) {
    settings.data_directory = absolute(&settings.data_directory);
    settings.site = settings.site.as_deref().map(absolute);
    let ingress = &mut settings.ingress;
    ingress.token_key_file = ingress.token_key_file.as_deref().map(absolute);
    settings.nats.key_directory = settings.nats.key_directory.as_deref().map(absolute);
    let agent = &mut settings.agent;
    agent.hooks_directory = agent.hooks_directory.as_deref().map(absolute);
    agent.folders_directory = agent.folders_directory.as_deref().map(absolute);
    agent.key_file = agent.key_file.as_deref().map(absolute);
}

fn absolute(path: &Path) -> PathBuf {
    // Fails for an empty path or when the current directory is gone; opening it will say so.
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
