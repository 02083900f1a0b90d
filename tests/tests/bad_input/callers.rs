//! Callers that are not let in, and those that are and may not.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use muster_tests::{jobs, site, token};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    case::{Case, LIST},
    forgeries, start_with,
};

/// Each token is tried where it could do harm: with the start of a job.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, token) in forgeries::refused() {
        let body = start_with(&json!({})).to_string();
        cases.push(Case::start(format!("a token: {name}"), body, 401).token(token));
    }
    let start = || start_with(&json!({})).to_string();
    cases.extend([
        Case::start("no token", start(), 401).without_token(),
        Case::new("no token for a list", Method::GET, LIST, 401).without_token(),
        Case::start("an empty token", start(), 401).token(""),
        Case::start("a token with another scheme", start(), 401)
            .without_token()
            .header(
                "Authorization",
                format!("Basic {}", BASE64_STANDARD.encode(site::ALPHA_API)),
            ),
        Case::start("Bearer without a token", start(), 401)
            .without_token()
            .header("Authorization", "Bearer "),
        Case::start("a cookie", start(), 401)
            .without_token()
            .header("Cookie", format!("session={}", site::ALPHA_API)),
        Case::new(
            "a token in the query",
            Method::GET,
            &format!("{LIST}?token={}", site::ALPHA_API),
            401,
        )
        .without_token(),
        Case::start(
            "a large body of somebody unknown",
            " ".repeat(crate::BODY_LIMIT * 2),
            401,
        )
        .without_token(),
        Case::start("a principal without the role api", start(), 403).token(site::PLAIN_USER),
        Case::new("a list without the role api", Method::GET, LIST, 403).token(site::PLAIN_USER),
    ]);
    let roles: [Value; 7] = [
        json!(["user"]),
        json!(["admin"]),
        json!([]),
        json!(["API"]),
        json!(["apis", "wizard"]),
        json!({ "api": true }),
        json!(null),
    ];
    for roles in roles {
        let claims = jobs::with(token::claims("carol", &[]), &json!({ "roles": roles }));
        let name = format!("a token with the roles {roles}");
        let token = token::signed(&token::key(), &claims);
        cases.push(
            Case::start(name, start(), 403)
                .token(token)
                .says("missing role: api"),
        );
    }
    cases
}
