//! The dialect freezer over a running Muster: the real clients with every command that they have, the real scheduler, a
//! real Keystone, hundreds of simultaneous starts, and what clients get wrong.
#![cfg(test)]

mod bad_input;
mod documents;
mod house;
mod keystone;
mod program;
mod races;
mod real_clients;
mod rules;
mod schedulers;
mod sign_in;
mod tokens;
