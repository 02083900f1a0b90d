//! Messages between Muster and its agents (design §6): orders to them and reports from them.
//!
//! An agent runs containers of compute sessions (`containers/`), and the hooks of a site: what prepares a node for a session and wipes it afterwards, what sets a session up and
//! tears it down. An order names an attempt and when it ends; the agent ends the hook then, so that no two attempts overlap.
//! A report names the order. What is reported of an order that nobody waits for any more changes nothing.

mod agent_beat;
mod containers;
mod hook;
mod node_hook_finished;
mod run_node_hook;
mod run_session_hook;
mod session_hook_finished;

pub use agent_beat::{AgentBeat, ContainerHost};
pub use containers::{
    ClusterPlace, CodeMode, CodeRefusal, CodeRun, CodeRunStatus, ConsoleItem, ContainerEnd,
    ContainerEnded, ContainerImage, ContainerLogs, ContainerStart, ContainerStarted,
    ContainerUsage, ContainersUsage, DockerImage, ExecuteCode, FolderMount, ImageService,
    LOG_LIMIT, ReadContainerLogs, RestartContainer, ServicePort, ServiceProtocol, StartContainer,
    StopContainer, UnknownContainer, Usage,
};
pub use hook::{HookResult, NodeHook, SessionHook};
pub use node_hook_finished::NodeHookFinished;
pub use run_node_hook::{HookedNode, RunNodeHook};
pub use run_session_hook::{HookedSession, RunSessionHook};
pub use session_hook_finished::SessionHookFinished;
