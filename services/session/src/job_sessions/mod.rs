//! Job sessions: jobs that start together, with a tag for each run (design §2, seed 1, `api/freezer.md`), and the jobs, actions,
//! clients and backups that go with them.
//!
//! | what comes in | where it is handled |
//! |---|---|
//! | a session is saved or deleted; jobs come into it and leave it, start and end | `commands/` |
//! | a job of a run is not heard of | `periodic/` |
//! | a job, an action, a client or a backup is saved or deleted; a job is asked for something | `commands/` |
//! | which there are | `queries/` |
//!
//! Every batch reads what it is about in sets, changes it in memory by the rules in `domain/`, one command after the other, and
//! writes it back in sets (sessions: `book.rs`; what their runs do: `domain/run.rs`). The SQL is in `store/`.

mod book;
mod commands;
mod domain;
mod periodic;
mod queries;
mod saying;
mod store;

use std::{sync::Arc, time::Duration};

use muster_contract::session::{
    AddSessionJob, DeleteJobSession, EndSessionJob, ListJobSessions, ListSessionRuns,
    RemoveSessionJob, SaveJobSession, StartSessionJob,
};
use muster_messaging::{Environment, ServiceBuilder};
use muster_storage::Database;

use self::{
    commands::{run_handler::RunCommandHandler, save_job_session::SaveJobSessionHandler},
    domain::run::Rules,
    periodic::end_due_jobs::EndDueJobs,
    queries::{
        list_job_sessions::ListJobSessionsHandler, list_session_runs::ListSessionRunsHandler,
    },
};

/// How often runs are looked at whose jobs are not heard of.
const DUE_INTERVAL: Duration = Duration::from_secs(1);

/// Everything that job sessions take and answer. `job_run_limit`: how long a job of a run may take before it is ended on its
/// behalf.
pub(crate) fn register(
    builder: ServiceBuilder,
    database: &Database,
    environment: &Environment,
    job_run_limit: Duration,
) -> ServiceBuilder {
    let rules = Rules {
        job_limit: job_run_limit,
    };
    let ids = || Arc::clone(&environment.ids);
    builder
        .command::<SaveJobSession>(SaveJobSessionHandler::new(ids(), rules))
        .command::<DeleteJobSession>(RunCommandHandler::new(rules))
        .command::<AddSessionJob>(RunCommandHandler::new(rules))
        .command::<RemoveSessionJob>(RunCommandHandler::new(rules))
        .command::<StartSessionJob>(RunCommandHandler::new(rules))
        .command::<EndSessionJob>(RunCommandHandler::new(rules))
        .periodic("job runs", DUE_INTERVAL, EndDueJobs::new(rules))
        .query::<ListJobSessions>(ListJobSessionsHandler::new(database.clone()))
        .query::<ListSessionRuns>(ListSessionRunsHandler::new(database.clone()))
}
