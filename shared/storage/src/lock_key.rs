//! Names of things that transactions take turns on.

/// A stable 64-bit hash of a name, for [`Transaction::lock_keys`](crate::Transaction::lock_keys).
///
/// Two names that hash to the same key only wait for each other needlessly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LockKey(i64);

/// FNV-1a, 64 bit: <https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>. All replicas must agree on it, which the
/// standard library's hashers do not promise.
const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

impl LockKey {
    /// The key of a name made of parts, for example `["session", project, name]`.
    #[must_use]
    pub fn of(parts: &[&str]) -> Self {
        Self(hash(parts.iter().map(|part| part.as_bytes())))
    }

    /// The key as PostgreSQL takes it; `salt` keeps services that share a database apart.
    pub(crate) fn salted(self, salt: Self) -> i64 {
        self.0 ^ salt.0
    }
}

/// A stable 64-bit hash of parts; [`LockKey::of`] says what for.
pub(crate) fn hash<'parts>(parts: impl Iterator<Item = &'parts [u8]>) -> i64 {
    let mut hash = OFFSET_BASIS;
    for part in parts {
        for byte in part {
            hash = step(hash, *byte);
        }
        // A byte that UTF-8 never has, so that ["ab", "c"] and ["a", "bc"] differ.
        hash = step(hash, 0xff);
    }
    hash.cast_signed()
}

fn step(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(PRIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_stable_and_split_where_the_parts_do() {
        assert_eq!(LockKey::of(&[]), LockKey(OFFSET_BASIS.cast_signed()));
        assert_eq!(LockKey::of(&["job", "7"]), LockKey::of(&["job", "7"]));
        assert_ne!(LockKey::of(&["ab", "c"]), LockKey::of(&["a", "bc"]));
        assert_ne!(LockKey::of(&["a"]), LockKey::of(&["a", ""]));
    }
}
