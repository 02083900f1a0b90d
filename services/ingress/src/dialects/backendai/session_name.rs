//! Names of sessions (`api/backendai.md` §2): the caller's choice, or made here.

use muster_platform::Ids;

use crate::frame::Failure;

/// Characters of a name at least.
const NAME_MINIMUM: usize = 4;

/// Characters of a name at most.
pub(super) const NAME_LIMIT: usize = 64;

/// What stands in paths in place of a name.
const RESERVED: [&str; 2] = ["create", "from-template"];

/// What names begin with that are made here.
const MADE_PREFIX: &str = "session-";

/// The name, if a session can have it.
pub(super) fn checked(name: &str) -> Result<String, Failure> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let (first, last) = (name.bytes().next(), name.bytes().next_back());
    let is_good = (NAME_MINIMUM..=NAME_LIMIT).contains(&name.len())
        && [first, last].into_iter().flatten().all(is_word)
        && name
            .bytes()
            .all(|byte| is_word(byte) || byte == b'.' || byte == b'-');
    if !is_good {
        return Err(Failure::invalid(format!(
            "name has to be {NAME_MINIMUM} to {NAME_LIMIT} letters, digits and _ with . and - in between"
        )));
    }
    if RESERVED.contains(&name) {
        return Err(Failure::invalid(format!("the name {name} is reserved")));
    }
    Ok(name.to_owned())
}

/// A name that nothing else has.
pub(super) fn made(ids: &dyn Ids) -> String {
    format!("{MADE_PREFIX}{}", ids.next().simple())
}

#[cfg(test)]
mod tests {
    use muster_platform::RandomIds;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_can_be_a_name() {
        let longest = "x".repeat(NAME_LIMIT);
        for name in ["mysess-01", "a.b-c_d", "____", "1234", "a--b", &longest] {
            assert_eq!(checked(name).unwrap(), name);
        }
        let too_long = "x".repeat(NAME_LIMIT + 1);
        for name in [
            "",
            "abc",
            "-abc",
            "abc-",
            ".abc",
            "abc.",
            "a bc",
            "a/bc",
            "äbcd",
            "abcd\n",
            "create",
            "from-template",
            "%61bcd",
            &too_long,
        ] {
            let failure = checked(name).unwrap_err();
            assert_eq!(failure.kind().status(), 400, "{name:?}");
        }
    }

    #[test]
    fn a_name_that_is_made_can_be_one() {
        let name = made(&RandomIds);
        assert_eq!(checked(&name).unwrap(), name);
        assert_ne!(made(&RandomIds), name);
    }

    proptest! {
        #[test]
        fn what_the_seed_allows_is_allowed(name in "[a-zA-Z0-9][a-zA-Z0-9-]{2,62}[a-zA-Z0-9]") {
            prop_assume!(!RESERVED.contains(&name.as_str()));
            prop_assert!(checked(&name).is_ok());
        }
    }
}
