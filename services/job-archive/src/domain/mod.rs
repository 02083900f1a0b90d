//! The archive's rules, without input or output.

pub(crate) mod archive_layout;
pub(crate) mod clusters;
pub(crate) mod compute_jobs;
pub(crate) mod data_file;
pub(crate) mod duplicates;
pub(crate) mod format_version;
pub mod job_data;
pub(crate) mod job_events;
pub(crate) mod job_runs;
pub(crate) mod list_limits;
pub(crate) mod measured;
pub(crate) mod meta_file;
pub(crate) mod node_list;
pub(crate) mod removal;
pub(crate) mod scope;
pub(crate) mod stopping;
pub(crate) mod storable;
pub(crate) mod streams;
pub(crate) mod waves;
