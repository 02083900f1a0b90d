//! Messages of compute sessions: containers that run an image (design §2; seed 2; `api/backendai.md`).

mod compute_session;
mod compute_session_changed;
mod condition;
mod create_compute_session;
mod destroy_compute_session;
mod find_compute_session;
mod list_compute_containers;
mod list_compute_sessions;
mod match_compute_sessions;
mod reference;
mod restart_compute_session;
mod use_compute_session;

pub use compute_session::{
    BatchResult, ComputeContainer, ComputeSession, ComputeSessionStatus, ComputeSessionType,
    ContainerRole,
};
pub use compute_session_changed::ComputeSessionChanged;
pub use condition::{
    COMPARISON_LIMIT, CONDITION_VALUE_LIMIT, Comparison, ComparisonOperator, Condition,
    ConditionValue,
};
pub use create_compute_session::{
    CreateComputeSession, CreateComputeSessionRefusal, CreatedComputeSession, ScheduleRule,
};
pub use destroy_compute_session::{DestroyComputeSession, DestroyedComputeSession};
pub use find_compute_session::{FindComputeSession, FoundComputeSession};
pub use list_compute_containers::{ComputeContainerPage, ListComputeContainers, WhichContainers};
pub use list_compute_sessions::{
    ComputeSessionField, ComputeSessionFilter, ComputeSessionOrder, ComputeSessionPage,
    ListComputeSessions, ListComputeSessionsRefusal,
};
pub use match_compute_sessions::{
    ComputeSessionMatch, ComputeSessionMatches, MatchComputeSessions,
};
pub use reference::{ComputeSessionReference, ComputeSessionRefusal};
pub use restart_compute_session::RestartComputeSession;
pub use use_compute_session::UseComputeSession;
