//! The archive on disk: one directory for each job that has stopped (`api/clustercockpit.md` §2).

pub(crate) mod measure;
