//! Texts that the tables can hold: PostgreSQL's `text` has every character but U+0000.

use std::borrow::Cow;

const NUL: char = '\0';

/// The text without what cannot be stored.
pub(crate) fn storable(text: &str) -> Cow<'_, str> {
    if is_storable(text) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.replace(NUL, ""))
    }
}

/// Whether a column can hold the text. One that it cannot hold is nowhere in the tables.
pub(crate) fn is_storable(text: &str) -> bool {
    !text.contains(NUL)
}
