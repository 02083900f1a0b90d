//! Messages of sessions. Those of job sessions and of compute sessions are in folders of their own. A node session is a named stack of nodes that grows and shrinks (design §2; seed 3;
//! `api/duffy.md`): the session service orchestrates, node allocation allocates.

mod account_node_sessions;
mod cancel_node_request;
mod close_node_session;
mod compute_sessions;
mod extend_node_session;
mod grow_node_session;
mod hold_node_session;
mod job_sessions;
mod list_node_sessions;
mod node_session;
mod node_session_changed;
mod open_node_session;
mod session_hook_status;
mod shrink_node_session;

pub use account_node_sessions::{
    Account, AccountNodeSessions, AccountPage, AccountPlace, AccountedBy,
};
pub use cancel_node_request::{CancelNodeRequest, CancelNodeRequestRefusal};
pub use close_node_session::CloseNodeSession;
pub use compute_sessions::{
    BatchResult, COMPARISON_LIMIT, CONDITION_VALUE_LIMIT, Comparison, ComparisonOperator,
    ComputeContainer, ComputeContainerPage, ComputeSession, ComputeSessionChanged,
    ComputeSessionField, ComputeSessionFilter, ComputeSessionMatch, ComputeSessionMatches,
    ComputeSessionOrder, ComputeSessionPage, ComputeSessionReference, ComputeSessionRefusal,
    ComputeSessionStatus, ComputeSessionType, Condition, ConditionValue, ContainerRole,
    CreateComputeSession, CreateComputeSessionRefusal, CreatedComputeSession,
    DestroyComputeSession, DestroyedComputeSession, FindComputeSession, FoundComputeSession,
    ListComputeContainers, ListComputeSessions, ListComputeSessionsRefusal, MatchComputeSessions,
    RestartComputeSession, ScheduleRule, UseComputeSession, WhichContainers,
};
pub use extend_node_session::{ExtendNodeSession, ExtendNodeSessionRefusal, NewExpiry};
pub use grow_node_session::{GrowNodeSession, GrowNodeSessionRefusal, GrownNodeSession};
pub use hold_node_session::{HoldNodeSession, HoldNodeSessionRefusal};
pub use job_sessions::{
    AddSessionJob, CONDITION_LIMIT, DeleteBackup, DeleteBackupAction, DeleteBackupClient,
    DeleteBackupJob, DeleteJobSession, DeletedDocument, Document, DocumentPage, DocumentRefusal,
    EndDecision, EndSessionJob, FieldValue, InvalidFilter, JobSession, JobSessionChange,
    JobSessionPage, JobSessionPatch, JobSessionRefusal, JobSessionState, JobSessionStatus,
    JobSignal, ListBackupActions, ListBackupClients, ListBackupJobs, ListBackups, ListFilter,
    ListJobSessions, ListSessionRuns, RegisterBackupClient, RemoveSessionJob, RunJobStatus,
    RunResult, SaveBackup, SaveBackupAction, SaveBackupJob, SaveJobSession, SaveMode,
    SavedDocument, SessionDocument, SessionJob, SessionJobEnd, SessionJobEnded, SessionJobStart,
    SessionRun, SessionRunCompleted, SessionRunJob, SessionRunPage, SessionRunStarted,
    SessionRunStatus, SignalBackupJob, SignaledBackupJob, StartDecision, StartSessionJob, limits,
};
pub use list_node_sessions::{ListNodeSessions, NodeSessionPage};
pub use node_session::{
    EndReason, JobReference, NodeSession, NodeSessionRefusal, NodeSessionState, SessionReference,
};
pub use node_session_changed::{
    NodeSessionClosed, NodeSessionGrown, NodeSessionHeld, NodeSessionOpened, NodeSessionShrunk,
    NodeSessionTearDownFailed,
};
pub use open_node_session::{OpenNodeSession, OpenNodeSessionRefusal, OpeningRate};
pub use session_hook_status::{SessionHookState, SessionHookStatus};
pub use shrink_node_session::{ShrinkNodeSession, ShrinkNodeSessionRefusal};

crate::dead_letters::dead_letter_messages!(crate::Service::Session);
