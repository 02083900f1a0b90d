//! What is asked.

pub(crate) mod list_documents;
pub(crate) mod list_job_sessions;
pub(crate) mod list_session_runs;
