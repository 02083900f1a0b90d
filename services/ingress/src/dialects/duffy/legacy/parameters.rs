//! The parameters of a call: in any order, those that are not known ignored, of one that is repeated the first (as Flask
//! has it).

use crate::frame::Failure;

/// The parameters.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(super) fn parse(query: &str) -> Self {
        let parameters = form_urlencoded::parse(query.as_bytes());
        Self(parameters.into_owned().collect())
    }

    /// What stands after `name=`, also if that is nothing.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// What stands after `name=`, if anything does.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        self.get(name)
            .map(str::trim)
            .filter(|value| !value.is_empty())
    }

    /// A number from 0 to `limit`.
    pub(super) fn number(&self, name: &str, limit: u32) -> Result<Option<u32>, Failure> {
        let Some(text) = self.given(name) else {
            return Ok(None);
        };
        match text.parse::<u32>() {
            Ok(number) if number <= limit => Ok(Some(number)),
            _ => Err(Failure::invalid(format!(
                "{name} has to be a number from 0 to {limit}"
            ))),
        }
    }

    /// A switch: on, unless it says that it is off.
    pub(super) fn switch(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| !["0", "false", "no", "off"].contains(&value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_strangers_do_not_matter() {
        let parameters = Parameters::parse("z=1&b=%20x%26+y&a=&b=2&&novalue");
        assert_eq!(parameters.get("b"), Some(" x& y"));
        assert_eq!(parameters.given("b"), Some("x& y"));
        assert_eq!(parameters.get("a"), Some(""));
        assert_eq!(parameters.given("a"), None);
        assert_eq!(parameters.get("novalue"), Some(""));
        assert_eq!(parameters.get("c"), None);
    }

    #[test]
    fn numbers_are_numbers() {
        let number = |text: &str| Parameters::parse(&format!("n={text}")).number("n", 10);
        for (text, expected) in [
            ("", None),
            ("0", Some(0)),
            ("+7", Some(7)),
            ("10", Some(10)),
        ] {
            assert_eq!(number(text).unwrap(), expected, "{text}");
        }
        for text in [
            "11",
            "-1",
            "x",
            "1.0",
            "1e1",
            "%00",
            "99999999999999999999",
            "0x1",
        ] {
            assert!(number(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_switch_is_off_only_if_it_says_so() {
        let on = |query: &str| Parameters::parse(query).switch("s");
        for query in ["s=1", "s", "s=true", "s=maybe"] {
            assert!(on(query), "{query}");
        }
        for query in ["", "s=0", "s=false", "t=1"] {
            assert!(!on(query), "{query}");
        }
    }
}
