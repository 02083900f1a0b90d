//! The Swagger text that cc-backend had in 2023 (`api/swagger.yaml` of March 2023), whose copy has lost its indentation.

use std::{fmt, fs, path::PathBuf};

use muster_testkit::programs::repository;
use reqwest::{Method, StatusCode};

/// One answer of one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// For example `/jobs/tag_job/{id}`.
    pub(crate) path: String,
    pub(crate) method: Method,
    pub(crate) status: StatusCode,
    /// Name of what the body is, for example `schema.Job`.
    pub(crate) body: String,
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status.as_u16();
        write!(formatter, "{} {} -> {status}", self.method, self.path)
    }
}

/// The text, or why it is not there.
pub(crate) fn text() -> Result<String, String> {
    let path: PathBuf = repository().join("../shared/seeds/004_63c5ac0c420470d6.txt");
    fs::read_to_string(path).map_err(|_| "the Swagger text is not in ../shared/seeds".to_owned())
}

/// Every answer of every endpoint that the text has.
pub(crate) fn rows(text: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let (mut path, mut method) = ("", Method::GET);
    let paths = text
        .lines()
        .skip_while(|line| *line != "paths:")
        .take_while(|line| *line != "securityDefinitions:");
    for line in paths {
        if let Some(name) = line.strip_prefix("$ref: '#/definitions/") {
            // The first one after a status is its body; those of parameters come before any status.
            if let Some(row) = rows.last_mut()
                && row.body.is_empty()
                && row.path == path
                && row.method == method
            {
                row.body = name.trim_end_matches('\'').to_owned();
            }
            continue;
        }
        let Some(key) = line.strip_suffix(':') else {
            continue;
        };
        let status = key.trim_matches('"').parse::<u16>().ok();
        if key.starts_with('/') {
            path = key;
        } else if let Some(status) = status.and_then(|status| StatusCode::from_u16(status).ok()) {
            rows.push(Row {
                path: path.to_owned(),
                method: method.clone(),
                status,
                body: String::new(),
            });
        } else if ["get", "post", "put", "delete", "patch"].contains(&key) {
            method = Method::from_bytes(key.to_uppercase().as_bytes()).unwrap_or_default();
        }
    }
    rows
}

#[test]
fn rows_are_what_stands_in_the_text() {
    let text = "definitions:\nx:\npaths:\n/jobs/:\nget:\nparameters:\n- schema:\n$ref: '#/definitions/p'\nresponses:\n\
        \"200\":\ndescription: a\nschema:\n$ref: '#/definitions/a'\n\"400\":\nschema:\n$ref: '#/definitions/b'\n\
        /jobs/x/{id}:\ndelete:\nresponses:\n\"404\":\nschema:\n$ref: '#/definitions/b'\nsecurityDefinitions:\n";
    let shown: Vec<String> = rows(text)
        .iter()
        .map(|row| format!("{row} {}", row.body))
        .collect();
    assert_eq!(
        shown,
        [
            "GET /jobs/ -> 200 a",
            "GET /jobs/ -> 400 b",
            "DELETE /jobs/x/{id} -> 404 b"
        ]
    );
}
