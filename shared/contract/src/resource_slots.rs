//! Amounts of resources: processor cores, bytes of memory, whole or shared accelerators (`api/backendai.md` §2, "slots").

use std::{collections::BTreeMap, fmt, str::FromStr};

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The slot of processors: its unit is one core.
pub const CPU: &str = "cpu";

/// The slot of memory: its unit is one byte.
pub const MEMORY: &str = "mem";

/// An amount of one slot: exact, never negative. Text in messages and tables: a number of JSON would not be exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(Decimal);

/// Not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an amount is a number that is not negative, of 28 digits at most")]
pub struct InvalidAmount;

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// The number.
    #[must_use]
    pub const fn decimal(self) -> Decimal {
        self.0
    }

    /// Whether it is nothing.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// The sum; the largest amount there is, should it be larger.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.checked_add(other.0).unwrap_or(Decimal::MAX))
    }

    /// What is left; nothing, should `other` be more.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(
            self.0
                .checked_sub(other.0)
                .unwrap_or_default()
                .max(Decimal::ZERO),
        )
    }

    /// So many of it; the largest amount there is, should it be larger.
    #[must_use]
    pub fn times(self, count: u32) -> Self {
        Self(self.0.checked_mul(count.into()).unwrap_or(Decimal::MAX))
    }
}

impl TryFrom<Decimal> for Amount {
    type Error = InvalidAmount;

    fn try_from(number: Decimal) -> Result<Self, InvalidAmount> {
        if number.is_sign_negative() && !number.is_zero() {
            return Err(InvalidAmount);
        }
        // One text for one amount: 1.50 and 1.5 are the same.
        Ok(Self(number.normalize()))
    }
}

impl From<u64> for Amount {
    fn from(number: u64) -> Self {
        Self(number.into())
    }
}

impl FromStr for Amount {
    type Err = InvalidAmount;

    fn from_str(text: &str) -> Result<Self, InvalidAmount> {
        Decimal::from_str_exact(text)
            .map_err(|_| InvalidAmount)?
            .try_into()
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for Amount {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": r"^\d+(\.\d+)?$" })
    }
}

/// Amounts by the name of their slot: `cpu`, `mem`, `cuda.device` and what else agents have. A slot that is missing is nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ResourceSlots(BTreeMap<String, Amount>);

impl ResourceSlots {
    /// How much of the slot.
    #[must_use]
    pub fn get(&self, slot: &str) -> Amount {
        self.0.get(slot).copied().unwrap_or_default()
    }

    /// Sets how much of the slot.
    pub fn set(&mut self, slot: impl Into<String>, amount: Amount) {
        self.0.insert(slot.into(), amount);
    }

    /// The slots in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Amount)> {
        self.0.iter().map(|(slot, amount)| (slot.as_str(), *amount))
    }

    /// Whether each of these is there, slot by slot.
    #[must_use]
    pub fn fits_in(&self, available: &Self) -> bool {
        self.iter()
            .all(|(slot, amount)| amount <= available.get(slot))
    }

    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let mut sum = self.clone();
        for (slot, amount) in other.iter() {
            let amount = sum.get(slot).plus(amount);
            sum.set(slot, amount);
        }
        sum
    }

    /// What is left without the others; never less than nothing.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let left = self
            .iter()
            .map(|(slot, amount)| (slot.to_owned(), amount.minus(other.get(slot))));
        Self(left.collect())
    }

    /// So many of them.
    #[must_use]
    pub fn times(&self, count: u32) -> Self {
        self.iter()
            .map(|(slot, amount)| (slot.to_owned(), amount.times(count)))
            .collect()
    }
}

impl FromIterator<(String, Amount)> for ResourceSlots {
    fn from_iter<I: IntoIterator<Item = (String, Amount)>>(amounts: I) -> Self {
        Self(amounts.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::btree_map, prelude::*};

    use super::*;

    fn amounts() -> impl Strategy<Value = ResourceSlots> {
        btree_map("cpu|mem|cuda.device", 0_u64..1 << 50, 0..3).prop_map(|slots| {
            slots
                .into_iter()
                .map(|(slot, amount)| (slot, amount.into()))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn what_was_added_can_be_taken_away(left in amounts(), right in amounts()) {
            let sum = left.plus(&right);
            prop_assert!(left.fits_in(&sum) && right.fits_in(&sum));
            for (slot, amount) in sum.minus(&right).iter() {
                prop_assert_eq!(amount, left.get(slot));
            }
        }

        #[test]
        fn what_does_not_fit_is_more_of_some_slot(left in amounts(), right in amounts()) {
            let more = left.iter().any(|(slot, amount)| amount > right.get(slot));
            prop_assert_eq!(left.fits_in(&right), !more);
        }

        #[test]
        fn so_many_are_as_many_added(slots in amounts(), count in 0_u32..5) {
            let sum = (0..count).fold(ResourceSlots::default(), |sum, _| sum.plus(&slots));
            for (slot, amount) in slots.times(count).iter() {
                prop_assert_eq!(amount, sum.get(slot));
            }
        }

        #[test]
        fn an_amount_comes_back_from_its_text(amount in 0_u64.., scale in 0_u32..9) {
            let amount = Amount::try_from(Decimal::new((amount >> 1).cast_signed(), scale)).unwrap();
            let text = serde_json::to_string(&amount).unwrap();
            prop_assert_eq!(serde_json::from_str::<Amount>(&text).unwrap(), amount);
        }
    }

    #[test]
    fn no_amount() {
        for text in ["-1", "", "a", "1e3", "123456789012345678901234567890"] {
            assert!(text.parse::<Amount>().is_err(), "{text}");
        }
    }
}
