//! The rules of compute sessions, without I/O.

pub(crate) mod container;
pub(crate) mod limits;
pub(crate) mod reason;
pub(crate) mod session;
pub(crate) mod turn;
pub(crate) mod wish;
