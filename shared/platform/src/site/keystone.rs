//! The Keystone that knows tokens which are not ours.

use toml::Spanned;

use super::check::Checked;
use super::document::KeystoneSection;

/// A Keystone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keystone {
    /// Its address, with `/v3` and without a slash at its end.
    pub url: String,
}

/// The version of its API.
const V3: &str = "/v3";

impl Checked<'_> {
    pub(super) fn keystone(&mut self, section: &KeystoneSection) -> Option<Keystone> {
        let text = section.url.get_ref().trim_end_matches('/');
        if let Some(message) = wrong_with(text) {
            self.keystone_problem(&section.url, message);
            return None;
        }
        let text = text.strip_suffix(V3).unwrap_or(text);
        Some(Keystone {
            url: format!("{text}{V3}"),
        })
    }

    fn keystone_problem(&mut self, url: &Spanned<String>, message: &str) {
        self.problem(url, format!("keystone.url {message}"));
    }
}

fn wrong_with(text: &str) -> Option<&'static str> {
    let Some(rest) = ["http://", "https://"]
        .into_iter()
        .find_map(|scheme| text.strip_prefix(scheme))
    else {
        return Some("has to begin with http:// or https://");
    };
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.is_empty() || authority.starts_with(':') {
        return Some("names no host");
    }
    if authority.contains('@') {
        return Some("must not hold a password: tokens are all that is shown there");
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains(['?', '#']) {
        return Some("is an address such as http://keystone:5000/v3, without a query");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::tests::{parse, problems};

    #[test]
    fn the_version_may_be_there_or_not() {
        for (url, expected) in [
            ("http://keystone:5000", "http://keystone:5000/v3"),
            ("http://keystone:5000/v3/", "http://keystone:5000/v3"),
            (
                "https://example.org/identity/",
                "https://example.org/identity/v3",
            ),
        ] {
            let site = parse(&format!("[keystone]\nurl = {url:?}\n")).unwrap();
            assert_eq!(site.keystone.unwrap().url, expected);
        }
        assert_eq!(parse("").unwrap().keystone, None);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for (url, message) in [
            ("", "has to begin with"),
            ("keystone:5000", "has to begin with"),
            ("ftp://keystone", "has to begin with"),
            ("http://", "has to begin with"),
            ("http:///v3", "names no host"),
            ("http://:5000", "names no host"),
            ("http://admin:secret@keystone", "must not hold a password"),
            ("http://key stone", "is an address"),
            ("http://keystone/?a=b", "is an address"),
        ] {
            let problems = problems(&format!("[keystone]\nurl = {url:?}\n"));
            assert!(
                problems
                    .iter()
                    .any(|line| line.contains(message) && !line.contains("secret")),
                "{url}: {problems:?}"
            );
        }
    }
}
