//! What is due by time.

pub(crate) mod ask_again;
pub(crate) mod expire_sessions;
