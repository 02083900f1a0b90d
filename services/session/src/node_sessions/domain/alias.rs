//! Names that owners give to their sessions.

use uuid::Uuid;

/// Bytes that an alias may have.
const LENGTH_LIMIT: usize = 255;

/// Whether a session may be called that. A name that reads as a UUID, in whatever form, could be another session's id
/// (`api/duffy.md` §7, alias traps).
pub(crate) fn is_valid(alias: &str) -> bool {
    !alias.is_empty()
        && alias.len() <= LENGTH_LIMIT
        && !alias.chars().any(char::is_control)
        && Uuid::try_parse(alias).is_err()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_alias_is_a_word_of_some_length() {
        for good in ["nightly", "job 7", "7", "ü", &"x".repeat(255), "3b413756"] {
            assert!(is_valid(good), "{good}");
        }
        for bad in ["", "a\0b", "a\nb", &"x".repeat(256)] {
            assert!(!is_valid(bad), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_alias_is_equal_to_any_form_of_an_id(bits: u128) {
            let id = Uuid::from_u128(bits);
            for form in [
                id.to_string(),
                id.to_string().to_uppercase(),
                id.simple().to_string(),
                id.braced().to_string(),
                id.urn().to_string(),
            ] {
                prop_assert!(!is_valid(&form), "{}", form);
            }
        }
    }
}
