//! Real servers and processes for tests: NATS, PostgreSQL, an OTLP receiver, Muster itself.
//!
//! Everything here takes free ports and temporary directories of its own, so that tests run in
//! parallel, and is gone when its value is dropped; if the test process itself is killed, a small
//! [janitor](janitor) that outlives it stops the servers and removes the directories.
//!
//! | for | there is |
//! |---|---|
//! | a broker | [`NatsServer`] |
//! | a database server | [`PostgresServer`] |
//! | Muster itself as a process | [`MusterProcess`] |
//! | one service within the test, behind a real broker | [`ServiceWorld`] |
//! | databases with the tables of a service, on both engines | [`TestDatabases`], [`on_both_engines`] |
//! | what was traced and measured | [`OtlpReceiver`] |
//! | real clients in Python | [`PythonPrograms`] |
//! | a network that breaks | [`ChaosProxy`] |
//! | waiting for a state | [`eventually`] |
//! | a place for files | [`TemporaryDirectory`], [`copy_directory`] |
//! | a port nobody else takes | [`ReservedPort`] |
//! | saying that a test could not run | [`skip`] |

mod background;
mod descendants;
mod directory;
pub mod janitor;
mod muster;
mod nats;
mod otlp;
mod output;
mod poll;
mod port;
mod postgres;
mod process;
pub mod programs;
mod proxy;
mod python_programs;
mod service_world;
mod skipping;
mod test_databases;

pub use directory::{TemporaryDirectory, copy_directory};
pub use muster::{MusterProcess, READY_DEADLINE, run_muster};
pub use nats::{NatsOptions, NatsServer, ServerInfo, StoreSnapshot, server_info};
pub use otlp::{OtlpReceiver, ReceivedSpan};
pub use poll::{DEADLINE, eventually};
pub use port::ReservedPort;
pub use postgres::PostgresServer;
pub use process::{ChildProcess, LastSignal};
pub use proxy::ChaosProxy;
pub use python_programs::{Printed, PythonPrograms};
pub use service_world::ServiceWorld;
pub use skipping::skip;
pub use test_databases::{TestDatabase, TestDatabases, plainly};
