//! The dialect duffy over a running Muster: every rule of the legacy API, the sessions of 2015, release 3, the real
//! clients, and the races that a real implementation must handle.
#![cfg(test)]

mod bad_input;
mod house;
mod http_forms;
mod legacy;
mod modern;
mod patterns;
mod races;
mod real_clients;
mod sessions;
mod waiting;
