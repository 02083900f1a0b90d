//! The body of a request for a token (Identity API v3, "Password authentication with scoped authorization" and "Token
//! authentication").

use muster_contract::Principal;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::frame::{Failure, FailureKind};

/// Ways to sign in that one request may name.
const METHODS_LIMIT: usize = 8;

/// A request for a token.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct TokenRequest {
    /// What the caller wants.
    auth: Authentication,
}

/// What the caller wants.
#[derive(Debug, Deserialize, ToSchema)]
struct Authentication {
    /// Who it is.
    identity: Identity,
    /// For which project the token shall be; the principal's own if nothing is said.
    scope: Option<Scope>,
}

/// Who signs in.
#[derive(Debug, Deserialize, ToSchema)]
struct Identity {
    /// `password`, `token`, or both.
    methods: Vec<String>,
    /// For `password`.
    password: Option<PasswordMethod>,
    /// For `token`.
    token: Option<TokenMethod>,
}

/// With a password.
#[derive(Debug, Deserialize, ToSchema)]
struct PasswordMethod {
    /// Whose.
    user: User,
}

/// Name and password.
#[derive(Deserialize, ToSchema)]
pub(super) struct User {
    /// The same as the name.
    pub(super) id: Option<String>,
    /// Name of a principal.
    #[schema(example = "alice")]
    pub(super) name: Option<String>,
    /// Domain of its project.
    pub(super) domain: Option<Reference>,
    /// Its password.
    pub(super) password: String,
}

/// With a token.
#[derive(Deserialize, ToSchema)]
struct TokenMethod {
    /// The token.
    id: String,
}

/// What the token shall be for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
enum Scope {
    /// Nothing in particular: the principal's own project.
    Unscoped(String),
    /// Something.
    Scoped(Scoped),
}

/// What the token shall be for.
#[derive(Debug, Deserialize, ToSchema)]
struct Scoped {
    /// A project.
    project: Option<Project>,
}

/// A project.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub(super) struct Project {
    /// The same as the name.
    id: Option<String>,
    /// Its name.
    #[schema(example = "demo")]
    name: Option<String>,
    /// Its domain.
    domain: Option<Reference>,
}

/// Something by its name, or by its id, which is the same.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub(super) struct Reference {
    /// The same as the name.
    id: Option<String>,
    /// Its name.
    #[schema(example = "default")]
    name: Option<String>,
}

/// A way to sign in.
pub(super) enum Method {
    /// With name and password.
    Password(User),
    /// With a token.
    Token(String),
}

/// What a request asks for.
pub(super) struct Asked {
    /// Who it is, in every way that is named.
    pub(super) methods: Vec<Method>,
    /// For which project; `None` = the principal's own.
    pub(super) project: Option<Project>,
}

impl std::fmt::Debug for User {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("User")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for TokenMethod {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("TokenMethod(..)")
    }
}

impl Asked {
    pub(super) fn of_body(body: &[u8]) -> Result<Self, Failure> {
        let request: TokenRequest = serde_json::from_slice(body)
            .map_err(|error| Failure::invalid(format!("no request for a token: {error}")))?;
        let Authentication { identity, scope } = request.auth;
        let project = match scope {
            None => None,
            Some(Scope::Unscoped(word)) if word == "unscoped" => None,
            Some(Scope::Unscoped(_)) => return Err(Failure::invalid("scope: no such scope")),
            Some(Scope::Scoped(Scoped {
                project: Some(project),
            })) => Some(project),
            Some(Scope::Scoped(Scoped { project: None })) => {
                return Err(Failure::new(
                    FailureKind::Unauthenticated,
                    "tokens are for projects, and for nothing else",
                ));
            }
        };
        Ok(Self {
            methods: methods(identity)?,
            project,
        })
    }
}

fn methods(identity: Identity) -> Result<Vec<Method>, Failure> {
    let Identity {
        methods: names,
        mut password,
        mut token,
    } = identity;
    if names.is_empty() || names.len() > METHODS_LIMIT {
        return Err(Failure::invalid("methods: password, token, or both"));
    }
    let missing = |name: &str| Failure::invalid(format!("identity.{name} is missing"));
    let mut methods = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for name in &names {
        if seen.contains(&name.as_str()) {
            continue;
        }
        seen.push(name);
        methods.push(match name.as_str() {
            "password" => Method::Password(password.take().ok_or_else(|| missing(name))?.user),
            "token" => Method::Token(token.take().ok_or_else(|| missing(name))?.id),
            _ => {
                return Err(Failure::new(
                    FailureKind::Unauthenticated,
                    "the ways to sign in are password and token",
                ));
            }
        });
    }
    Ok(methods)
}

impl Method {
    /// As a request names it.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Password(_) => "password",
            Self::Token(_) => "token",
        }
    }
}

impl User {
    /// The name that is given, and whether what else is given can be right.
    pub(super) fn name(&self) -> Result<&str, Failure> {
        named(self.id.as_deref(), self.name.as_deref())
            .ok_or_else(|| Failure::invalid("password.user: its name or its id is missing"))
    }
}

impl Project {
    /// Its name.
    pub(super) fn name(&self) -> Result<&str, Failure> {
        named(self.id.as_deref(), self.name.as_deref())
            .ok_or_else(|| Failure::invalid("scope.project: its name or its id is missing"))
    }

    /// Whether this is the domain it names, if it names one.
    pub(super) fn is_in_domain_of(&self, principal: &Principal) -> bool {
        is_domain_of(self.domain.as_ref(), principal)
    }
}

fn named<'a>(id: Option<&'a str>, name: Option<&'a str>) -> Option<&'a str> {
    id.or(name).filter(|name| !name.is_empty())
}

/// Whether a domain, if one is named, is that of the principal. Keystone takes their names in any case of letters: clients
/// commonly say `Default`.
pub(super) fn is_domain_of(domain: Option<&Reference>, principal: &Principal) -> bool {
    let named = domain.and_then(|domain| named(domain.id.as_deref(), domain.name.as_deref()));
    named.is_none_or(|named| named.eq_ignore_ascii_case(&principal.domain))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_unmodified_clients_send() {
        let body = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": "alice", "domain": {"name": "Default"}, "password": "s3cret",
            }}},
            "scope": {"project": {"name": "demo", "domain": {"id": "default"}}},
        }});
        let asked = Asked::of_body(body.to_string().as_bytes()).unwrap();
        let [Method::Password(user)] = &asked.methods[..] else {
            panic!("another method");
        };
        assert_eq!(
            (user.name().unwrap(), user.password.as_str()),
            ("alice", "s3cret")
        );
        assert!(!format!("{user:?}").contains("s3cret"));
        assert_eq!(asked.project.unwrap().name().unwrap(), "demo");
        let body = json!({"auth": {"identity": {"methods": ["token"], "token": {"id": "t"}}}});
        let asked = Asked::of_body(body.to_string().as_bytes()).unwrap();
        assert!(matches!(&asked.methods[..], [Method::Token(token)] if token == "t"));
        assert!(asked.project.is_none());
    }

    #[test]
    fn what_makes_no_sense_is_400_and_what_is_not_offered_401() {
        let identity = |identity| json!({"auth": {"identity": identity}});
        let user = |user| identity(json!({"methods": ["password"], "password": {"user": user}}));
        for (body, status) in [
            (json!(null), 400),
            (json!([]), 400),
            (json!({}), 400),
            (json!({"auth": {}}), 400),
            (json!({"auth": "x"}), 400),
            (identity(json!({})), 400),
            (identity(json!({"methods": []})), 400),
            (identity(json!({"methods": "password"})), 400),
            (identity(json!({"methods": ["password"]})), 400),
            (identity(json!({"methods": ["token"]})), 400),
            (
                identity(json!({"methods": ["token"], "token": {"id": 7}})),
                400,
            ),
            (
                identity(json!({"methods": vec!["token"; 9], "token": {"id": "t"}})),
                400,
            ),
            (identity(json!({"methods": ["totp"]})), 401),
            (
                identity(json!({"methods": ["application_credential"]})),
                401,
            ),
            (user(json!({"name": "alice"})), 400),
            (user(json!({"name": "alice", "password": null})), 400),
            (
                json!({"auth": {"identity": {"methods": ["token"], "token": {"id": "t"}}, "scope": {"system": {"all": true}}}}),
                401,
            ),
            (
                json!({"auth": {"identity": {"methods": ["token"], "token": {"id": "t"}}, "scope": "all"}}),
                400,
            ),
            (
                json!({"auth": {"identity": {"methods": ["token"], "token": {"id": "t"}}, "scope": 7}}),
                400,
            ),
        ] {
            let Err(failure) = Asked::of_body(body.to_string().as_bytes()) else {
                panic!("{body}");
            };
            assert_eq!(failure.kind().status(), status, "{body}");
        }
        assert!(Asked::of_body(b"").is_err());
        assert!(Asked::of_body(b"{").is_err());
    }
}
