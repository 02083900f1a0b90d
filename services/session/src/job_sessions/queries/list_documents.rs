//! Lists jobs, actions, clients and backups.

use muster_contract::session::{
    Document, DocumentPage, ListBackupActions, ListBackupClients, ListBackupJobs, ListBackups,
    limits::PAGE_LIMIT,
};
use muster_storage::{Database, StorageError};

use crate::job_sessions::store::{
    list_documents::{ListRow, list_documents},
    list_statement::{List, Wanted},
    lists::{
        ACTIONS, ActionListRow, BACKUPS, BackupListRow, CLIENTS, ClientListRow, JOBS, JobListRow,
    },
};

/// Declares who answers a question for documents.
macro_rules! list_handler {
    ($(#[$documentation:meta])* $handler:ident, $query:ty, $id:ident, $list:expr, $row:ty, $function:ident $(, $order:ident)?) => {
        $(#[$documentation])*
        pub(crate) struct $handler {
            database: Database,
        }

        impl $handler {
            pub(crate) fn new(database: Database) -> Self {
                Self { database }
            }
        }

        impl muster_messaging::AnswerQuery<$query> for $handler {
            async fn answer(
                &self,
                asked: muster_messaging::Asked<$query>,
            ) -> Result<
                muster_contract::Outcome<DocumentPage, muster_contract::message::Never>,
                muster_messaging::HandlerError,
            > {
                let documents = $function(&self.database, &asked.body).await?;
                Ok(muster_contract::Outcome::Done(DocumentPage { documents }))
            }
        }

        /// The documents that are asked for.
        pub(crate) async fn $function(
            database: &Database,
            question: &$query,
        ) -> Result<Vec<Document>, StorageError> {
            let list: &'static List = &$list;
            let wanted = Wanted {
                tenant: question.tenant.as_deref(),
                id: question.$id.as_deref(),
                filter: &question.filter,
                offset: question.offset,
                limit: question.limit,
            };
            $(
                if let (Some(tenant), true) = (wanted.tenant, wanted.id.is_some()) {
                    return $order::<$row>(database, list, wanted, tenant).await;
                }
            )?
            list_documents::<$row>(database, list, wanted).await
        }
    };
}

list_handler!(
    /// Answers [`ListBackupJobs`].
    ListBackupJobsHandler, ListBackupJobs, job_id, JOBS, JobListRow, list_backup_jobs
);
list_handler!(
    /// Answers [`ListBackupActions`].
    ListBackupActionsHandler, ListBackupActions, action_id, ACTIONS, ActionListRow, list_backup_actions
);
list_handler!(
    /// Answers [`ListBackupClients`].
    ListBackupClientsHandler, ListBackupClients, client_id, CLIENTS, ClientListRow, list_backup_clients, own_first
);
list_handler!(
    /// Answers [`ListBackups`].
    ListBackupsHandler, ListBackups, backup_id, BACKUPS, BackupListRow, list_backups
);

/// A project may see two clients of one id: its own comes before central ones of others.
async fn own_first<R: ListRow>(
    database: &Database,
    list: &'static List,
    wanted: Wanted<'_>,
    tenant: &str,
) -> Result<Vec<Document>, StorageError> {
    let all = Wanted {
        offset: 0,
        limit: PAGE_LIMIT,
        ..wanted
    };
    let mut documents = list_documents::<R>(database, list, all).await?;
    documents.sort_by_key(|document| {
        document
            .to_map()
            .get("project_id")
            .is_none_or(|project| project != tenant)
    });
    let skipped = usize::try_from(wanted.offset).unwrap_or(usize::MAX);
    let limit = usize::try_from(wanted.limit).unwrap_or(usize::MAX);
    Ok(documents.into_iter().skip(skipped).take(limit).collect())
}

#[cfg(test)]
mod tests;
