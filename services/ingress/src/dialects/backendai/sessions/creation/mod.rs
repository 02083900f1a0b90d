//! From what a client asks for to a command: the request, what its `config` says, and what the site has to say to it.

mod config;
mod limits;
mod request;
mod rules;
#[cfg(test)]
mod tests;

pub(super) use request::{CreationBody, CreationRequest};
pub(super) use rules::{Wanted, wanted};
