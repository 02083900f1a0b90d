//! What Go does to text that `serde_json` would refuse, and how it compares names.

use std::borrow::Cow;

const REPLACEMENT: char = '\u{FFFD}';
const REPLACEMENT_ESCAPE: &str = "\\ufffd";

/// A `\uXXXX` escape has this many characters.
const ESCAPE: usize = 6;

/// `body` as text: each byte that is not UTF-8, and each escape that is half of a surrogate pair,
/// becomes U+FFFD.
pub(super) fn repaired(body: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(body) {
        Ok(text) => pairs_completed(text),
        Err(_) => Cow::Owned(pairs_completed(&bytes_replaced(body)).into_owned()),
    }
}

/// One U+FFFD for each byte, where the standard library has one for each run of them.
fn bytes_replaced(body: &[u8]) -> String {
    let mut text = String::with_capacity(body.len() + REPLACEMENT.len_utf8());
    for chunk in body.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| REPLACEMENT));
    }
    text
}

fn pairs_completed(text: &str) -> Cow<'_, str> {
    let mut repaired = String::new();
    // What of `text` is in `repaired` already.
    let mut copied = 0;
    let mut position = 0;
    while let Some(found) = text.get(position..).and_then(|rest| rest.find('\\')) {
        position += found;
        let rest = text.get(position..).unwrap_or_default();
        position += match escaped_unit(rest) {
            Some(0xD800..=0xDBFF)
                if matches!(
                    escaped_unit(rest.get(ESCAPE..).unwrap_or_default()),
                    Some(0xDC00..=0xDFFF)
                ) =>
            {
                2 * ESCAPE
            }
            Some(0xD800..=0xDFFF) => {
                repaired.push_str(text.get(copied..position).unwrap_or_default());
                repaired.push_str(REPLACEMENT_ESCAPE);
                copied = position + ESCAPE;
                ESCAPE
            }
            Some(_) => ESCAPE,
            // The backslash and what it escapes, which may be another backslash.
            None => 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
        };
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    repaired.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(repaired)
}

/// The UTF-16 unit of the `\uXXXX` that `text` begins with.
fn escaped_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    // `from_str_radix` would also take a sign.
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u16::from_str_radix(digits, 16).ok()
}

/// Whether Go takes `given` for the member `name`: the same but for case. As in Go, two characters
/// outside ASCII count as the letters they look like.
pub fn same_name(name: &str, given: &str) -> bool {
    if name == given {
        return true;
    }
    name.len() <= given.len() && name.chars().map(folded).eq(given.chars().map(folded))
}

fn folded(character: char) -> char {
    match character {
        '\u{17F}' => 's',
        '\u{212A}' => 'k',
        other => other.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_text_is_not_copied() {
        for text in [r#"{"a":"é\n😀"}"#, r#""😀""#, "", "\\"] {
            assert!(matches!(repaired(text.as_bytes()), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn each_bad_byte_becomes_a_replacement_character() {
        assert_eq!(repaired(b"a\xff\xfeb"), "a\u{FFFD}\u{FFFD}b");
        // A character cut short: Go replaces each of its bytes.
        assert_eq!(repaired(b"\xe2\x82A"), "\u{FFFD}\u{FFFD}A");
    }

    #[test]
    fn half_a_surrogate_pair_becomes_a_replacement_character() {
        for (given, expected) in [
            (r"\ud83d", r"\ufffd"),
            (r"\ude00", r"\ufffd"),
            (r"a\uD83Db", r"a\ufffdb"),
            (r"\ud83d\ud83d\ude00", r"\ufffd\ud83d\ude00"),
            (r"\ud83d\u0041", r"\ufffd\u0041"),
            (r"\ud83d\n", r"\ufffd\n"),
            (r"\\ud83d", r"\\ud83d"),
            (r"\\\ud83d", r"\\\ufffd"),
            (r"\ud83", r"\ud83"),
            (r"\u+83d", r"\u+83d"),
            (r"\é\ud83d", r"\é\ufffd"),
        ] {
            assert_eq!(repaired(given.as_bytes()), expected, "{given}");
        }
        assert_eq!(repaired(b"\xff\\ud83d"), "\u{FFFD}\\ufffd");
    }

    #[test]
    fn names_match_whatever_their_case() {
        for given in ["smt", "SMT", "sMt", "ſmt"] {
            assert!(same_name("smt", given), "{given}");
        }
        assert!(same_name("walltimeK", "walltime\u{212A}"));
        for given in ["sm", "smtt", "šmt", ""] {
            assert!(!same_name("smt", given), "{given}");
        }
    }
}
