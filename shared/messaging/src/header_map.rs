//! Reading and writing the headers of the contract.
//!
//! `async-nats` makes a header name of its own out of every `&str` it is given; a static one costs nothing, and these are
//! read and written some ten times for each message.

use async_nats::{
    HeaderMap, HeaderName, HeaderValue,
    header::{IntoHeaderName as _, IntoHeaderValue as _},
};

/// Longest value that is looked at, in bytes.
const VALUE_LIMIT: usize = 64 * 1024;

/// The value of a header of the contract. One that is too long to be sensible counts as missing.
pub(crate) fn get<'a>(headers: &'a HeaderMap, name: &'static str) -> Option<&'a str> {
    headers
        .get(HeaderName::from_static(name))
        .map(HeaderValue::as_str)
        .filter(|value| value.len() <= VALUE_LIMIT)
}

/// Sets a header of the contract. The value is one line: an id, a name, a number or JSON.
pub(crate) fn set(headers: &mut HeaderMap, name: &'static str, value: impl Into<String>) {
    let value: String = value.into();
    debug_assert!(!value.contains(['\r', '\n']), "{name}: {value:?}");
    headers.insert(HeaderName::from_static(name), value);
}

/// Adds a header that comes from a stored message. What NATS could not carry as a header is left out.
pub(crate) fn add(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
        headers.append(name.into_header_name(), value.into_header_value());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_read() {
        let mut headers = HeaderMap::new();
        set(&mut headers, "Muster-Schema", "a/1");
        assert_eq!(get(&headers, "Muster-Schema"), Some("a/1"));
        assert_eq!(headers.get("Muster-Schema").unwrap().as_str(), "a/1");
        assert_eq!(get(&headers, "Muster-Reply-To"), None);
        set(&mut headers, "Muster-Schema", "x".repeat(VALUE_LIMIT + 1));
        assert_eq!(get(&headers, "Muster-Schema"), None);
    }

    #[test]
    fn stored_headers_keep_their_repetitions_and_no_nonsense() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("a", "1"),
            ("a", "2"),
            ("b c", "3"),
            ("d", "4\r\n5"),
            ("é", "6"),
        ] {
            add(&mut headers, name, value);
        }
        let values: Vec<_> = headers.get_all("a").map(HeaderValue::as_str).collect();
        assert_eq!(values, ["1", "2"]);
        assert_eq!(headers.iter().count(), 1);
    }
}
