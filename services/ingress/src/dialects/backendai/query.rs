//! What stands in the query of a call: in any order, strangers ignored.

use crate::frame::Failure;

/// The parameters.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(query: Option<&str>) -> Self {
        let parameters = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Self(parameters.into_owned().collect())
    }

    /// What is given under the first of these names that anything is given under.
    pub(super) fn get(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|wanted| {
            let mut given = self.0.iter();
            given
                .find(|(name, value)| name == wanted && !value.is_empty())
                .map(|(_, value)| value.as_str())
        })
    }

    /// A switch, which is off if nothing is given.
    pub(super) fn switch(&self, name: &str) -> Result<bool, Failure> {
        let Some(text) = self.get(&[name]) else {
            return Ok(false);
        };
        truth(text).ok_or_else(|| Failure::invalid(format!("{name} has to be true or false")))
    }
}

/// Yes or no, in the words that clients have for it.
pub(super) fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "on" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "off" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_that_has_something_counts() {
        let query = Query::parse(Some("a=&b=%20x&c=1&c=2"));
        assert_eq!(query.get(&["a", "b"]), Some(" x"));
        assert_eq!(query.get(&["c"]), Some("1"));
        assert_eq!(query.get(&["d"]), None);
        assert_eq!(Query::parse(None).get(&["a"]), None);
    }

    #[test]
    fn a_switch_is_on_or_off() {
        let switch = |query| Query::parse(Some(query)).switch("forced").ok();
        assert_eq!(switch("forced=True"), Some(true));
        assert_eq!(switch("forced=0"), Some(false));
        assert_eq!(switch(""), Some(false));
        assert_eq!(switch("forced=maybe"), None);
    }
}
