//! Containers that Docker runs, or whatever else speaks its API (<https://docs.docker.com/reference/api/engine/>).
//!
//! | question | answered in |
//! |---|---|
//! | how Docker is spoken to, and whose containers are ours | `engine.rs` |
//! | what it is to run | `creation.rs`, `images.rs`, `network.rs` |
//! | start and end of a container | `life.rs` |
//! | who has ended by itself | `watching.rs` |
//! | what a container uses and writes | `statistics.rs`, `logs.rs` |
//! | programs beside the main process | `programs.rs` |

mod creation;
mod engine;
mod images;
mod life;
mod logs;
mod network;
mod programs;
mod statistics;

#[cfg(test)]
mod tests;
mod watching;

pub(super) use creation::{CODE_PLACE, HOME, inside};
pub(crate) use engine::Engine;
pub(super) use engine::EngineError;
pub(super) use life::Place;
pub(super) use watching::DockerMain;
