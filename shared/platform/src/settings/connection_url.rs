//! URLs that may hold a password.

use std::fmt;

use serde::{Deserialize, Serialize};

const MASK: &str = "***";

/// A URL that may hold a password. Printing it, also with `{:?}`, shows the password masked; only
/// [`ConnectionUrl::reveal`] gives the whole.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectionUrl(String);

impl ConnectionUrl {
    /// From the text as written by the operator.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The whole URL, for connecting and nothing else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConnectionUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&mask(&self.0))
    }
}

impl fmt::Debug for ConnectionUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", mask(&self.0))
    }
}

/// `text` with the passwords of the URLs in it masked: of each part between commas, what stands
/// between the first `:` after `//` and the last `@` before the path, and the value of a `password`
/// query parameter. A user name alone before the `@` is a token for NATS, so it is masked too.
pub(super) fn mask(text: &str) -> String {
    text.split(',').map(mask_one).collect::<Vec<_>>().join(",")
}

fn mask_one(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    // A password may hold an unescaped '/' or '?', so the '@' is looked for first and everywhere.
    let rest = match rest.rsplit_once('@') {
        Some((credentials, place)) => {
            let shown = match credentials.split_once(':') {
                Some((user, _)) => format!("{user}:{MASK}"),
                None => MASK.to_owned(),
            };
            format!("{shown}@{}", mask_query(place))
        }
        None => mask_query(rest),
    };
    format!("{scheme}://{rest}")
}

fn mask_query(place: &str) -> String {
    let Some((before, query)) = place.split_once('?') else {
        return place.to_owned();
    };
    let masked: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, _)) if name.to_ascii_lowercase().contains("password") => {
                format!("{name}={MASK}")
            }
            _ => pair.to_owned(),
        })
        .collect();
    format!("{before}?{}", masked.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_masked_wherever_they_stand() {
        for (whole, shown) in [
            ("postgres://u:p@h/d", "postgres://u:***@h/d"),
            ("postgres://u:p@ss/w?rd@h/d", "postgres://u:***@h/d"),
            (
                "postgres://h/d?user=u&password=p",
                "postgres://h/d?user=u&password=***",
            ),
            ("nats://token@h:4222", "nats://***@h:4222"),
            (
                "nats://a:b@h1,nats://c:d@h2",
                "nats://a:***@h1,nats://c:***@h2",
            ),
            ("postgres://h:5432/d", "postgres://h:5432/d"),
            ("./relative@path", "./relative@path"),
        ] {
            assert_eq!(mask(whole), shown);
        }
    }

    #[test]
    fn debug_output_does_not_give_the_password_away() {
        let url = ConnectionUrl::new("postgres://u:secret@h/d");
        assert_eq!(
            format!("{url} {url:?}"),
            "postgres://u:***@h/d \"postgres://u:***@h/d\""
        );
        assert_eq!(url.reveal(), "postgres://u:secret@h/d");
    }
}
