//! A job as a client tells of it. It is in a crate of its own, since the archive reads the same from NATS.

pub(super) use muster_clustercockpit::job_meta::{
    ConcurrentJobs, JobMeta, Resource, Statistics, Tag,
};
