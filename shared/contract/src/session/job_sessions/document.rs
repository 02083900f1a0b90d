//! JSON objects that pass through.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, Serializer, de::Error as _};
use serde_json::{Map, Value, value::RawValue};

/// A JSON object as text: what its owner has written is handed to the client as it is, without being taken apart on the
/// way. Two are equal if their texts are.
#[derive(Debug, Clone)]
pub struct Document(Box<RawValue>);

impl Document {
    /// What serializes to a JSON object.
    ///
    /// # Errors
    /// It does not, or cannot be serialized.
    pub fn of<T: Serialize + ?Sized>(object: &T) -> serde_json::Result<Self> {
        Self::checked(serde_json::value::to_raw_value(object)?)
    }

    fn checked(value: Box<RawValue>) -> serde_json::Result<Self> {
        if value.get().starts_with('{') {
            Ok(Self(value))
        } else {
            Err(serde_json::Error::custom("not a JSON object"))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// The object.
    #[must_use]
    pub fn to_map(&self) -> Map<String, Value> {
        // It was checked when it was made: only an object nested too deeply could still fail.
        serde_json::from_str(self.0.get()).unwrap_or_default()
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Document {}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::checked(Box::<RawValue>::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for Document {
    fn schema_name() -> Cow<'static, str> {
        "Document".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Map::<String, Value>::json_schema(generator)
    }

    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_passes_through_byte_by_byte() {
        let text = r#"{"b": 1,   "a": [2.0, "x"]}"#;
        let document: Document = serde_json::from_str(text).unwrap();
        assert_eq!(document.as_str(), text);
        assert_eq!(serde_json::to_string(&document).unwrap(), text);
        assert_eq!(document.to_map()["a"], json!([2.0, "x"]));
        assert_eq!(
            Document::of(&json!({"a": 1})).unwrap().as_str(),
            r#"{"a":1}"#
        );
    }

    #[test]
    fn nothing_but_an_object_is_a_document() {
        for text in ["[]", "1", "null", "\"{}\"", "{"] {
            assert!(serde_json::from_str::<Document>(text).is_err(), "{text}");
        }
        assert!(Document::of(&[1]).is_err());
    }
}
