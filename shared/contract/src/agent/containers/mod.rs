//! Containers of compute sessions: orders to start, restart and end them, and what becomes of them.
//!
//! An agent knows a container by its id. Every order may come twice, or after a restart of the agent: what is done already is
//! reported again, not done again. A container that ends by itself is reported like one that was ended.

mod container_ended;
mod container_image;
mod container_started;
mod container_statistics;
mod execute_code;
mod read_container_logs;
mod restart_container;
mod start_container;
mod stop_container;

pub use container_ended::{ContainerEnd, ContainerEnded};
pub use container_image::{ContainerImage, DockerImage, ImageService, ServiceProtocol};
pub use container_started::{ContainerStart, ContainerStarted, ServicePort};
pub use container_statistics::{ContainerUsage, ContainersUsage, Usage};
pub use execute_code::{CodeMode, CodeRefusal, CodeRun, CodeRunStatus, ConsoleItem, ExecuteCode};
pub use read_container_logs::{ContainerLogs, LOG_LIMIT, ReadContainerLogs, UnknownContainer};
pub use restart_container::RestartContainer;
pub use start_container::{ClusterPlace, FolderMount, StartContainer};
pub use stop_container::StopContainer;
