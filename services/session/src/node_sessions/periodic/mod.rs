//! What is due by time.

pub(crate) mod ask_again;
pub(crate) mod expire_sessions;
pub(crate) mod forget_stopped_jobs;
pub(crate) mod look_after_hooks;
