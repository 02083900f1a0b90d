//! Checking passwords: hashes on threads that may block, no more at once than there are processors.

use std::net::IpAddr;
use std::sync::Arc;

use muster_contract::Principal;
use muster_platform::Timestamp;
use muster_platform::site::Password;
use tokio::sync::Semaphore;

use super::Directory;
use super::wrong_passwords::WrongPasswords;

/// Passwords that wait for their turn to be hashed, which takes some 20 ms each.
const WAITING_LIMIT: usize = 256;

/// Checks passwords.
#[derive(Debug)]
pub(super) struct PasswordChecks {
    wrong: WrongPasswords,
    waiting: Semaphore,
    hashing: Arc<Semaphore>,
}

/// Why a password was not even looked at, or lets nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PasswordError {
    /// Wrong, or of nobody.
    Wrong,
    /// There were too many wrong ones.
    TooManyWrong,
    /// Too many are being checked.
    Busy,
}

impl Default for PasswordChecks {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            wrong: WrongPasswords::default(),
            waiting: Semaphore::new(WAITING_LIMIT),
            hashing: Arc::new(Semaphore::new(processors)),
        }
    }
}

impl PasswordChecks {
    /// The principal of that name, if that is the password. A name that nobody has takes as long as one with a hash.
    pub(super) async fn check(
        &self,
        directory: &Directory,
        name: &str,
        given: String,
        from: IpAddr,
        now: Timestamp,
    ) -> Result<Arc<Principal>, PasswordError> {
        let principal = directory.principal(name);
        let password = directory.password_of(name);
        let known = password.and(principal);
        let counted_as = known.map(|principal| principal.name.as_str());
        if self.wrong.too_many(from, counted_as, now) {
            return Err(PasswordError::TooManyWrong);
        }
        let right = match password.or_else(|| directory.slow_password()) {
            Some(password) if password.is_slow() => self.hash(password.clone(), given).await?,
            Some(password) => password.is(&given),
            None => false,
        };
        match known {
            Some(principal) if right => Ok(Arc::clone(principal)),
            _ => {
                self.wrong.add(from, counted_as, now);
                Err(PasswordError::Wrong)
            }
        }
    }

    async fn hash(&self, password: Password, given: String) -> Result<bool, PasswordError> {
        let busy = |_| PasswordError::Busy;
        let waiting = self.waiting.try_acquire().map_err(busy)?;
        // Never closed.
        let hashing = Arc::clone(&self.hashing)
            .acquire_owned()
            .await
            .map_err(|_| PasswordError::Busy)?;
        drop(waiting);
        // Keeps its place to its end, also if nobody waits for it any more: each takes its time and its memory.
        let checking = tokio::task::spawn_blocking(move || {
            let _hashing = hashing;
            password.is(&given)
        });
        // One that panicked has not found it right.
        Ok(checking.await.unwrap_or(false))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::path::Path;

    use muster_platform::Site;

    use super::super::wrong_passwords::{LIMIT, WINDOW};
    use super::*;

    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn directory() -> Directory {
        let hash = Password::hash("h4shed").unwrap();
        let text = format!(
            r#"
            [[project]]
            name = "demo"
            [[principal]]
            name = "alice"
            project = "demo"
            password = "s3cret"
            [[principal]]
            name = "bob"
            project = "demo"
            password = "{hash}"
            [[principal]]
            name = "carol"
            project = "demo"
        "#
        );
        Directory::of_site(&Site::parse(&text, Path::new("site.toml")).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn name_and_password_have_to_belong_together() {
        let (checks, directory) = (PasswordChecks::default(), directory());
        let now = Timestamp::from_seconds(1_000);
        let check = async |name: &str, password: &str| {
            let given = password.to_owned();
            let found = checks.check(&directory, name, given, HOME, now).await;
            found.map(|principal| principal.name.clone())
        };
        assert_eq!(check("alice", "s3cret").await.unwrap(), "alice");
        assert_eq!(check("bob", "h4shed").await.unwrap(), "bob");
        for (name, password) in [
            ("alice", "h4shed"),
            ("bob", "s3cret"),
            ("alice", ""),
            ("carol", ""),
            ("carol", "s3cret"),
            // Of nobody, with the password that it is held against to take its time.
            ("zoe", "h4shed"),
            ("", "h4shed"),
            ("carol", "h4shed"),
        ] {
            let error = check(name, password).await.unwrap_err();
            assert_eq!(error, PasswordError::Wrong, "{name} {password}");
        }
    }

    #[tokio::test]
    async fn after_too_many_wrong_ones_the_right_one_is_not_looked_at_for_a_while() {
        let (checks, directory) = (PasswordChecks::default(), directory());
        let now = Timestamp::from_seconds(1_000);
        let check = async |password: &str, from, now| {
            let given = password.to_owned();
            let found = checks.check(&directory, "alice", given, from, now).await;
            found.map(|_| ())
        };
        for _ in 0..LIMIT {
            let wrong = check("x", HOME, now).await;
            assert_eq!(wrong, Err(PasswordError::Wrong));
        }
        let again = check("s3cret", HOME, now).await;
        assert_eq!(again, Err(PasswordError::TooManyWrong));
        let elsewhere = Ipv4Addr::new(192, 0, 2, 1).into();
        assert_eq!(check("s3cret", elsewhere, now).await, Ok(()));
        assert_eq!(check("s3cret", HOME, now.plus(WINDOW)).await, Ok(()));
    }
}
