//! What happens elsewhere and comes into the archive.

pub(crate) mod session_job_ended;
