//! What is kept of a password, and how one is checked.

use std::fmt;

use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{self, PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params};
use toml::Spanned;

use super::TokenDigest;
use super::check::Checked;

/// The longest password, in bytes: hashing one takes its time and a client chooses its length.
pub const PASSWORD_LIMIT: usize = 1_024;

/// What a hash begins with.
const HASH_MARK: &str = "$argon2";

/// The most memory that checking a password may take, in KiB: a site file that asks for more is a mistake.
const MEMORY_LIMIT: u32 = 1024 * 1024;

/// What a password is held against.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Kept);

#[derive(Clone, PartialEq, Eq)]
enum Kept {
    /// Of one that stands in the site file as it is: there is nothing left to protect it from but a look into memory.
    Digest(TokenDigest),
    /// A PHC string.
    Hash(String),
}

impl Password {
    /// Hashes a password for the site file: a PHC string with Argon2id and a fresh salt.
    ///
    /// # Errors
    /// There is no randomness for a salt, which no system that this runs on is without.
    pub fn hash(password: &str) -> Result<String, password_hash::Error> {
        let salt = SaltString::generate(&mut OsRng);
        let hash = Argon2::default().hash_password(password.as_bytes(), &salt)?;
        Ok(hash.to_string())
    }

    /// Of the text in the site file: a hash, or the password itself.
    fn of_text(text: &str) -> Result<Self, String> {
        if !text.starts_with(HASH_MARK) {
            if text.is_empty() || text.len() > PASSWORD_LIMIT {
                return Err(format!("a password has 1 to {PASSWORD_LIMIT} bytes"));
            }
            return Ok(Self(Kept::Digest(TokenDigest::of(text.as_bytes()))));
        }
        let wrong = |error: password_hash::Error| format!("no hash of Argon2: {error}");
        let hash = PasswordHash::new(text).map_err(wrong)?;
        Algorithm::try_from(hash.algorithm)
            .map_err(|error| format!("no hash of Argon2: {error}"))?;
        let parameters = Params::try_from(&hash).map_err(wrong)?;
        if parameters.m_cost() > MEMORY_LIMIT {
            return Err(format!(
                "checking the password would take more than {MEMORY_LIMIT} KiB of memory"
            ));
        }
        if hash.hash.is_none() || hash.salt.is_none() {
            return Err("a hash without salt or hash lets nobody in".to_owned());
        }
        Ok(Self(Kept::Hash(text.to_owned())))
    }

    /// Whether a look at it takes its time, some 20 ms, and memory.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        matches!(self.0, Kept::Hash(_))
    }

    /// Whether it is this one. Takes as long for any that is wrong.
    #[must_use]
    pub fn is(&self, password: &str) -> bool {
        if password.len() > PASSWORD_LIMIT {
            return false;
        }
        match &self.0 {
            Kept::Digest(kept) => {
                use subtle::ConstantTimeEq as _;
                let given = TokenDigest::of(password.as_bytes());
                kept.as_bytes().ct_eq(given.as_bytes()).into()
            }
            Kept::Hash(text) => PasswordHash::new(text).is_ok_and(|hash| {
                Argon2::default()
                    .verify_password(password.as_bytes(), &hash)
                    .is_ok()
            }),
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(..)")
    }
}

impl Checked<'_> {
    pub(super) fn password(&mut self, password: &Spanned<String>) -> Option<Password> {
        match Password::of_text(password.get_ref()) {
            Ok(password) => Some(password),
            Err(message) => {
                self.problem(password, message);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{parse, problems};
    use super::*;

    fn site(password: &str) -> String {
        format!(
            "[[project]]\nname = \"demo\"\n[[principal]]\nname = \"alice\"\nproject = \"demo\"\npassword = {password:?}\n"
        )
    }

    #[test]
    fn a_password_is_taken_as_it_is_or_as_its_hash() {
        let hash = Password::hash("s3cret").unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert_ne!(hash, Password::hash("s3cret").unwrap(), "a fresh salt");
        for (text, slow) in [("s3cret", false), (hash.as_str(), true)] {
            let site = parse(&site(text)).unwrap();
            let password = site.principals[0].password.as_ref().unwrap();
            assert_eq!(password.is_slow(), slow);
            assert!(password.is("s3cret"));
            for wrong in ["", "s3cres", "S3CRET", "s3cret ", hash.as_str()] {
                assert!(!password.is(wrong), "{wrong:?}");
            }
            assert_eq!(format!("{password:?}"), "Password(..)");
        }
    }

    #[test]
    fn a_password_may_be_as_long_as_the_limit() {
        let longest = "x".repeat(PASSWORD_LIMIT);
        let kept = parse(&site(&longest)).unwrap().principals[0]
            .password
            .clone()
            .unwrap();
        assert!(kept.is(&longest));
        assert!(!kept.is(&format!("{longest}x")));
    }

    #[test]
    fn what_lets_nobody_in_is_refused() {
        let too_long = "x".repeat(PASSWORD_LIMIT + 1);
        for (text, problem) in [
            ("", "a password has 1 to 1024 bytes"),
            (too_long.as_str(), "a password has 1 to 1024 bytes"),
            ("$argon2id$", "no hash of Argon2"),
            (
                "$argon2x$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
                "no hash of Argon2",
            ),
            ("$argon2id$v=19$m=19456,t=2,p=1", "a hash without salt"),
            (
                "$argon2id$v=19$m=4000000,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
                "checking the password would take more than 1048576 KiB of memory",
            ),
        ] {
            let problems = problems(&site(text));
            assert!(
                problems.iter().any(|line| line.contains(problem)),
                "{text}: {problems:?}"
            );
        }
    }
}
