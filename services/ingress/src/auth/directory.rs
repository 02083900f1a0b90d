//! The principals of the site and how they are recognised.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use muster_contract::Principal;
use muster_platform::site::{
    DEFAULT_DOMAIN, DuffyRules, NAME_LIMIT, Password, Project, TokenDigest,
};
use muster_platform::{Site, Timestamp};
use subtle::ConstantTimeEq;

use super::claims::Claims;
use super::compute::ComputeSite;
use super::keystone::Keystone;
use super::verified::{Verified, VerifiedTokens};
use super::verifier::Verifier;

/// How far the clock of whoever signs tokens may differ from ours, in seconds.
const LEEWAY: f64 = 5.0;

/// A site whose principals cannot be recognised.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The bytes are no point on the curve, or one that accepts signatures nobody made.
    #[error(
        "clustercockpit.jwt_public_key of the site is no Ed25519 public key that can be relied on"
    )]
    PublicKey,
    /// There are no certificates to check Keystone's with.
    #[error("no trusted certificates for https to Keystone")]
    Certificates(#[source] std::io::Error),
}

/// Why a token lets nobody in. What is said of it is safe to tell whoever sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationError {
    /// Neither a fixed token nor one that is signed.
    #[error("the token is not valid")]
    Malformed,
    /// Signed, but not with Ed25519.
    #[error("only Ed25519/EdDSA supported")]
    WrongAlgorithm,
    /// Not signed by the holder of the key.
    #[error("token signature is invalid")]
    WrongSignature,
    /// Its `exp` is past.
    #[error("token is expired")]
    Expired,
    /// Its `nbf` is to come.
    #[error("token is not valid yet")]
    NotYetValid,
    /// Its `iat` is further back than the site allows, or missing where the site has a limit.
    #[error("token was issued too long ago")]
    TooOld,
    /// It does not say who, or not by a name that anybody can have.
    #[error("missing 'sub' claim in JWT")]
    NoSubject,
    /// Nobody here has that name, and the site lets in no strangers.
    #[error("unknown user")]
    UnknownUser,
}

/// Who may call.
#[derive(Debug)]
pub struct Directory {
    principals: HashMap<String, Arc<Principal>>,
    tokens: HashMap<TokenDigest, Arc<Principal>>,
    duffy_keys: HashMap<TokenDigest, Arc<Principal>>,
    passwords: HashMap<String, Password>,
    keystone: Option<Keystone>,
    duffy: DuffyRules,
    tenants: Vec<Project>,
    node_preparation: Option<Duration>,
    verifier: Option<Verifier>,
    verified: VerifiedTokens,
    max_age: Option<Duration>,
    default_project: Option<Tenant>,
    validate_user: bool,
    compute: ComputeSite,
}

#[derive(Debug)]
struct Tenant {
    project: String,
    domain: String,
}

impl Directory {
    /// The principals of a site.
    ///
    /// # Errors
    /// The site's public key cannot be relied on.
    pub fn of_site(site: &Site) -> Result<Self, DirectoryError> {
        let tenant = |project: &str| Tenant {
            project: project.to_owned(),
            domain: site
                .project(project)
                .map_or(DEFAULT_DOMAIN, |project| &project.domain)
                .to_owned(),
        };
        let mut principals = HashMap::with_capacity(site.principals.len());
        let mut tokens = HashMap::new();
        let mut duffy_keys = HashMap::new();
        let mut passwords = HashMap::new();
        for declared in &site.principals {
            let Tenant { project, domain } = tenant(&declared.project);
            let principal = Arc::new(Principal {
                name: declared.name.clone(),
                domain,
                project,
                roles: declared.roles.clone(),
            });
            if let Some(token) = declared.token {
                tokens.insert(token, Arc::clone(&principal));
            }
            if let Some(key) = declared.duffy_key {
                duffy_keys.insert(key, Arc::clone(&principal));
            }
            if let Some(password) = &declared.password {
                passwords.insert(declared.name.clone(), password.clone());
            }
            principals.insert(declared.name.clone(), principal);
        }
        let settings = &site.clustercockpit;
        let verifier = match &settings.jwt_public_key {
            Some(key) => Some(Verifier::new(key).ok_or(DirectoryError::PublicKey)?),
            None => None,
        };
        Ok(Self {
            compute: ComputeSite::of_site(site, &principals),
            principals,
            tokens,
            duffy_keys,
            passwords,
            keystone: match &site.keystone {
                Some(keystone) => {
                    Some(Keystone::new(keystone).map_err(DirectoryError::Certificates)?)
                }
                None => None,
            },
            duffy: site.duffy.clone(),
            tenants: site.projects.clone(),
            node_preparation: node_preparation(site),
            verifier,
            verified: VerifiedTokens::default(),
            max_age: settings.jwt_max_age,
            default_project: settings.default_project.as_deref().map(tenant),
            validate_user: settings.validate_user,
        })
    }

    /// Whom a token stands for: a fixed one, or one in ClusterCockpit's form.
    ///
    /// # Errors
    /// The token lets nobody in.
    pub fn principal_of_token(
        &self,
        token: &[u8],
        now: Timestamp,
    ) -> Result<Arc<Principal>, AuthenticationError> {
        let digest = TokenDigest::of(token);
        if let Some(principal) = fixed(&self.tokens, &digest) {
            return Ok(principal);
        }
        let known = match self.verified.get(&digest) {
            Some(known) => known,
            None => self.verify(token, digest)?,
        };
        self.check_times(&known.claims, now)?;
        Ok(Arc::clone(&known.principal))
    }

    /// Whom a fixed token stands for.
    #[must_use]
    pub fn principal_of_fixed_token(&self, token: &[u8]) -> Option<Arc<Principal>> {
        fixed(&self.tokens, &TokenDigest::of(token))
    }

    /// The principal of that name.
    pub(crate) fn principal(&self, name: &str) -> Option<&Arc<Principal>> {
        self.principals.get(name)
    }

    /// What the principal of that name signs in with.
    pub(crate) fn password_of(&self, name: &str) -> Option<&Password> {
        self.passwords.get(name)
    }

    /// A password that takes its time to check, if there is one: to take as long for a name that nobody has.
    pub(crate) fn slow_password(&self) -> Option<&Password> {
        self.passwords.values().find(|password| password.is_slow())
    }

    /// Who knows tokens that are not ours.
    pub(crate) fn keystone(&self) -> Option<&Keystone> {
        self.keystone.as_ref()
    }

    /// Whom a key of Duffy's clients stands for.
    #[must_use]
    pub fn principal_of_duffy_key(&self, key: &[u8]) -> Option<Arc<Principal>> {
        fixed(&self.duffy_keys, &TokenDigest::of(key))
    }

    /// What the site says of Duffy's clients.
    #[must_use]
    pub fn duffy(&self) -> &DuffyRules {
        &self.duffy
    }

    /// Who may have compute sessions, and of what.
    pub(crate) fn compute(&self) -> &ComputeSite {
        &self.compute
    }

    /// The longest that it may take agents to prepare a node for a session, in whatever pool; `None` = nothing is done.
    #[must_use]
    pub fn node_preparation(&self) -> Option<Duration> {
        self.node_preparation
    }

    /// The longest that it may take an agent to set a session of this project up; `None` = nothing is done.
    #[must_use]
    pub fn session_set_up(&self, project: &str) -> Option<Duration> {
        let mut tenants = self.tenants.iter();
        let project = tenants.find(|tenant| tenant.name == project)?;
        project.session_hooks.as_ref()?.set_up
    }

    /// The projects of the site, in its order.
    #[must_use]
    pub fn tenants(&self) -> &[Project] {
        &self.tenants
    }

    /// Every principal of the site, in no order.
    pub(crate) fn principals(&self) -> impl Iterator<Item = &Principal> {
        self.principals.values().map(AsRef::as_ref)
    }

    /// The principals of one project, in no order.
    pub fn principals_of(&self, project: &str) -> impl Iterator<Item = &Principal> {
        self.principals
            .values()
            .filter(move |principal| principal.project == project)
            .map(AsRef::as_ref)
    }

    fn verify(
        &self,
        token: &[u8],
        digest: TokenDigest,
    ) -> Result<Arc<Verified>, AuthenticationError> {
        let verifier = self
            .verifier
            .as_ref()
            .ok_or(AuthenticationError::Malformed)?;
        let claims: Claims = verifier.claims(token)?;
        let principal = self.principal_of_claims(&claims)?;
        let known = Arc::new(Verified { principal, claims });
        self.verified.insert(digest, Arc::clone(&known));
        Ok(known)
    }

    fn principal_of_claims(&self, claims: &Claims) -> Result<Arc<Principal>, AuthenticationError> {
        let name = &claims.sub;
        // A name becomes part of headers, rows and log lines.
        if name.is_empty() || name.len() > NAME_LIMIT || name.chars().any(char::is_control) {
            return Err(AuthenticationError::NoSubject);
        }
        let known = self.principals.get(name);
        if self.validate_user {
            return known.cloned().ok_or(AuthenticationError::UnknownUser);
        }
        let (project, domain) = match (known, &self.default_project) {
            (Some(known), _) => (&known.project, &known.domain),
            (None, Some(tenant)) => (&tenant.project, &tenant.domain),
            (None, None) => return Err(AuthenticationError::UnknownUser),
        };
        Ok(Arc::new(Principal {
            name: name.clone(),
            domain: domain.clone(),
            project: project.clone(),
            roles: claims.roles(),
        }))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds of any time to come fit a double"
    )]
    fn check_times(&self, claims: &Claims, now: Timestamp) -> Result<(), AuthenticationError> {
        let now = now.as_seconds() as f64;
        if claims.exp.is_some_and(|expires| now - LEEWAY >= expires) {
            return Err(AuthenticationError::Expired);
        }
        if claims.nbf.is_some_and(|from| now + LEEWAY < from) {
            return Err(AuthenticationError::NotYetValid);
        }
        if let Some(max_age) = self.max_age {
            let young = claims
                .iat
                .is_some_and(|issued| now - LEEWAY < issued + max_age.as_secs_f64());
            if !young {
                return Err(AuthenticationError::TooOld);
            }
        }
        Ok(())
    }
}

/// Where a node cannot be prepared another one is, as often as its pool says.
fn node_preparation(site: &Site) -> Option<Duration> {
    let hooks = site.pools.iter().filter_map(|pool| pool.hooks.as_ref());
    hooks
        .filter_map(|hooks| Some(hooks.contextualize?.saturating_mul(hooks.attempts)))
        .max()
}

/// The look-up takes its time by the digest, of which a caller can choose no part; the last
/// comparison takes the same time whatever it finds.
fn fixed(
    secrets: &HashMap<TokenDigest, Arc<Principal>>,
    digest: &TokenDigest,
) -> Option<Arc<Principal>> {
    let (known, principal) = secrets.get_key_value(digest)?;
    bool::from(known.as_bytes().ct_eq(digest.as_bytes())).then(|| Arc::clone(principal))
}

#[cfg(test)]
mod tests;
