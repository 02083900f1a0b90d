//! Key pairs of Backend.AI's clients, in the form that Backend.AI gives its own.

use muster_platform::site::AccessKeyPair;
use rand::Rng as _;

/// What every access key begins with.
const MARK: &str = "AKIA";

/// Characters of an access key after its mark: with them it has 20, as in Backend.AI.
const ACCESS_KEY_LENGTH: usize = 16;

/// Characters of a secret key: 238 bits, beyond guessing.
const SECRET_KEY_LENGTH: usize = 40;

/// Capital letters and digits.
const OF_ACCESS_KEYS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// Letters and digits, and what needs no quotes in a shell.
const OF_SECRET_KEYS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

/// A pair that nobody has.
pub(crate) fn new() -> AccessKeyPair {
    AccessKeyPair {
        access_key: format!("{MARK}{}", random(OF_ACCESS_KEYS, ACCESS_KEY_LENGTH)),
        secret_key: random(OF_SECRET_KEYS, SECRET_KEY_LENGTH).into(),
    }
}

fn random(characters: &[u8], length: usize) -> String {
    let mut random = rand::rng();
    (0..length)
        .filter_map(|_| characters.get(random.random_range(..characters.len())))
        .map(|byte| char::from(*byte))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_another() {
        let (one, other) = (new(), new());
        assert_eq!(one.access_key.len(), 20);
        assert!(one.access_key.starts_with(MARK));
        assert_eq!(one.secret_key.expose().len(), SECRET_KEY_LENGTH);
        assert_ne!(one.access_key, other.access_key);
        assert_ne!(one.secret_key, other.secret_key);
    }
}
