//! What agents say again and again.

pub(crate) mod containers_usage;
