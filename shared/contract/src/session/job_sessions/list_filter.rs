//! Which things of a list are meant.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Conditions that all have to hold (`api/freezer.md` §1.2). A field is looked up by its name anywhere in the document, as
/// clients see it. Empty: everything is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListFilter {
    /// Fields that have these values. What has no such field is not meant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matching: Vec<FieldValue>,
    /// Fields that do not have these values. What has no such field is meant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_matching: Vec<FieldValue>,
    /// Texts that stand somewhere in a text of the document, whatever the case of their letters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<String>,
}

/// A field and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldValue {
    /// Name of the field.
    pub field: String,
    /// Its value.
    pub value: Value,
}

impl ListFilter {
    /// Whether everything is meant.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.matching.is_empty() && self.not_matching.is_empty() && self.texts.is_empty()
    }
}
