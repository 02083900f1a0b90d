//! Signing in with a password, and the tokens that it gives: signed here and looked up nowhere, so that every ingress with
//! the same key takes those of the others. What a principal may do is asked of the site at each use, and not of the token.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use muster_contract::Principal;
use muster_platform::Timestamp;
use muster_platform::site::TokenDigest;
use serde::{Deserialize, Serialize};

use super::password_checks::{PasswordChecks, PasswordError};
use super::verified::VerifiedTokens;
use super::verifier::Verifier;
use super::{AuthenticationError, Directory, TokenKey};

/// Whom such a token is for: what the same key may sign for others is not taken.
const AUDIENCE: &str = "muster-identity";

/// Signs in, and knows those who did.
#[derive(Debug)]
pub(crate) struct SignIn {
    key: TokenKey,
    verifier: Verifier,
    verified: VerifiedTokens<Claims>,
    passwords: PasswordChecks,
    lifetime: Duration,
}

/// Why nobody is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignInError {
    /// Name and password, or the token, are of nobody.
    Unknown,
    /// There were too many wrong passwords; how long to wait.
    TooManyWrong(Duration),
    /// Too many are signing in.
    Busy,
}

/// Somebody who signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignedIn {
    /// Who, and for which project.
    pub(crate) principal: Arc<Principal>,
    /// When.
    pub(crate) issued_at: Timestamp,
    /// Until when.
    pub(crate) expires_at: Timestamp,
    /// How: `password`, `token`.
    pub(crate) methods: Vec<String>,
}

/// A token to be made.
#[derive(Debug)]
pub(crate) struct NewSignIn {
    /// For whom.
    pub(crate) principal: Arc<Principal>,
    /// How.
    pub(crate) methods: Vec<String>,
    /// If it is made of another token: when that one ends.
    pub(crate) not_after: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Claims {
    aud: String,
    sub: String,
    project: String,
    methods: Vec<String>,
    iat: i64,
    exp: i64,
}

impl SignIn {
    /// With the key that signs, and how long what it signed is good.
    pub(crate) fn new(key: TokenKey, lifetime: Duration) -> Self {
        Self {
            verifier: Verifier::of_key(&key),
            key,
            verified: VerifiedTokens::default(),
            passwords: PasswordChecks::default(),
            lifetime,
        }
    }

    /// Whoever has that name and password.
    pub(crate) async fn with_password(
        &self,
        directory: &Directory,
        name: &str,
        password: String,
        from: IpAddr,
        now: Timestamp,
    ) -> Result<Arc<Principal>, SignInError> {
        let checking = self.passwords.check(directory, name, password, from, now);
        checking.await.map_err(|error| match error {
            PasswordError::Wrong => SignInError::Unknown,
            PasswordError::TooManyWrong => {
                SignInError::TooManyWrong(super::wrong_passwords::WINDOW)
            }
            PasswordError::Busy => SignInError::Busy,
        })
    }

    /// A new token, and what it says.
    pub(crate) fn issue(&self, new: NewSignIn, now: Timestamp) -> (String, SignedIn) {
        // Tokens tell seconds.
        let issued_at = Timestamp::from_seconds(now.as_seconds());
        let expires_at = issued_at.plus(self.lifetime);
        let expires_at = new.not_after.map_or(expires_at, |end| end.min(expires_at));
        let claims = Claims {
            aud: AUDIENCE.to_owned(),
            sub: new.principal.name.clone(),
            project: new.principal.project.clone(),
            methods: new.methods.clone(),
            iat: issued_at.as_seconds(),
            exp: expires_at.as_seconds(),
        };
        // Texts and numbers always become JSON.
        let token = self
            .key
            .sign_claims(&serde_json::to_value(&claims).unwrap_or_default());
        let signed_in = SignedIn {
            principal: new.principal,
            issued_at,
            expires_at,
            methods: new.methods,
        };
        (token, signed_in)
    }

    /// Whom a token stands for that was made here.
    ///
    /// # Errors
    /// It was not, or is over, or whom it was made for may no longer have it.
    pub(crate) fn of_token(
        &self,
        directory: &Directory,
        token: &[u8],
        now: Timestamp,
    ) -> Result<SignedIn, AuthenticationError> {
        let claims = self.claims(token)?;
        if claims.aud != AUDIENCE {
            return Err(AuthenticationError::Malformed);
        }
        if now.as_seconds() >= claims.exp {
            return Err(AuthenticationError::Expired);
        }
        let principal = directory
            .principal(&claims.sub)
            .ok_or(AuthenticationError::UnknownUser)?;
        let principal = for_project(directory, principal, &claims.project)
            .ok_or(AuthenticationError::UnknownUser)?;
        Ok(SignedIn {
            principal,
            issued_at: Timestamp::from_seconds(claims.iat),
            expires_at: Timestamp::from_seconds(claims.exp),
            methods: claims.methods.clone(),
        })
    }
}

impl SignIn {
    /// What the token says, if it is signed here. The signature of one that was seen before is not checked again.
    fn claims(&self, token: &[u8]) -> Result<Arc<Claims>, AuthenticationError> {
        let digest = TokenDigest::of(token);
        if let Some(claims) = self.verified.get(&digest) {
            return Ok(claims);
        }
        let claims: Arc<Claims> = Arc::new(self.verifier.claims(token)?);
        self.verified.insert(digest, Arc::clone(&claims));
        Ok(claims)
    }
}

/// The principal as it acts for a project: its own or, of one that may cross tenants, any that the site has.
pub(crate) fn for_project(
    directory: &Directory,
    principal: &Arc<Principal>,
    project: &str,
) -> Option<Arc<Principal>> {
    if principal.project == project {
        return Some(Arc::clone(principal));
    }
    if !principal.crosses_tenants() {
        return None;
    }
    let mut tenants = directory.tenants().iter();
    let project = tenants.find(|tenant| tenant.name == project)?;
    Some(Arc::new(Principal {
        project: project.name.clone(),
        domain: project.domain.clone(),
        ..principal.as_ref().clone()
    }))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use muster_platform::Site;

    use super::super::NewToken;
    use super::*;

    const SEED: [u8; 32] = [9; 32];
    const HOUR: Duration = Duration::from_hours(1);

    fn directory(role: &str) -> Directory {
        let text = format!(
            r#"
            [[project]]
            name = "demo"
            [[project]]
            name = "other"
            domain = "elsewhere"
            [[principal]]
            name = "alice"
            project = "demo"
            roles = ["{role}"]
        "#
        );
        Directory::of_site(&Site::parse(&text, Path::new("site.toml")).unwrap()).unwrap()
    }

    fn sign_in() -> SignIn {
        SignIn::new(TokenKey::from_seed(&SEED), HOUR)
    }

    fn token(directory: &Directory, project: &str, now: Timestamp) -> Option<String> {
        let alice = directory.principal("alice").unwrap();
        let new = NewSignIn {
            principal: for_project(directory, alice, project)?,
            methods: vec!["password".to_owned()],
            not_after: None,
        };
        Some(sign_in().issue(new, now).0)
    }

    #[test]
    fn a_token_of_one_ingress_is_taken_by_another_until_it_ends() {
        let directory = directory("user");
        let now = Timestamp::from_micros(1_000_500_000);
        let token = token(&directory, "demo", now).unwrap();
        let other = sign_in();
        let read = |now| other.of_token(&directory, token.as_bytes(), now);
        let signed_in = read(now).unwrap();
        assert_eq!(signed_in.principal.name, "alice");
        assert_eq!(signed_in.issued_at, Timestamp::from_seconds(1_000));
        assert_eq!(signed_in.expires_at, Timestamp::from_seconds(4_600));
        assert_eq!(signed_in.methods, ["password"]);
        assert!(read(Timestamp::from_seconds(4_599)).is_ok());
        let late = read(Timestamp::from_seconds(4_600)).unwrap_err();
        assert_eq!(late, AuthenticationError::Expired);
    }

    #[test]
    fn a_token_made_of_another_does_not_live_longer() {
        let directory = directory("user");
        let now = Timestamp::from_seconds(1_000);
        let end = Timestamp::from_seconds(1_100);
        let new = |not_after| NewSignIn {
            principal: Arc::clone(directory.principal("alice").unwrap()),
            methods: vec!["token".to_owned()],
            not_after: Some(not_after),
        };
        let (_, signed_in) = sign_in().issue(new(end), now);
        assert_eq!(signed_in.expires_at, end);
        let (_, signed_in) = sign_in().issue(new(now.plus(HOUR * 9)), now);
        assert_eq!(signed_in.expires_at, now.plus(HOUR));
    }

    #[test]
    fn only_administrators_have_other_projects_as_long_as_they_are() {
        let now = Timestamp::from_seconds(1_000);
        assert_eq!(token(&directory("user"), "other", now), None);
        assert_eq!(token(&directory("admin"), "nowhere", now), None);
        let token = token(&directory("admin"), "other", now).unwrap();
        let read = |role: &str| sign_in().of_token(&directory(role), token.as_bytes(), now);
        let principal = read("admin").unwrap().principal;
        assert_eq!(
            (principal.project.as_str(), principal.domain.as_str()),
            ("other", "elsewhere")
        );
        assert_eq!(read("user").unwrap_err(), AuthenticationError::UnknownUser);
    }

    #[test]
    fn other_tokens_of_the_same_key_are_none() {
        let directory = directory("user");
        let now = Timestamp::from_seconds(1_000);
        let key = TokenKey::from_seed(&SEED);
        let jwt = key.sign(&NewToken {
            subject: "alice",
            roles: &["admin"],
            issued_at: now,
            expires_at: None,
        });
        let other_audience = key.sign_claims(&serde_json::json!({
            "aud": "x", "sub": "alice", "project": "demo", "methods": [], "iat": 0, "exp": 9_999_999,
        }));
        let good = token(&directory, "demo", now).unwrap();
        let other_key = SignIn::new(TokenKey::from_seed(&[8; 32]), HOUR);
        assert!(
            other_key
                .of_token(&directory, good.as_bytes(), now)
                .is_err()
        );
        for token in ["", "x", "..", &jwt, &other_audience, &good[1..]] {
            let read = sign_in().of_token(&directory, token.as_bytes(), now);
            assert!(read.is_err(), "{token}");
        }
    }
}
