//! A client of the dialect backendai, which signs what it sends (`api/backendai.md` §1).

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use muster_platform::{Clock as _, SystemClock};
use reqwest::Method;
use ring::{digest, hmac};
use serde_json::{Value, json};

use crate::{Answer, Client, client::send};

/// What the reference client says that it speaks.
pub const VERSION: &str = "v5.20191215";

/// What somebody signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPair {
    /// Who it is.
    pub access_key: &'static str,
    /// Proves it.
    pub secret_key: &'static str,
}

/// What is signed of a request.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// Upper case.
    pub method: &'a str,
    /// With the query, as it is sent.
    pub path: &'a str,
    /// The `Host` header.
    pub host: &'a str,
    /// Without parameters.
    pub content_type: &'a str,
    /// The `Date` header: RFC 3339.
    pub date: &'a str,
    /// The version header.
    pub version: &'a str,
}

/// The signature, in hexadecimal.
#[must_use]
pub fn signature(secret_key: &str, signed: &Signed<'_>) -> String {
    let empty = hex(digest::digest(&digest::SHA256, b"").as_ref());
    let text = [
        signed.method,
        signed.path,
        signed.date,
        &format!("host:{}", signed.host),
        &format!("content-type:{}", signed.content_type),
        &format!("x-backendai-version:{}", signed.version),
        &empty,
    ]
    .join("\n");
    let day: String = signed.date.chars().take(10).filter(|&c| c != '-').collect();
    let first = mac(secret_key.as_bytes(), &day);
    let second = mac(first.as_ref(), signed.host);
    hex(mac(second.as_ref(), &text).as_ref())
}

/// The headers that prove who sends a request now.
#[must_use]
pub fn headers(
    key: &KeyPair,
    method: &str,
    path: &str,
    host: &str,
    content_type: &str,
    version: &str,
) -> [(&'static str, String); 3] {
    let date = SystemClock.now().to_rfc3339();
    let signed = Signed {
        method,
        path,
        host,
        content_type,
        date: &date,
        version,
    };
    let signature = signature(key.secret_key, &signed);
    let credential = format!(
        "BackendAI signMethod=HMAC-SHA256, credential={}:{signature}",
        key.access_key
    );
    [
        ("Authorization", credential),
        ("Date", date),
        ("X-BackendAI-Version", version.to_owned()),
    ]
}

fn mac(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Calls signed with one key pair.
#[derive(Debug, Clone)]
pub struct Api {
    client: Client,
    key: KeyPair,
    version: &'static str,
}

impl Api {
    /// Of the reference client's version.
    #[must_use]
    pub fn new(client: &Client, key: KeyPair) -> Self {
        Self {
            client: client.clone(),
            key,
            version: VERSION,
        }
    }

    /// The same of another version.
    #[must_use]
    pub fn with_version(&self, version: &'static str) -> Self {
        Self {
            version,
            ..self.clone()
        }
    }

    /// Whose calls they are.
    #[must_use]
    pub fn access_key(&self) -> &'static str {
        self.key.access_key
    }

    /// A signed request, to be added to and sent.
    pub fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> reqwest::RequestBuilder {
        let content_type = match body {
            Some(_) => "application/json",
            None => "text/plain",
        };
        let host = self.client.address().to_string();
        let headers = headers(
            &self.key,
            method.as_str(),
            path,
            &host,
            content_type,
            self.version,
        );
        let mut request = self.client.anonymous(method, path);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.header("Content-Type", content_type);
        match body {
            Some(body) => request.body(body.to_string()),
            None => request,
        }
    }

    /// Any call.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        send(self.request(method, path, body)).await
    }

    /// A call that has to be answered with this status.
    pub async fn expect(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        status: u16,
    ) -> Result<Answer> {
        let answer = self.call(method.clone(), path, body).await?;
        ensure!(
            answer.status == status,
            "{method} {path} {body:?}: {} instead of {status}: {}",
            answer.status,
            answer.text()
        );
        Ok(answer)
    }

    /// A GET that has to be answered with JSON.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.expect(Method::GET, path, None, 200).await?.json()
    }

    /// Asks for a session of that name and image, with what else is said of it.
    pub async fn create(&self, name: &str, image: &str, more: Value) -> Result<Answer> {
        let mut body = json!({ "name": name, "image": image });
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        self.call(Method::POST, "/session", Some(&body)).await
    }

    /// A new session, which has to come to this status.
    pub async fn created(
        &self,
        name: &str,
        image: &str,
        more: Value,
        status: &str,
    ) -> Result<Value> {
        let answer = self.create(name, image, more).await?;
        let told = answer.json()?;
        ensure!(
            answer.status == 201
                && *member(&told, "status") == status
                && *member(&told, "created") == true,
            "{name}: {} instead of 201 and {status}: {told}",
            answer.status
        );
        Ok(told)
    }

    /// The id of a new session, which has to come to this status.
    pub async fn created_id(
        &self,
        name: &str,
        image: &str,
        more: Value,
        status: &str,
    ) -> Result<String> {
        let told = self.created(name, image, more, status).await?;
        let id = member(&told, "sessionId").as_str();
        Ok(id.with_context(|| format!("no id: {told}"))?.to_owned())
    }

    /// Ends a session: its statistics.
    pub async fn destroy(&self, name: &str) -> Result<Value> {
        let path = format!("/session/{name}");
        let answer = self.expect(Method::DELETE, &path, None, 200).await?;
        Ok(member(&answer.json()?, "stats").clone())
    }

    /// A call that has to be refused with this status and problem.
    pub async fn refused(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        status: u16,
        problem: &str,
    ) -> Result<Value> {
        let answer = self.expect(method, path, body, status).await?;
        is_problem(&answer, problem)
    }
}

/// The problem document of an answer, which has to be of this kind.
pub fn is_problem(answer: &Answer, kind: &str) -> Result<Value> {
    let text = answer.text();
    let content_type = answer.header("content-type");
    ensure!(
        content_type.starts_with("application/problem+json"),
        "{content_type}: {text}"
    );
    let problem = answer.json()?;
    ensure!(
        *member(&problem, "type") == format!("https://api.backend.ai/probs/{kind}")
            && member(&problem, "title").is_string(),
        "{kind}: {problem}"
    );
    Ok(problem)
}

fn member<'a>(object: &'a Value, name: &str) -> &'a Value {
    object.get(name).unwrap_or(&Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `api/backendai.md` §1, "Vector".
    #[test]
    fn what_the_real_client_signs() {
        let signed = Signed {
            method: "DELETE",
            path: "/session/mysess-01",
            host: "127.0.0.1:18081",
            content_type: "text/plain",
            date: "2026-11-21T23:34:37.582933+00:00",
            version: VERSION,
        };
        assert_eq!(
            signature("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", &signed),
            "f59db2f0caf8c3bdab0e5703fb09f5d634fe2ce8f30e142ab4b372781c833141"
        );
    }
}
