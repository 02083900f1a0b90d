//! The types of Go that members have.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};

use super::{GoValue, Name, Place};

/// An integer type of Go.
trait GoInteger: Default + TryFrom<i64> {
    const EXPECTED: &'static str;
}

impl GoInteger for i32 {
    const EXPECTED: &'static str = "an integer of 32 bits";
}

impl GoInteger for i64 {
    const EXPECTED: &'static str = "an integer of 64 bits";
}

struct IntegerVisitor<'t, T>(Place<'t, T>);

impl<T: GoInteger> Visitor<'_> for IntegerVisitor<'_, T> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(T::EXPECTED, formatter)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<bool, E> {
        match T::try_from(number) {
            Ok(number) => *self.0.target = number,
            Err(_) => return Err(E::invalid_value(Unexpected::Signed(number), &self)),
        }
        Ok(true)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<bool, E> {
        match i64::try_from(number) {
            Ok(number) => self.visit_i64(number),
            Err(_) => Err(E::invalid_value(Unexpected::Unsigned(number), &self)),
        }
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }
}

macro_rules! integer_values {
    ($($type:ty),+) => {$(
        impl GoValue for $type {
            const EXPECTED: &'static str = <$type as GoInteger>::EXPECTED;

            fn read<'de, D: Deserializer<'de>>(
                &mut self,
                member: &'static str,
                deserializer: D,
            ) -> Result<bool, D::Error> {
                deserializer.deserialize_any(IntegerVisitor(Place::new(self, member)))
            }
        }
    )+};
}
integer_values!(i32, i64);

struct NumberVisitor<'t>(Place<'t, f64>);

impl Visitor<'_> for NumberVisitor<'_> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f64::EXPECTED, formatter)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<bool, E> {
        *self.0.target = number;
        Ok(true)
    }

    #[expect(clippy::cast_precision_loss, reason = "a JSON number is a double")]
    fn visit_i64<E: Error>(self, number: i64) -> Result<bool, E> {
        self.visit_f64(number as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "a JSON number is a double")]
    fn visit_u64<E: Error>(self, number: u64) -> Result<bool, E> {
        self.visit_f64(number as f64)
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }
}

impl GoValue for f64 {
    const EXPECTED: &'static str = "a number";

    fn read<'de, D: Deserializer<'de>>(
        &mut self,
        member: &'static str,
        deserializer: D,
    ) -> Result<bool, D::Error> {
        deserializer.deserialize_any(NumberVisitor(Place::new(self, member)))
    }
}

/// Refuses text that cannot be stored.
pub fn storable<E: Error>(text: Cow<'_, str>, member: &str) -> Result<String, E> {
    if text.contains('\0') {
        return Err(E::custom(format_args!(
            "there is a NUL character in {member:?}"
        )));
    }
    Ok(text.into_owned())
}

struct TextVisitor<'t>(Place<'t, String>);

impl Visitor<'_> for TextVisitor<'_> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(String::EXPECTED, formatter)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        *self.0.target = storable(Cow::Borrowed(text), self.0.member)?;
        Ok(true)
    }

    fn visit_string<E: Error>(self, text: String) -> Result<bool, E> {
        *self.0.target = storable(Cow::Owned(text), self.0.member)?;
        Ok(true)
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }
}

impl GoValue for String {
    const EXPECTED: &'static str = "a string";

    fn read<'de, D: Deserializer<'de>>(
        &mut self,
        member: &'static str,
        deserializer: D,
    ) -> Result<bool, D::Error> {
        deserializer.deserialize_any(TextVisitor(Place::new(self, member)))
    }
}

/// For members whose absence means something else than their zero value.
impl<T: GoValue> GoValue for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn read<'de, D: Deserializer<'de>>(
        &mut self,
        member: &'static str,
        deserializer: D,
    ) -> Result<bool, D::Error> {
        let mut value = T::default();
        let there = value.read(member, deserializer)?;
        if there {
            *self = Some(value);
        }
        Ok(there)
    }
}

struct ListVisitor<'t, T>(Place<'t, Vec<T>>);

impl<'de, T: GoValue> Visitor<'de> for ListVisitor<'_, T> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(Vec::<T>::EXPECTED, formatter)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        self.0.target.clear();
        loop {
            // An element that is `null` is the zero value of its type.
            let mut element = T::default();
            if list
                .next_element_seed(Place::new(&mut element, self.0.member))?
                .is_none()
            {
                return Ok(true);
            }
            self.0.target.push(element);
        }
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }
}

impl<T: GoValue> GoValue for Vec<T> {
    const EXPECTED: &'static str = "an array";

    fn read<'de, D: Deserializer<'de>>(
        &mut self,
        member: &'static str,
        deserializer: D,
    ) -> Result<bool, D::Error> {
        deserializer.deserialize_any(ListVisitor(Place::new(self, member)))
    }
}

struct MapVisitor<'t, T>(Place<'t, BTreeMap<String, T>>);

impl<'de, T: GoValue> Visitor<'de> for MapVisitor<'_, T> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(BTreeMap::<String, T>::EXPECTED, formatter)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        self.0.target.clear();
        while let Some(key) = map.next_key_seed(Name)? {
            let mut value = T::default();
            map.next_value_seed(Place::new(&mut value, self.0.member))?;
            self.0.target.insert(storable(key, self.0.member)?, value);
        }
        Ok(true)
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }
}

impl<T: GoValue> GoValue for BTreeMap<String, T> {
    const EXPECTED: &'static str = "an object";

    fn read<'de, D: Deserializer<'de>>(
        &mut self,
        member: &'static str,
        deserializer: D,
    ) -> Result<bool, D::Error> {
        deserializer.deserialize_any(MapVisitor(Place::new(self, member)))
    }
}
