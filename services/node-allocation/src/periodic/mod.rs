//! What is due by time.

pub(crate) mod queue_deadlines;
