//! Texts that the tables can hold: PostgreSQL's `text` has every character but U+0000.

use std::borrow::Cow;

const NUL: char = '\0';

/// The text of an operator without control characters: those that cannot be stored, and those that would spoil a table on a
/// screen or a list (`store/list_nodes.rs`).
pub(crate) fn storable(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) {
        Cow::Owned(text.replace(char::is_control, ""))
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether a column can hold the text. One that it cannot hold is nowhere in the tables.
pub(crate) fn is_storable(text: &str) -> bool {
    !text.contains(NUL)
}
