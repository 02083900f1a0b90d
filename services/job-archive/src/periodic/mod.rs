//! What is due by time.

pub(crate) mod go_on_removing;
