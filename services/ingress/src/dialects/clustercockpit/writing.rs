//! Writing JSON the way Go's `encoding/json` does: `<`, `>` and `&` escaped, so that it is safe
//! inside of HTML, U+2028 and U+2029 too, and a newline at the end.

use std::io;

use axum::body::Bytes;
use serde::Serialize;
use serde_json::ser::Formatter;

/// The value as JSON, and a newline.
pub(super) fn to_json(value: &impl Serialize) -> Bytes {
    let mut json = Vec::with_capacity(1024);
    append_json(&mut json, value);
    json.push(b'\n');
    json.into()
}

/// Appends the value as JSON.
pub(super) fn append_json(json: &mut Vec<u8>, value: &impl Serialize) {
    let mut serializer = serde_json::Serializer::with_formatter(json, SafeInHtml);
    // Nothing here has keys that are no text, and writing to memory does not fail.
    if let Err(error) = value.serialize(&mut serializer) {
        tracing::error!(target: "muster::ingress", %error, "cannot write JSON");
    }
}

struct SafeInHtml;

impl Formatter for SafeInHtml {
    /// `fragment` is text in which JSON itself needs nothing escaped.
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        mut fragment: &str,
    ) -> io::Result<()> {
        while let Some((position, unsafe_one)) = first_unsafe(fragment) {
            let (before, rest) = fragment.split_at(position);
            writer.write_all(before.as_bytes())?;
            write!(writer, "\\u{:04x}", u32::from(unsafe_one))?;
            fragment = rest.get(unsafe_one.len_utf8()..).unwrap_or_default();
        }
        writer.write_all(fragment.as_bytes())
    }
}

fn first_unsafe(text: &str) -> Option<(usize, char)> {
    // Most texts have none of these bytes (U+2028 and U+2029 begin with E2), and looking at bytes is
    // several times faster than at characters.
    if !text
        .bytes()
        .any(|byte| matches!(byte, b'<' | b'>' | b'&' | 0xE2))
    {
        return None;
    }
    text.char_indices()
        .find(|(_, character)| matches!(character, '<' | '>' | '&' | '\u{2028}' | '\u{2029}'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_html_could_misread_is_escaped() {
        assert_eq!(
            to_json(&"<b>\"1\" & 2…\u{2028}\u{2029}\n</b>"),
            "\"\\u003cb\\u003e\\\"1\\\" \\u0026 2…\\u2028\\u2029\\n\\u003c/b\\u003e\"\n"
        );
        assert_eq!(to_json(&"nothing"), "\"nothing\"\n");
        assert_eq!(to_json(&"&"), "\"\\u0026\"\n");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(text: String) {
            let json = to_json(&text);
            prop_assert!(!json.iter().any(|byte| matches!(byte, b'<' | b'>' | b'&')));
            prop_assert_eq!(serde_json::from_slice::<String>(&json).unwrap(), text);
        }
    }
}
