//! Texts of a form of their own, under the names that clients give to the types of their variables.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use muster_platform::Timestamp;
use serde::Serialize;

/// A UUID, with or without hyphens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Uuid(pub(super) uuid::Uuid);

#[Scalar(name = "UUID")]
impl ScalarType for Uuid {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Ok(Self(uuid::Uuid::parse_str(text)?)),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A moment: RFC 3339, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DateTime(Timestamp);

impl DateTime {
    /// Of microseconds since 1970 UTC.
    pub(super) fn of(micros: i64) -> Self {
        Self(Timestamp::from_micros(micros))
    }
}

#[Scalar(name = "DateTime")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        // No argument is one.
        Err(InputValueError::expected_type(value))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339())
    }
}

/// JSON as a text: clients parse it once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JsonString(String);

impl JsonString {
    /// The value as JSON.
    pub(super) fn of(value: &impl Serialize) -> Self {
        // Nothing here has keys that are no text.
        Self(serde_json::to_string(value).unwrap_or_default())
    }
}

#[Scalar(name = "JSONString")]
impl ScalarType for JsonString {
    fn parse(value: Value) -> InputValueResult<Self> {
        // No argument is one.
        Err(InputValueError::expected_type(value))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// A whole number of 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BigInt(pub(super) i64);

#[Scalar(name = "BigInt")]
impl ScalarType for BigInt {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::Number(number) if number.is_i64() => {
                Ok(Self(number.as_i64().unwrap_or_default()))
            }
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::Number(self.0.into())
    }
}
