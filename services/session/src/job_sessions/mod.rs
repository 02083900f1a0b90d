//! Job sessions: jobs that start together, with a tag for each run (design §2, seed 1, `api/freezer.md`), and the jobs, actions,
//! clients and backups that go with them.
//!
//! | what comes in | where it is handled |
//! |---|---|
//! | a session is saved or deleted; jobs come into it and leave it, start and end | `commands/` |
//! | a job of a run is not heard of; runs ended long ago | `periodic/` |
//! | a job, an action, a client or a backup is saved or deleted; a job is asked for something | `commands/` |
//! | which there are | `queries/` |
//!
//! Every batch reads what it is about in sets, changes it in memory by the rules in `domain/`, one command after the other, and
//! writes it back in sets (sessions: `book.rs`; what their runs do: `domain/run.rs`). The SQL is in `store/`.

mod book;
mod commands;
#[cfg(test)]
mod documents_world;
mod domain;
mod periodic;
mod queries;
#[cfg(test)]
mod runs_world;
mod saying;
mod store;

use std::{sync::Arc, time::Duration};

use muster_contract::session::{
    AddSessionJob, DeleteBackup, DeleteBackupAction, DeleteBackupClient, DeleteBackupJob,
    DeleteJobSession, EndSessionJob, ListBackupActions, ListBackupClients, ListBackupJobs,
    ListBackups, ListJobSessions, ListSessionRuns, RegisterBackupClient, RemoveSessionJob,
    SaveBackup, SaveBackupAction, SaveBackupJob, SaveJobSession, SignalBackupJob, StartSessionJob,
};
use muster_messaging::{Environment, ServiceBuilder};
use muster_platform::settings::SessionSettings;
use muster_storage::Database;

use self::{
    commands::{
        delete_backup_jobs::DeleteBackupJobHandler,
        delete_documents::{
            DeleteBackupActionHandler, DeleteBackupClientHandler, DeleteBackupHandler,
        },
        register_backup_clients::RegisterBackupClientHandler,
        run_handler::RunCommandHandler,
        save_backup_actions::SaveBackupActionHandler,
        save_backup_jobs::SaveBackupJobHandler,
        save_backups::SaveBackupHandler,
        save_job_session::SaveJobSessionHandler,
        signal_backup_jobs::SignalBackupJobHandler,
    },
    domain::run::Rules,
    periodic::{
        end_due_jobs::EndDueJobs,
        forget_runs::{self, ForgetRuns},
    },
    queries::{
        list_documents::{
            ListBackupActionsHandler, ListBackupClientsHandler, ListBackupJobsHandler,
            ListBackupsHandler,
        },
        list_job_sessions::ListJobSessionsHandler,
        list_session_runs::ListSessionRunsHandler,
    },
};

/// How often runs are looked at whose jobs are not heard of.
const DUE_INTERVAL: Duration = Duration::from_secs(1);

/// Everything that job sessions take and answer.
pub(crate) fn register(
    builder: ServiceBuilder,
    database: &Database,
    environment: &Environment,
    settings: &SessionSettings,
) -> ServiceBuilder {
    let rules = Rules {
        job_limit: settings.job_run_limit,
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
        .periodic(
            "run history",
            forget_runs::INTERVAL,
            ForgetRuns::new(settings.run_history),
        )
        .query::<ListJobSessions>(ListJobSessionsHandler::new(database.clone()))
        .query::<ListSessionRuns>(ListSessionRunsHandler::new(database.clone()))
        .command::<SaveBackupJob>(SaveBackupJobHandler::new(ids()))
        .command::<DeleteBackupJob>(DeleteBackupJobHandler::new(rules))
        .command::<SignalBackupJob>(SignalBackupJobHandler::new(ids()))
        .command::<SaveBackupAction>(SaveBackupActionHandler::new(ids()))
        .command::<DeleteBackupAction>(DeleteBackupActionHandler::new(ids()))
        .command::<RegisterBackupClient>(RegisterBackupClientHandler::new(ids()))
        .command::<DeleteBackupClient>(DeleteBackupClientHandler::new(ids()))
        .command::<SaveBackup>(SaveBackupHandler::new(ids()))
        .command::<DeleteBackup>(DeleteBackupHandler::new(ids()))
        .query::<ListBackupJobs>(ListBackupJobsHandler::new(database.clone()))
        .query::<ListBackupActions>(ListBackupActionsHandler::new(database.clone()))
        .query::<ListBackupClients>(ListBackupClientsHandler::new(database.clone()))
        .query::<ListBackups>(ListBackupsHandler::new(database.clone()))
}
