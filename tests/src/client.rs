//! A client of the HTTP ingress.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// How long an answer may take: longer than any of the ingress's own deadlines.
const PATIENCE: Duration = Duration::from_mins(1);

/// Sends requests with one token. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    address: SocketAddr,
    token: String,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Client {
    /// A client of the ingress at `address` with this token.
    pub fn new(address: SocketAddr, token: &str) -> Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .no_proxy()
            .build()?;
        Ok(Self {
            http,
            address,
            token: token.to_owned(),
        })
    }

    /// The same with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: token.to_owned(),
            ..self.clone()
        }
    }

    /// Where the ingress is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://ADDRESS`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A request with the token, to be added to and sent.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.anonymous(method, path)
            .header("X-Auth-Token", &self.token)
    }

    /// A request without a token.
    pub fn anonymous(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, self.url(path))
    }

    /// Reports the start of a job.
    pub async fn start_job(&self, body: &Value) -> Result<(StatusCode, Value)> {
        self.post("/api/jobs/start_job/", body).await
    }

    /// Reports the start of a job under an `Idempotency-Key`.
    pub async fn start_job_once(&self, key: &str, body: &Value) -> Result<(StatusCode, Value)> {
        let request = self
            .request(Method::POST, "/api/jobs/start_job/")
            .header("Idempotency-Key", key)
            .body(body.to_string());
        send(request).await?.pair()
    }

    /// Reports the end of a job.
    pub async fn stop_job(&self, body: &Value) -> Result<(StatusCode, Value)> {
        self.post("/api/jobs/stop_job/", body).await
    }

    /// Reports the end of the job with this number in the archive's table.
    pub async fn stop_job_by_id(&self, id: i64, body: &Value) -> Result<(StatusCode, Value)> {
        self.post(&format!("/api/jobs/stop_job/{id}"), body).await
    }

    /// Lists jobs; `query` without the question mark.
    pub async fn list(&self, query: &str) -> Result<(StatusCode, Value)> {
        let request = self.request(Method::GET, &format!("/api/jobs/?{query}"));
        send(request).await?.pair()
    }

    /// The jobs of a list that has to succeed.
    pub async fn jobs(&self, query: &str) -> Result<Vec<Value>> {
        let (status, body) = self.list(query).await?;
        anyhow::ensure!(status == StatusCode::OK, "{status} {body}");
        let jobs = body.get("jobs").and_then(Value::as_array);
        Ok(jobs.with_context(|| format!("no jobs in {body}"))?.clone())
    }

    /// Posts JSON, with the content type of a hand-written `curl -d`.
    pub async fn post(&self, path: &str, body: &Value) -> Result<(StatusCode, Value)> {
        let request = self
            .request(Method::POST, path)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(body.to_string());
        send(request).await?.pair()
    }

    /// A connection below HTTP, for what no client library sends.
    pub async fn connect(&self) -> Result<TcpStream> {
        TcpStream::connect(self.address)
            .await
            .with_context(|| format!("connecting to {}", self.address))
    }

    /// Sends bytes on a connection of their own and returns what comes back until the server closes
    /// it, or until nothing has come for `patience`.
    pub async fn raw(&self, bytes: &[u8], patience: Duration) -> Result<String> {
        let mut connection = self.connect().await?;
        // The server may refuse before all is sent, and close.
        let sent = connection.write_all(bytes).await;
        let mut answer = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = tokio::time::timeout(patience, connection.read(&mut buffer)).await;
            match read {
                Ok(Ok(size @ 1..)) => answer.extend_from_slice(buffer.get(..size).unwrap_or(&[])),
                Ok(Err(error)) if answer.is_empty() => {
                    return Err(sent.err().unwrap_or(error).into());
                }
                _ => return Ok(String::from_utf8_lossy(&answer).into_owned()),
            }
        }
    }
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body)
            .with_context(|| format!("{} with no JSON: {:?}", self.status, self.text()))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's value, empty when it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// Status and JSON.
    pub fn pair(self) -> Result<(StatusCode, Value)> {
        Ok((self.status, self.json()?))
    }
}

/// Sends a request and reads the whole answer.
pub async fn send(request: reqwest::RequestBuilder) -> Result<Answer> {
    let response = request.send().await?;
    Ok(Answer {
        status: response.status(),
        headers: response.headers().clone(),
        body: response.bytes().await?.to_vec(),
    })
}
