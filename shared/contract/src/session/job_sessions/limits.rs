//! What names and documents may be, for whoever takes them from a client and for whoever keeps them.

use serde_json::Value;

/// Bytes of an id that a client gives.
pub const ID_LIMIT: usize = 64;

/// Bytes of the id of a client: the name of a host, maybe after a project.
pub const CLIENT_ID_LIMIT: usize = 255;

/// Characters of a description.
pub const DESCRIPTION_LIMIT: usize = 255;

/// Bytes of a document as JSON: a schedule, the metadata of a backup.
pub const DOCUMENT_LIMIT: usize = 64 * 1024;

/// Jobs of a session.
pub const SESSION_JOB_LIMIT: u32 = 1_000;

/// Things in one page of a list.
pub const PAGE_LIMIT: u32 = 500;

/// Seconds that others may have to join a run: a year.
pub const HOLD_OFF_LIMIT: i64 = 366 * 24 * 3_600;

/// Seconds that others have to join a run if nothing else is asked for.
pub const HOLD_OFF_DEFAULT: i64 = 30;

/// The greatest tag that a client may give a session; further runs still have room above it.
pub const TAG_LIMIT: i64 = 1 << 52;

/// Whether it can be an id: 1 to [`ID_LIMIT`] bytes of visible ASCII.
#[must_use]
pub fn is_valid_id(id: &str) -> bool {
    (1..=ID_LIMIT).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether it can be a description: [`DESCRIPTION_LIMIT`] characters at most, and no NUL, which no table can keep.
#[must_use]
pub fn is_valid_description(text: &str) -> bool {
    text.chars().count() <= DESCRIPTION_LIMIT && !text.contains('\0')
}

/// Whether it can be kept as a document: [`DOCUMENT_LIMIT`] bytes as JSON at most, and no NUL in any text or key.
#[must_use]
pub fn is_valid_document(document: &Value) -> bool {
    document.to_string().len() <= DOCUMENT_LIMIT && !has_nul(document)
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(members) => members
            .iter()
            .any(|(key, value)| key.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_are_short_and_visible() {
        for id in ["a", "db-1.example.org", &"x".repeat(ID_LIMIT), "~!{}%/"] {
            assert!(is_valid_id(id), "{id}");
        }
        for id in ["", "a b", "ä", "a\0", "a\n", &"x".repeat(ID_LIMIT + 1)] {
            assert!(!is_valid_id(id), "{id}");
        }
    }

    #[test]
    fn descriptions_are_counted_in_characters() {
        assert!(is_valid_description(""));
        assert!(is_valid_description(&"ä".repeat(DESCRIPTION_LIMIT)));
        assert!(!is_valid_description(&"ä".repeat(DESCRIPTION_LIMIT + 1)));
        assert!(!is_valid_description("a\0b"));
    }

    #[test]
    fn documents_are_bounded_and_have_no_nul() {
        // Two bytes are its quotation marks.
        assert!(is_valid_document(&json!("x".repeat(DOCUMENT_LIMIT - 2))));
        assert!(!is_valid_document(&json!("x".repeat(DOCUMENT_LIMIT - 1))));
        assert!(is_valid_document(&json!({"a": [1, null, {"b": "c"}]})));
        for document in [json!("\0"), json!({"a": [{"b": "\0"}]}), json!({"\0": 1})] {
            assert!(!is_valid_document(&document), "{document}");
        }
    }
}
