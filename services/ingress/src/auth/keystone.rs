//! Asking a Keystone about a token (Identity API v3, `GET /v3/auth/tokens`). The token itself says that it may be looked at,
//! which Keystone lets every token do; so no account of ours is needed there.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::{ACCEPT, USER_AGENT};
use axum::http::{HeaderName, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use muster_contract::{Principal, Role};
use muster_platform::Timestamp;
use muster_platform::site::{self, NAME_LIMIT, TokenDigest};
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::X_AUTH_TOKEN;
use super::verified::VerifiedTokens;

/// How long Keystone may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// How long what it said is believed: a token that is revoked there is good here that much longer.
const BELIEVED: Duration = Duration::from_mins(1);

/// Questions at a time; further ones wait, all of them no longer than [`DEADLINE`].
const QUESTIONS: usize = 32;

/// Bytes of an answer. One has all roles of the token, and nothing of the catalog.
const ANSWER_LIMIT: usize = 1024 * 1024;

/// Bytes of a token that are sent on: the most that Keystone takes by default.
const TOKEN_LIMIT: usize = 8 * 1024;

const X_SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");

/// A Keystone, and what it said of late.
#[derive(Debug)]
pub(crate) struct Keystone {
    url: String,
    client: HttpClient,
    questions: Semaphore,
    known: VerifiedTokens<Known>,
}

/// Why a token lets nobody in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeystoneError {
    /// Keystone does not know it, or no longer.
    #[error("Keystone does not know the token")]
    Unknown,
    /// It is good, but not for anything here.
    #[error("{0}")]
    Forbidden(&'static str),
    /// Keystone cannot be asked; why is for the log.
    #[error("Keystone is away: {0}")]
    Away(String),
}

/// What Keystone said of a token.
#[derive(Debug)]
struct Known {
    principal: Result<Arc<Principal>, &'static str>,
    until: Timestamp,
}

#[derive(Debug)]
enum HttpClient {
    Plain(Client<HttpConnector, Empty<Bytes>>),
    Secure(Client<HttpsConnector<HttpConnector>, Empty<Bytes>>),
}

impl Keystone {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// It is an `https` address and the system has no certificates to check it with.
    pub(crate) fn new(declared: &site::Keystone) -> io::Result<Self> {
        let builder = Client::builder(TokioExecutor::new());
        let client = if declared.url.starts_with("https://") {
            let connector = HttpsConnectorBuilder::new()
                .with_native_roots()?
                .https_only()
                .enable_http1()
                .build();
            HttpClient::Secure(builder.build(connector))
        } else {
            HttpClient::Plain(builder.build(HttpConnector::new()))
        };
        Ok(Self {
            url: format!("{}/auth/tokens?nocatalog", declared.url),
            client,
            questions: Semaphore::new(QUESTIONS),
            known: VerifiedTokens::default(),
        })
    }

    /// Whom a token stands for.
    ///
    /// # Errors
    /// It lets nobody in, or Keystone cannot be asked.
    pub(crate) async fn principal_of(
        &self,
        token: &[u8],
        now: Timestamp,
    ) -> Result<Arc<Principal>, KeystoneError> {
        let known = self.known(token, now).await?;
        if now >= known.until {
            return Err(KeystoneError::Unknown);
        }
        known
            .principal
            .as_ref()
            .map(Arc::clone)
            .map_err(|reason| KeystoneError::Forbidden(reason))
    }

    /// What Keystone says, or said a moment ago.
    async fn known(&self, token: &[u8], now: Timestamp) -> Result<Arc<Known>, KeystoneError> {
        let digest = TokenDigest::of(token);
        if let Some(known) = self.known.get(&digest).filter(|known| now < known.until) {
            return Ok(known);
        }
        let said = tokio::time::timeout(DEADLINE, self.ask(token))
            .await
            .map_err(|_| KeystoneError::Away(format!("no answer in {DEADLINE:?}")))??;
        let known = Arc::new(Known {
            until: said.expires_at()?.min(now.plus(BELIEVED)),
            principal: said.principal(),
        });
        self.known.insert(digest, Arc::clone(&known));
        Ok(known)
    }

    async fn ask(&self, token: &[u8]) -> Result<Token, KeystoneError> {
        let away = |reason: &dyn std::fmt::Display| KeystoneError::Away(reason.to_string());
        if token.len() > TOKEN_LIMIT {
            return Err(KeystoneError::Unknown);
        }
        let mut header = HeaderValue::from_bytes(token).map_err(|_| KeystoneError::Unknown)?;
        header.set_sensitive(true);
        let request = Request::get(&self.url)
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, concat!("muster/", env!("CARGO_PKG_VERSION")))
            .header(X_AUTH_TOKEN, header.clone())
            .header(X_SUBJECT_TOKEN, header)
            .body(Empty::new())
            .map_err(|error| away(&error))?;
        // Never closed.
        let _place = self
            .questions
            .acquire()
            .await
            .map_err(|error| away(&error))?;
        let answering = match &self.client {
            HttpClient::Plain(client) => client.request(request),
            HttpClient::Secure(client) => client.request(request),
        };
        let answer = answering.await.map_err(|error| away(&chain(&error)))?;
        match answer.status() {
            StatusCode::OK => {}
            // Not known as the one who asks, or as the one asked about.
            StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND => return Err(KeystoneError::Unknown),
            status => return Err(away(&format!("it answered {status}"))),
        }
        let body = Limited::new(answer.into_body(), ANSWER_LIMIT);
        let body = body.collect().await.map_err(KeystoneError::of_body)?;
        let said: Answer = serde_json::from_slice(&body.to_bytes())
            .map_err(|error| away(&format!("its answer makes no sense: {error}")))?;
        Ok(said.token)
    }
}

impl KeystoneError {
    #[expect(
        clippy::needless_pass_by_value,
        reason = "that is how errors of bodies come"
    )]
    fn of_body(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Self::Away(format!("its answer cannot be read: {error}"))
    }
}

/// An error with its causes: the outermost says no more than that the client failed.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[derive(Debug, Deserialize)]
struct Answer {
    token: Token,
}

#[derive(Debug, Deserialize)]
struct Token {
    expires_at: String,
    user: Named,
    project: Option<Project>,
    #[serde(default)]
    roles: Vec<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
}

#[derive(Debug, Deserialize)]
struct Project {
    id: String,
    domain: Named,
}

impl Token {
    fn expires_at(&self) -> Result<Timestamp, KeystoneError> {
        Timestamp::parse_rfc3339(&self.expires_at)
            .map_err(|error| KeystoneError::Away(format!("its answer makes no sense: {error}")))
    }

    /// The caller, by Keystone's ids: names are not unique there.
    fn principal(self) -> Result<Arc<Principal>, &'static str> {
        let project = self
            .project
            .ok_or("the token is for no project: scope it to one")?;
        let has = |names: &[&str]| {
            let mut roles = self.roles.iter();
            roles.any(|role| {
                names
                    .iter()
                    .any(|name| role.name.eq_ignore_ascii_case(name))
            })
        };
        let roles = if has(&["admin"]) {
            vec![Role::Admin]
        } else if has(&["manager", "member", "_member_"]) {
            vec![Role::User]
        } else if has(&["reader", "service"]) {
            vec![]
        } else {
            return Err("the token has none of the roles admin, member, reader and service");
        };
        let domain = if project.domain.name.is_empty() {
            project.domain.id
        } else {
            project.domain.name
        };
        let names = [&self.user.id, &project.id, &domain];
        // They become parts of headers, rows and log lines.
        let sane = |name: &&String| {
            (1..=NAME_LIMIT).contains(&name.len()) && !name.chars().any(char::is_control)
        };
        if !names.iter().all(sane) {
            return Err("the token's user, project or domain has a name that nobody can have");
        }
        Ok(Arc::new(Principal {
            name: self.user.id,
            domain,
            project: project.id,
            roles,
        }))
    }
}

#[cfg(test)]
mod tests;
