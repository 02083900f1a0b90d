//! What happens elsewhere and comes into the archive.

pub(crate) mod compute_session_changed;
pub(crate) mod session_job_ended;
