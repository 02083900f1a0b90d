//! A token as Keystone describes it, with the catalog that says where Freezer is.

use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use muster_contract::Role;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::body::answer;
use crate::auth::SignedIn;
use crate::frame::Failure;

/// The header with the token itself.
pub(super) const X_SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");

/// The only region.
const REGION: &str = "RegionOne";

/// A token.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenAnswer {
    /// What it says.
    token: Token,
}

/// What a token says.
#[derive(Debug, Serialize, ToSchema)]
struct Token {
    /// How its owner signed in.
    methods: Vec<String>,
    /// Its owner.
    user: User,
    /// What it is for.
    project: Project,
    /// Always false.
    is_domain: bool,
    /// What its owner may do.
    roles: Vec<Named>,
    /// Until when it is good.
    #[schema(example = "2026-01-01T01:00:00Z")]
    expires_at: String,
    /// Since when.
    #[schema(example = "2026-01-01T00:00:00Z")]
    issued_at: String,
    /// Always empty.
    audit_ids: Vec<String>,
    /// Where services are, unless `nocatalog` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    catalog: Option<Vec<Service>>,
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
struct User {
    /// The same as its name.
    id: String,
    /// Its name.
    name: String,
    /// Its domain.
    domain: Named,
    /// Always `null`: they do not.
    password_expires_at: Option<String>,
}

/// A project.
#[derive(Debug, Serialize, ToSchema)]
struct Project {
    /// The same as its name.
    id: String,
    /// Its name.
    name: String,
    /// Its domain.
    domain: Named,
}

/// Something with an id, which is its name.
#[derive(Debug, Serialize, ToSchema)]
struct Named {
    /// The same as its name.
    id: String,
    /// Its name.
    name: String,
}

/// A service.
#[derive(Debug, Serialize, ToSchema)]
struct Service {
    /// The same as its name.
    id: &'static str,
    /// What it is: `backup`, `identity`.
    r#type: &'static str,
    /// Its name.
    name: &'static str,
    /// Where it is.
    endpoints: Vec<Endpoint>,
}

/// Where a service is.
#[derive(Debug, Serialize, ToSchema)]
struct Endpoint {
    /// Of service and interface.
    id: String,
    /// For whom: `public`, `internal`, `admin`.
    interface: &'static str,
    /// Always the same.
    region: &'static str,
    /// Always the same.
    region_id: &'static str,
    /// The address, without a slash at its end.
    url: String,
}

fn named(name: &str) -> Named {
    Named {
        id: name.to_owned(),
        name: name.to_owned(),
    }
}

/// What is known by Keystone's clients as what it means here.
fn role_name(role: Role) -> &'static str {
    match role {
        Role::User => "member",
        Role::Api => "api",
        Role::Manager => "manager",
        Role::Support => "support",
        Role::Admin => "admin",
        Role::DomainAdmin => "domain-admin",
        Role::Superadmin => "superadmin",
    }
}

fn service(r#type: &'static str, name: &'static str, url: &str) -> Service {
    let endpoint = |interface| Endpoint {
        id: format!("{name}-{interface}"),
        interface,
        region: REGION,
        region_id: REGION,
        url: url.to_owned(),
    };
    Service {
        id: name,
        r#type,
        name,
        endpoints: ["public", "internal", "admin"].map(endpoint).into(),
    }
}

impl TokenAnswer {
    /// `root` is where clients reach us; without it there is no catalog.
    pub(super) fn new(signed_in: &SignedIn, root: Option<&str>) -> Self {
        let principal = &signed_in.principal;
        let domain = || named(&principal.domain);
        // Without any role a token could not be told from one that is for nothing.
        let mut roles: Vec<Named> = vec![named("reader")];
        roles.extend(principal.roles.iter().map(|role| named(role_name(*role))));
        Self {
            token: Token {
                methods: signed_in.methods.clone(),
                user: User {
                    id: principal.name.clone(),
                    name: principal.name.clone(),
                    domain: domain(),
                    password_expires_at: None,
                },
                project: Project {
                    id: principal.project.clone(),
                    name: principal.project.clone(),
                    domain: domain(),
                },
                is_domain: false,
                roles,
                expires_at: signed_in.expires_at.to_rfc3339(),
                issued_at: signed_in.issued_at.to_rfc3339(),
                audit_ids: Vec::new(),
                catalog: root.map(|root| {
                    vec![
                        service("backup", "freezer", root),
                        service("identity", "keystone", &format!("{root}/v3")),
                    ]
                }),
            },
        }
    }

    /// With the token itself in its header.
    pub(super) fn respond(&self, status: StatusCode, token: &str) -> Result<Response, Failure> {
        let mut header = HeaderValue::from_str(token)
            .map_err(|error| Failure::broken(format!("a token that is no header: {error}")))?;
        header.set_sensitive(true);
        let mut response = answer(status, self);
        response.headers_mut().insert(X_SUBJECT_TOKEN, header);
        Ok(response)
    }
}

/// Whether a query says `nocatalog`.
pub(super) fn wants_catalog(query: Option<&str>) -> bool {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .all(|(name, _)| name != "nocatalog")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use muster_contract::Principal;
    use muster_platform::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_says_who_for_what_until_when_and_where_to_go() {
        let signed_in = SignedIn {
            principal: Arc::new(Principal {
                name: "alice".to_owned(),
                domain: "default".to_owned(),
                project: "demo".to_owned(),
                roles: vec![Role::User],
            }),
            issued_at: Timestamp::from_seconds(0),
            expires_at: Timestamp::from_seconds(3_600),
            methods: vec!["password".to_owned()],
        };
        let answer = TokenAnswer::new(&signed_in, Some("http://muster"));
        let token = &serde_json::to_value(&answer).unwrap()["token"];
        let default = json!({"id": "default", "name": "default"});
        assert_eq!(
            token["project"],
            json!({"id": "demo", "name": "demo", "domain": default})
        );
        assert_eq!(token["expires_at"], "1970-01-01T01:00:00Z");
        assert_eq!(token["roles"][1]["name"], "member");
        let backup = &token["catalog"][0];
        assert_eq!(backup["type"], "backup");
        assert_eq!(backup["endpoints"][0]["interface"], "public");
        assert_eq!(backup["endpoints"][0]["url"], "http://muster");
        let without = serde_json::to_value(TokenAnswer::new(&signed_in, None)).unwrap();
        assert_eq!(without["token"].get("catalog"), None);
        assert!(wants_catalog(Some("a=b")) && !wants_catalog(Some("nocatalog")));
    }
}
