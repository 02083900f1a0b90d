//! What code wrote, for one answer.

use muster_contract::agent::ConsoleItem;

/// Bytes of one answer; what is written beyond is in the next.
const LIMIT: usize = 256 * 1024;

/// What is collected.
#[derive(Debug, Default)]
pub(super) struct Output {
    items: Vec<ConsoleItem>,
    bytes: usize,
}

impl Output {
    /// What comes next.
    pub(super) fn push(&mut self, kind: &str, text: &str) {
        if text.is_empty() {
            return;
        }
        self.bytes += text.len();
        match self.items.last_mut() {
            Some(last) if last.kind == kind => last.text.push_str(text),
            _ => self.items.push(ConsoleItem {
                kind: kind.to_owned(),
                text: text.to_owned(),
            }),
        }
    }

    /// Whether it is enough for one answer.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= LIMIT
    }

    pub(super) fn into_items(self) -> Vec<ConsoleItem> {
        self.items
    }
}

/// Text out of bytes that are cut anywhere.
#[derive(Debug, Default)]
pub(super) struct Text {
    /// The beginning of a character.
    rest: Vec<u8>,
}

impl Text {
    /// The characters that are whole by now; bytes that are none become U+FFFD.
    pub(super) fn push(&mut self, bytes: &[u8]) -> String {
        self.rest.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.rest) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            // A character may be cut behind bytes that are none.
            Err(_) => self.rest.len() - unfinished(&self.rest),
            Ok(_) => self.rest.len(),
        };
        let rest = self.rest.split_off(whole);
        let text = String::from_utf8_lossy(&self.rest).into_owned();
        self.rest = rest;
        text
    }

    /// There is no more.
    pub(super) fn end(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.rest)).into_owned()
    }
}

/// How many bytes at the end are the beginning of a character.
fn unfinished(bytes: &[u8]) -> usize {
    let longest = bytes.len().min(3);
    (1..=longest)
        .rev()
        .find(|count| {
            let end = bytes.get(bytes.len() - count..).unwrap_or_default();
            std::str::from_utf8(end)
                .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_of_a_kind_is_joined() {
        let mut output = Output::default();
        for (kind, text) in [
            ("stdout", "a"),
            ("stdout", "b"),
            ("stderr", ""),
            ("stderr", "c"),
        ] {
            output.push(kind, text);
        }
        assert!(!output.is_full());
        output.push("stdout", &"x".repeat(LIMIT));
        assert!(output.is_full());
        let items = output.into_items();
        assert_eq!(items.len(), 3);
        assert_eq!(
            (items[0].kind.as_str(), items[0].text.as_str()),
            ("stdout", "ab")
        );
    }

    proptest! {
        #[test]
        fn text_comes_back_however_it_is_cut(text in ".*", size in 1_usize..5) {
            let mut pieces = Text::default();
            let mut read: String = text.as_bytes().chunks(size).map(|piece| pieces.push(piece)).collect();
            read.push_str(&pieces.end());
            prop_assert_eq!(read, text);
        }

        #[test]
        fn bytes_that_are_no_text_do_no_harm(bytes: Vec<u8>, size in 1_usize..5) {
            let mut pieces = Text::default();
            let mut read = String::new();
            for piece in bytes.chunks(size) {
                read.push_str(&pieces.push(piece));
                prop_assert!(pieces.rest.len() < 4);
            }
            read.push_str(&pieces.end());
            prop_assert_eq!(read.is_empty(), bytes.is_empty());
        }
    }
}
