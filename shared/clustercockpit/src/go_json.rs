//! Reading JSON the way Go's `encoding/json` does with unknown members refused, because that is what
//! existing clients were written against (`DisallowUnknownFields` in cc-backend):
//!
//! - names of members match whatever their case, at every level;
//! - `null` leaves a member as if it were absent;
//! - of a repeated member the last one counts;
//! - what follows the first value is ignored;
//! - an integer must be written as one and fit its type: neither `1.0` nor `"1"`;
//! - bytes that are not UTF-8 and halves of surrogate pairs become U+FFFD instead of an error.
//!
//! Beyond Go, a NUL character in any text is refused: `PostgreSQL` cannot store it.

#[cfg(test)]
mod tests;
mod text;
mod values;

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use text::repaired;
pub use text::same_name;
pub use values::storable;

/// A body that cannot be read, in words for its sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GoJsonError(String);

/// Reads the first JSON value of `body`.
pub fn decode<T: GoValue>(body: &[u8]) -> Result<T, GoJsonError> {
    let text = repaired(body);
    let mut target = T::default();
    let mut deserializer = serde_json::Deserializer::from_str(&text);
    Place::new(&mut target, "the body")
        .deserialize(&mut deserializer)
        .map_err(|error| {
            let message = error.to_string();
            // Go names no position when the JSON itself is right.
            GoJsonError(match message.rsplit_once(" at line ") {
                Some((message, _)) if error.is_data() => message.to_owned(),
                _ => message,
            })
        })?;
    Ok(target)
}

/// A type that JSON can be read into.
pub trait GoValue: Default {
    /// What has to stand there, for messages.
    const EXPECTED: &'static str;

    /// Reads the next value into `self`; `false` when it was `null`, which changes nothing.
    fn read<'de, D: Deserializer<'de>>(
        &mut self,
        member: &'static str,
        deserializer: D,
    ) -> Result<bool, D::Error>;
}

/// A type read from a JSON object. Made by [`go_object!`].
pub trait GoObject: Default {
    /// Reads the value of the member called `name`; `false` when there is no such member, and then
    /// nothing was read.
    fn read_member<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        map: &mut A,
    ) -> Result<bool, A::Error>;
}

/// Says which member of a JSON object goes into which field of a struct.
#[macro_export]
macro_rules! go_object {
    ($type:ty { $($name:literal => $field:ident),+ $(,)? }) => {
        impl $crate::go_json::GoObject for $type {
            fn read_member<'de, A: serde::de::MapAccess<'de>>(
                &mut self,
                name: &str,
                map: &mut A,
            ) -> Result<bool, A::Error> {
                use $crate::go_json::Place;
                use $crate::go_json::same_name;
                $(
                    if same_name($name, name) {
                        map.next_value_seed(Place::new(&mut self.$field, $name))?;
                        return Ok(true);
                    }
                )+
                Ok(false)
            }
        }
    };
}
pub use crate::go_object;

/// Reads the next value into something that is there already.
pub struct Place<'t, T> {
    /// Where it goes.
    pub target: &'t mut T,
    /// What it is called, for messages.
    pub member: &'static str,
}

impl<'t, T> Place<'t, T> {
    /// `member` is for messages.
    pub fn new(target: &'t mut T, member: &'static str) -> Self {
        Self { target, member }
    }

    /// For [`Visitor::expecting`].
    pub fn expecting(&self, expected: &str, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{expected} for {:?}", self.member)
    }
}

impl<'de, T: GoValue> DeserializeSeed<'de> for Place<'_, T> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        self.target.read(self.member, deserializer)
    }
}

/// Reads the members of an object.
pub fn read_members<'de, T: GoObject, A: MapAccess<'de>>(
    target: &mut T,
    mut map: A,
) -> Result<(), A::Error> {
    while let Some(name) = map.next_key_seed(Name)? {
        if !target.read_member(&name, &mut map)? {
            return Err(A::Error::custom(format_args!(
                "json: unknown field {name:?}"
            )));
        }
    }
    Ok(())
}

struct ObjectVisitor<'t, T>(Place<'t, T>);

impl<'de, T: GoObject> Visitor<'de> for ObjectVisitor<'_, T> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(T::EXPECTED, formatter)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<bool, A::Error> {
        read_members(self.0.target, map)?;
        Ok(true)
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }
}

impl<T: GoObject> GoValue for T {
    const EXPECTED: &'static str = "an object";

    fn read<'de, D: Deserializer<'de>>(
        &mut self,
        member: &'static str,
        deserializer: D,
    ) -> Result<bool, D::Error> {
        deserializer.deserialize_any(ObjectVisitor(Place::new(self, member)))
    }
}

/// The name of a member, not copied unless something in it is escaped.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a member")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}
