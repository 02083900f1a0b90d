//! Containers of compute sessions, run as processes of this machine or by Docker. Nothing here knows of the broker.
//!
//! | question | answered in |
//! |---|---|
//! | from an order to what is reported of it | `runner.rs`, `starting.rs`, `ending.rs` |
//! | what is left after the agent was killed | `adopting.rs` |
//! | one container, in memory | `container.rs` |
//! | one container, on disk | `notes.rs` |
//! | its main process | `main.rs` |
//! | that of a process of the machine, and how it ended | `main_process.rs`, `main.sh` |
//! | what is different with Docker | `in_docker.rs`, `docker/` |
//! | the words that its programs are given | `words.rs` |
//! | what it may use, and what it finds around it | `cgroups.rs`, `entering.rs`, `enter.sh` |
//! | its ports | `ports.rs` |
//! | its folders | `folders.rs` |
//! | which processes of the machine are whose | `processes.rs`, `process.rs` |
//! | what it uses | `accounts.rs` |
//! | what it writes | `log.rs` |
//! | running code in it | `code.rs` |
//! | what this machine has | `machine.rs` |

mod accounts;
mod adopting;
mod cgroups;
mod code;
#[cfg(test)]
mod code_tests;
mod container;
mod docker;
mod ending;
mod entering;
mod folders;
mod in_docker;
mod log;
mod machine;
mod main;
mod main_process;
mod notes;
mod ports;
mod process;
mod processes;
mod runner;
#[cfg(test)]
mod runner_tests;
mod starting;
#[cfg(test)]
mod surroundings_tests;
#[cfg(test)]
mod testing;
mod words;

pub(crate) use in_docker::{DockerSetting, find_docker};
pub use machine::machine_slots;
pub(crate) use runner::{Containers, EndedByItself, Setting};
