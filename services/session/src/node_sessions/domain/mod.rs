//! The rules of node sessions, without any table or message.

pub(crate) mod alias;
pub(crate) mod expiry;
pub(crate) mod hook;
pub(crate) mod rate;
pub(crate) mod reference;
pub(crate) mod session;
#[cfg(test)]
mod tests;
