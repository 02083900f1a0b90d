//! The HTTP ingress: one frame, many dialects; publishes commands and asks queries.
//!
//! - `frame`: what all dialects share, from the socket to the log line.
//! - `auth`: who calls.
//! - `dialects`: one folder for each foreign API, one file for each of its endpoints.
//! - `own`: Muster's own endpoints.
//!
//! A request passes `frame/answering.rs`, the file of its endpoint, and `frame/waiting.rs`.

mod auth;
mod dialects;
mod frame;
mod openapi;
mod own;

pub use auth::{Directory, DirectoryError, NewToken, TokenKey, TokenKeyError};
pub use frame::{IngressError, IngressParts, start};
pub use openapi::{graphql_schemas, openapi_documents};
