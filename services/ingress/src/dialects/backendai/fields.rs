//! Members of a JSON object that clients call by several names. `null` is as if it were not there, strangers are ignored.

use serde_json::{Map, Value, json};

use super::query::truth;
use crate::frame::Failure;

/// The members of an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    pub(super) fn of(object: &'a Map<String, Value>) -> Self {
        Self(object)
    }

    /// Whether there is a member of that name, also if it is `null`.
    pub(super) fn has(self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// What is given under the first of these names that anything is given under.
    fn get(self, names: &[&'static str]) -> Option<(&'static str, &'a Value)> {
        names.iter().find_map(|name| {
            let value = self.0.get(*name).filter(|value| !value.is_null())?;
            Some((*name, value))
        })
    }

    /// A text.
    pub(super) fn text(self, names: &[&'static str]) -> Result<Option<&'a str>, Failure> {
        self.read(names, "has to be a text", Value::as_str)
    }

    /// Yes or no: also as a text.
    pub(super) fn switch(self, names: &[&'static str], default: bool) -> Result<bool, Failure> {
        let read = |value: &Value| match value {
            Value::Bool(truth) => Some(*truth),
            Value::String(text) => truth(text),
            _ => None,
        };
        let given = self.read(names, "has to be true or false", read)?;
        Ok(given.unwrap_or(default))
    }

    /// A whole number that is not negative: also as a text.
    pub(super) fn number(self, names: &[&'static str]) -> Result<Option<u64>, Failure> {
        let read = |value: &Value| match value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        self.read(names, "has to be a whole number", read)
    }

    /// An object.
    pub(super) fn object(
        self,
        names: &[&'static str],
    ) -> Result<Option<&'a Map<String, Value>>, Failure> {
        self.read(names, "has to be an object", Value::as_object)
    }

    /// Texts.
    pub(super) fn texts(self, names: &[&'static str]) -> Result<Vec<String>, Failure> {
        let read = |value: &'a Value| {
            let values = value.as_array()?.iter();
            values
                .map(|value| value.as_str().map(str::to_owned))
                .collect::<Option<Vec<String>>>()
        };
        let given = self.read(names, "has to be a list of texts", read)?;
        Ok(given.unwrap_or_default())
    }

    /// Something that `read` makes of a value.
    pub(super) fn read<T>(
        self,
        names: &[&'static str],
        wanted: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Failure> {
        let Some((name, value)) = self.get(names) else {
            return Ok(None);
        };
        match read(value) {
            Some(read) => Ok(Some(read)),
            None => Err(wrong(name, wanted)),
        }
    }
}

/// A member is wrong.
pub(super) fn wrong(name: &str, problem: &str) -> Failure {
    Failure::invalid(format!("{name} {problem}")).data(json!({name: problem}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_go_by_several_names_and_null_is_nothing() {
        let object = json!({
            "name": null, "clientSessionToken": "mysess-01", "yes": "True", "no": false,
            "number": "7", "half": 0.5, "list": ["a"], "mixed": ["a", 1], "config": {},
        });
        let fields = Fields::of(object.as_object().unwrap());
        let names = ["name", "clientSessionToken"];
        assert_eq!(fields.text(&names).unwrap(), Some("mysess-01"));
        assert!(fields.has("name") && !fields.has("other"));
        assert_eq!(fields.text(&["other"]).unwrap(), None);
        assert!(fields.switch(&["yes"], false).unwrap());
        assert!(!fields.switch(&["no"], true).unwrap());
        assert!(fields.switch(&["other"], true).unwrap());
        assert_eq!(fields.number(&["number"]).unwrap(), Some(7));
        assert_eq!(fields.texts(&["list"]).unwrap(), ["a"]);
        assert!(fields.object(&["config"]).unwrap().is_some());
        assert!(fields.number(&["half"]).is_err());
        assert!(fields.texts(&["mixed"]).is_err());
        assert!(fields.object(&["list"]).is_err());
        let failure = fields.switch(&["number"], true).unwrap_err();
        assert_eq!(failure.kind().status(), 400);
        let problem = json!({"number": "has to be true or false"});
        assert_eq!(failure.given_data(), Some(&problem));
    }
}
