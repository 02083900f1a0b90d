//! The archive on disk: one directory for each job that has stopped (`api/clustercockpit.md` §2).
//!
//! | what | where |
//! |---|---|
//! | a directory or S3 | `place.rs`, `s3_client.rs` |
//! | its files, whole or not at all | `files.rs`; what is left of a cut off attempt: `leftovers.rs` |
//! | what is to be written is written | `archiver.rs`; for commands, all of it at once: `work_off.rs` |
//! | what was measured | `measure.rs` |
//! | from the archive to the tables and back | `transfer/` |

pub(crate) mod archiver;
mod breakpoint;
pub(crate) mod files;
mod leftovers;
pub(crate) mod measure;
pub(crate) mod place;
mod s3_client;
pub mod transfer;
pub(crate) mod work_off;
