//! The site file: which projects, principals and clusters there are, declared in one TOML file and
//! checked as a whole before anything is made of it.
//!
//! ```toml
//! [[project]]                       # a tenant
//! name = "demo"
//! domain = "default"                # this when left out
//!
//! [[principal]]                     # somebody who may call
//! name = "alice"
//! project = "demo"
//! roles = ["user", "api"]
//! token = "..."                     # a fixed token, or token_sha256 = "<64 hexadecimal digits>"
//!
//! [[cluster]]                       # a cluster description of ClusterCockpit
//! file = "fritz/cluster.json"       # relative to the site file
//!
//! [clustercockpit]                  # tokens signed elsewhere
//! jwt_public_key = "..."            # Ed25519, base64 of the 32 bytes
//! jwt_max_age = "30d"               # older tokens are refused; without it they live until their `exp`
//! default_project = "demo"          # of users that are no principal; without it those are refused
//! validate_user = false             # true: only principals, with the roles given here
//! ```
//!
//! What Muster does not use is an error, so that nobody believes in something declared here that
//! has no effect.

mod check;
mod document;
mod error;
mod keys;
#[cfg(test)]
mod tests;
mod token;

use std::path::{Path, PathBuf};
use std::time::Duration;

use muster_contract::Role;

pub use error::{SiteError, SiteProblem};
pub use token::TokenDigest;

/// The domain of a project that names none.
pub const DEFAULT_DOMAIN: &str = "default";

/// The longest name of a project, domain or principal, in bytes: names become parts of subjects,
/// headers and index entries.
pub const NAME_LIMIT: usize = 255;

/// What a site declares. Everything in it has been checked: names are unique, what is referred to
/// is there. The default declares nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Site {
    /// The tenants.
    pub projects: Vec<Project>,
    /// Who may call.
    pub principals: Vec<SitePrincipal>,
    /// Cluster descriptions, as paths that no longer depend on where the site file is.
    pub cluster_files: Vec<PathBuf>,
    /// Tokens signed elsewhere.
    pub clustercockpit: ClusterCockpitTokens,
}

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Unique within the site.
    pub name: String,
    /// The domain it belongs to.
    pub domain: String,
}

/// Somebody who may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SitePrincipal {
    /// Unique within the site.
    pub name: String,
    /// The project acted for.
    pub project: String,
    /// What the principal may do.
    pub roles: Vec<Role>,
    /// The fixed token, of which no more than this is kept.
    pub token: Option<TokenDigest>,
}

/// How tokens in ClusterCockpit's form (JWT, `EdDSA`) are treated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterCockpitTokens {
    /// Ed25519 key that the signer of the tokens holds the other half of; without it there are no
    /// such tokens.
    pub jwt_public_key: Option<[u8; 32]>,
    /// How long ago a token may have been issued.
    pub jwt_max_age: Option<Duration>,
    /// The project of a user who is no principal of the site; without it those are refused.
    pub default_project: Option<String>,
    /// Whether only principals of the site are let in, with the roles that the site gives them and
    /// not those of the token.
    pub validate_user: bool,
}

impl Site {
    /// Reads the file.
    ///
    /// # Errors
    /// It cannot be read, is no TOML, or declares something that cannot be: all of it, each with
    /// its line.
    pub fn load(path: &Path) -> Result<Self, SiteError> {
        let text = std::fs::read_to_string(path).map_err(|reason| SiteError::Unreadable {
            path: path.to_owned(),
            reason,
        })?;
        Self::parse(&text, path)
    }

    /// Reads `text` as if it stood in the file at `path`.
    ///
    /// # Errors
    /// As [`Site::load`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, SiteError> {
        let invalid = |problems| SiteError::Invalid {
            path: path.to_owned(),
            problems,
        };
        let unknown = keys::unknown(text).map_err(|problem| invalid(vec![problem]))?;
        if !unknown.is_empty() {
            return Err(invalid(unknown));
        }
        let document = document::Document::parse(text).map_err(|problem| invalid(vec![problem]))?;
        let directory = path.parent().unwrap_or(Path::new(""));
        check::Checked::new(text)
            .site(document, directory)
            .map_err(invalid)
    }

    /// The project of that name.
    #[must_use]
    pub fn project(&self, name: &str) -> Option<&Project> {
        self.projects.iter().find(|project| project.name == name)
    }
}
