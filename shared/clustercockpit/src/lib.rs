//! What producers of `ClusterCockpit` tell of jobs and nodes, read as cc-backend reads it and made into commands. The same
//! documents come as bodies of HTTP requests, which the ingress takes, and in events on NATS, which the archive takes.

mod error;
pub mod go_json;
pub mod job_meta;
mod node_states;
pub mod samples;
mod stop_request;
pub mod tags;

pub use error::RequestError;
pub use job_meta::JobMeta;
pub use node_states::{NodePayload, NodeStatesRequest};
pub use stop_request::StopRequest;
