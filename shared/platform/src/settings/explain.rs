//! Saying what each setting is and why, for `muster config show`.

use config::ValueKind;
use serde::Serialize;

use super::connection_url::mask;
use super::keys::leaves_of;
use super::layer::DEFAULT_SOURCE;
use super::load::Loaded;

/// One setting as it is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// Dotted key.
    pub key: String,
    /// The value, secrets masked; `None` when it is not set.
    pub value: Option<String>,
    /// `default`, `file PATH`, `environment MUSTER__X` or the label of an override.
    pub source: String,
}

impl Loaded {
    /// Every setting in force with its source, by key.
    #[must_use]
    pub fn explain(&self) -> Vec<Explained> {
        // They were read from such leaves, so they can be written as such again.
        let leaves = leaves_of(&self.settings).unwrap_or_default();
        leaves
            .into_iter()
            .map(|(key, value)| Explained {
                source: self
                    .sources
                    .get(&key)
                    .map_or_else(|| DEFAULT_SOURCE.to_owned(), Clone::clone),
                value: match value.kind {
                    ValueKind::Nil => None,
                    _ => Some(mask(&value.to_string())),
                },
                key,
            })
            .collect()
    }
}
