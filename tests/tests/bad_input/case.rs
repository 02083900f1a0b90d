//! One bad request and what has to come back.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use muster_tests::{Answer, Client, client::send, site};
use reqwest::{Method, header::HeaderValue};
use serde_json::Value;

pub(crate) const START: &str = "/api/jobs/start_job/";
pub(crate) const STOP: &str = "/api/jobs/stop_job/";
pub(crate) const LIST: &str = "/api/jobs/";

/// One bad request.
pub(crate) struct Case {
    pub(crate) name: String,
    method: Method,
    path: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    token: Option<String>,
    body: Vec<u8>,
    status: u16,
    /// What the error has to say.
    error: &'static str,
}

impl Case {
    /// A request of alpha's to be answered with this status.
    pub(crate) fn new(name: impl Into<String>, method: Method, path: &str, status: u16) -> Self {
        Self {
            name: name.into(),
            method,
            path: path.to_owned(),
            headers: Vec::new(),
            token: Some(site::ALPHA_API.to_owned()),
            body: Vec::new(),
            status,
            error: "",
        }
    }

    /// A start with this body.
    pub(crate) fn start(name: impl Into<String>, body: impl Into<Vec<u8>>, status: u16) -> Self {
        Self::new(name, Method::POST, START, status).body(body)
    }

    /// A stop with this body.
    pub(crate) fn stop(name: impl Into<String>, body: impl Into<Vec<u8>>, status: u16) -> Self {
        Self::new(name, Method::POST, STOP, status).body(body)
    }

    /// A list with this query.
    pub(crate) fn list(query: &str, status: u16) -> Self {
        let name = format!("list {query}");
        Self::new(name, Method::GET, &format!("{LIST}?{query}"), status)
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    pub(crate) fn without_token(mut self) -> Self {
        self.token = None;
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The error has to contain this.
    pub(crate) fn says(mut self, error: &'static str) -> Self {
        self.error = error;
        self
    }

    /// Sends it and looks at the answer.
    pub(crate) async fn run(&self, client: &Client) -> Result<()> {
        let mut request = client.anonymous(self.method.clone(), &self.path);
        if let Some(token) = &self.token {
            request = request.header("X-Auth-Token", token);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, HeaderValue::from_bytes(value)?);
        }
        let answer = send(request.body(self.body.clone())).await?;
        ensure!(
            answer.status == self.status,
            "{} instead of {}: {}",
            answer.status,
            self.status,
            answer.text()
        );
        let error = check_form(&answer)?;
        ensure!(error.contains(self.error), "it says {error:?}");
        Ok(())
    }
}

/// The dialect's form: `{"status": reason phrase, "error": text}` and nothing else, one line of JSON.
/// Returns the text.
pub(crate) fn check_form(answer: &Answer) -> Result<String> {
    let text = answer.text();
    let media_type = answer.header("Content-Type");
    ensure!(media_type == "application/json", "{media_type}: {text}");
    ensure!(
        text.ends_with("}\n") && text.lines().count() == 1,
        "{text:?}"
    );
    let members: BTreeMap<String, String> =
        serde_json::from_slice(&answer.body).with_context(|| text.clone())?;
    ensure!(
        members.keys().map(String::as_str).eq(["error", "status"]),
        "{text}"
    );
    let phrase = answer.status.canonical_reason();
    ensure!(
        members.get("status").map(String::as_str) == phrase,
        "{text}"
    );
    ensure!(!answer.header("X-Request-Id").is_empty(), "no X-Request-Id");
    let error = members.get("error").cloned().unwrap_or_default();
    ensure!(!error.is_empty(), "{text}");
    Ok(error)
}

/// Text of a JSON value in which the marker `"@"` stands for something that is no JSON value.
pub(crate) fn text_with(body: &Value, replacement: &[u8]) -> Vec<u8> {
    let text = body.to_string();
    let mut bytes = Vec::new();
    let mut parts = text.split("\"@\"");
    bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        bytes.extend_from_slice(replacement);
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}
