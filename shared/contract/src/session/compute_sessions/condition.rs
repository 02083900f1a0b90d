//! Conditions on the fields of what is listed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most comparisons in one condition.
pub const COMPARISON_LIMIT: usize = 32;

/// Most values that one comparison has.
pub const CONDITION_VALUE_LIMIT: usize = 100;

/// What has to be true of something; of `F` fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Condition<F> {
    /// All of these.
    All(Vec<Condition<F>>),
    /// One of these.
    Any(Vec<Condition<F>>),
    /// Not this.
    Not(Box<Condition<F>>),
    /// This field compares like that.
    Field(Comparison<F>),
}

/// A field compared with values. As in SQL, a field without a value compares with none, and neither does its opposite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison<F> {
    /// What is compared.
    pub field: F,
    /// How.
    pub operator: ComparisonOperator,
    /// With what: one value, for `in` up to [`CONDITION_VALUE_LIMIT`], for `is_null` and `is_not_null` none.
    pub values: Vec<ConditionValue>,
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ComparisonOperator {
    /// It has the value.
    Equal,
    /// It has another value.
    NotEqual,
    /// It is more.
    Greater,
    /// It is more, or the same.
    GreaterOrEqual,
    /// It is less.
    Less,
    /// It is less, or the same.
    LessOrEqual,
    /// The text is in it.
    Contains,
    /// It is like the pattern: `%` stands for anything, `_` for one character, `\` takes their meaning from both.
    Like,
    /// The same, whether letters are large or small.
    LikeIgnoringCase,
    /// It has one of the values.
    In,
    /// It has no value.
    IsNull,
    /// It has a value.
    IsNotNull,
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConditionValue {
    /// A text.
    Text(String),
    /// A number; of a moment, microseconds since 1970 UTC.
    Integer(i64),
}

impl<F> Condition<F> {
    /// How many comparisons are in it.
    #[must_use]
    pub fn comparisons(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::comparisons).sum(),
            Self::Not(part) => part.comparisons(),
            Self::Field(_) => 1,
        }
    }

    /// The fields that are in it.
    pub fn fields(&self) -> Vec<&F> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::fields).collect(),
            Self::Not(part) => part.fields(),
            Self::Field(comparison) => vec![&comparison.field],
        }
    }
}
