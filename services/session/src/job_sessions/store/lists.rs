//! The lists of jobs, actions, clients and backups, and their documents as readers see them (`api/freezer.md` §1.1, §1.6).

use muster_contract::session::Document;
use muster_storage::StorageError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};
use sqlx::FromRow;

use super::{
    list_documents::ListRow,
    list_statement::{Column, List},
};
use crate::job_sessions::domain::backup_action;

/// A column that is never NULL.
macro_rules! column {
    ($field:literal, $column:literal) => {
        column!($field, $column, &[])
    };
    ($field:literal, $column:literal, $of_value:expr) => {
        Column {
            field: $field,
            is: concat!(" AND ", $column, " = "),
            is_not: (concat!(" AND ", $column, " <> "), ""),
            of_value: $of_value,
        }
    };
}

/// Jobs, each with its actions: one row for each of these.
pub(crate) static JOBS: List = List {
    // The run that a job has started in or missed is one that its scheduler has to know of, whatever it wrote last: with an
    // older tag it could begin none, and would wait for ever for others to do so.
    head: "SELECT p.number, p.job_id, p.tenant, p.user_name, p.client_id, p.session_id, \
               CASE WHEN member.status <> 'scheduled' AND member.run > p.session_tag THEN member.run \
                   ELSE p.session_tag END AS session_tag, p.schedule, p.document, backup_action.action_id, backup_action.user_name AS action_user, \
               backup_action.document AS action_document \
           FROM (SELECT backup_job.number, backup_job.job_id, backup_job.tenant, backup_job.user_name, \
                     backup_job.client_id, backup_job.session_id, backup_job.session_tag, backup_job.schedule, \
                     backup_job.document \
                 FROM backup_job WHERE",
    after: " backup_job.number > ",
    tenant: (" AND backup_job.tenant = ", ""),
    id: " AND backup_job.job_id = ",
    columns: &[
        column!("job_id", "backup_job.job_id"),
        column!("project_id", "backup_job.tenant"),
        column!("user_id", "backup_job.user_name"),
        column!("client_id", "backup_job.client_id"),
        column!(
            "status",
            "backup_job.status",
            // Says what the index on what is not completed says.
            &[(
                "completed",
                " AND backup_job.status = 'completed'",
                " AND backup_job.status <> 'completed'",
            )]
        ),
        Column {
            field: "session_id",
            is: " AND backup_job.session_id = ",
            is_not: (
                " AND (backup_job.session_id IS NULL OR backup_job.session_id <> ",
                ")",
            ),
            of_value: &[(
                "",
                " AND backup_job.session_id IS NULL",
                " AND backup_job.session_id IS NOT NULL",
            )],
        },
    ],
    order: " ORDER BY backup_job.number LIMIT ",
    tail: ") AS p LEFT JOIN job_session ON job_session.tenant = p.tenant AND job_session.session_id = p.session_id \
           LEFT JOIN session_job AS member ON member.session = job_session.number AND member.job_id = p.job_id \
           LEFT JOIN backup_job_action ON backup_job_action.job = p.number \
           LEFT JOIN backup_action ON backup_action.tenant = p.tenant \
               AND backup_action.action_id = backup_job_action.action_id \
           ORDER BY p.number, backup_job_action.place",
};

/// Actions.
pub(crate) static ACTIONS: List = List {
    head: "SELECT backup_action.number, backup_action.action_id, backup_action.tenant, backup_action.user_name, \
               backup_action.document \
           FROM backup_action WHERE",
    after: " backup_action.number > ",
    tenant: (" AND backup_action.tenant = ", ""),
    id: " AND backup_action.action_id = ",
    columns: &[
        column!("action_id", "backup_action.action_id"),
        column!("project_id", "backup_action.tenant"),
        column!("user_id", "backup_action.user_name"),
    ],
    order: " ORDER BY backup_action.number LIMIT ",
    tail: "",
};

/// Clients: a tenant sees its own, and central ones.
pub(crate) static CLIENTS: List = List {
    head: "SELECT backup_client.number, backup_client.tenant, backup_client.user_name, backup_client.document \
           FROM backup_client WHERE",
    after: " backup_client.number > ",
    tenant: (
        " AND backup_client.number IN (SELECT own.number FROM backup_client AS own WHERE own.tenant = ",
        " UNION SELECT central.number FROM backup_client AS central WHERE central.is_central)",
    ),
    id: " AND backup_client.client_id = ",
    columns: &[
        column!("client_id", "backup_client.client_id"),
        column!("project_id", "backup_client.tenant"),
        column!("user_id", "backup_client.user_name"),
    ],
    order: " ORDER BY backup_client.number LIMIT ",
    tail: "",
};

/// Backups.
pub(crate) static BACKUPS: List = List {
    head: "SELECT backup.number, backup.backup_id, backup.tenant, backup.user_name, backup.status, backup.document \
           FROM backup WHERE",
    after: " backup.number > ",
    tenant: (" AND backup.tenant = ", ""),
    id: " AND backup.backup_id = ",
    columns: &[
        column!("backup_id", "backup.backup_id"),
        column!("project_id", "backup.tenant"),
        column!("user_id", "backup.user_name"),
        column!("status", "backup.status"),
    ],
    order: " ORDER BY backup.number LIMIT ",
    tail: "",
};

#[derive(Debug, FromRow)]
pub(crate) struct JobListRow {
    number: i64,
    job_id: String,
    tenant: String,
    user_name: String,
    client_id: String,
    session_id: Option<String>,
    session_tag: i64,
    schedule: String,
    document: String,
    action_id: Option<String>,
    action_user: Option<String>,
    action_document: Option<String>,
}

#[derive(Debug, FromRow)]
pub(crate) struct ActionListRow {
    number: i64,
    action_id: String,
    tenant: String,
    user_name: String,
    document: String,
}

#[derive(Debug, FromRow)]
pub(crate) struct ClientListRow {
    number: i64,
    tenant: String,
    user_name: String,
    document: String,
}

#[derive(Debug, FromRow)]
pub(crate) struct BackupListRow {
    number: i64,
    backup_id: String,
    tenant: String,
    user_name: String,
    status: String,
    document: String,
}

#[derive(Serialize)]
struct ShownJob<'a> {
    job_id: &'a str,
    project_id: &'a str,
    user_id: &'a str,
    client_id: &'a str,
    session_id: &'a str,
    session_tag: i64,
    description: Option<&'a RawValue>,
    job_schedule: &'a RawValue,
    job_actions: Vec<Document>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_credentials: Option<&'a RawValue>,
}

/// What of a job stands in `document`.
#[derive(Deserialize)]
struct RestOfJob<'a> {
    #[serde(borrow)]
    description: Option<&'a RawValue>,
    action_defaults: Option<Map<String, Value>>,
    #[serde(borrow)]
    user_credentials: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct ShownAction<'a> {
    project_id: &'a str,
    action_id: &'a str,
    user_id: &'a str,
    max_retries: i64,
    max_retries_interval: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    mandatory: Option<bool>,
    freezer_action: &'a RawValue,
}

/// What of an action stands in `document`.
#[derive(Deserialize)]
struct RestOfAction<'a> {
    max_retries: i64,
    max_retries_interval: i64,
    mandatory: Option<bool>,
    #[serde(borrow)]
    freezer_action: &'a RawValue,
}

#[derive(Serialize)]
struct ShownClient<'a> {
    project_id: &'a str,
    user_id: &'a str,
    client: &'a RawValue,
}

#[derive(Serialize)]
struct ShownBackup<'a> {
    project_id: &'a str,
    backup_id: &'a str,
    user_id: &'a str,
    status: &'a str,
    backup_metadata: &'a RawValue,
}

impl ListRow for JobListRow {
    fn number(&self) -> i64 {
        self.number
    }

    fn shown(rows: &[Self]) -> Result<Document, StorageError> {
        let row = rows.first().ok_or_else(|| broken("a job without a row"))?;
        let rest: RestOfJob<'_> = read(&row.document)?;
        let defaults = rest.action_defaults.as_ref();
        let mut job_actions = Vec::with_capacity(rows.len());
        for action in rows {
            let columns = (
                &action.action_id,
                &action.action_user,
                &action.action_document,
            );
            if let (Some(action_id), Some(user), Some(document)) = columns {
                let shown = shown_action(&row.tenant, action_id, user, document, defaults)?;
                job_actions.push(shown);
            }
        }
        write(&ShownJob {
            job_id: &row.job_id,
            project_id: &row.tenant,
            user_id: &row.user_name,
            client_id: &row.client_id,
            session_id: row.session_id.as_deref().unwrap_or_default(),
            session_tag: row.session_tag,
            description: rest.description,
            job_schedule: read(&row.schedule)?,
            job_actions,
            user_credentials: rest.user_credentials,
        })
    }
}

impl ListRow for ActionListRow {
    fn number(&self) -> i64 {
        self.number
    }

    fn shown(rows: &[Self]) -> Result<Document, StorageError> {
        let row = rows
            .first()
            .ok_or_else(|| broken("an action without a row"))?;
        shown_action(
            &row.tenant,
            &row.action_id,
            &row.user_name,
            &row.document,
            None,
        )
    }
}

impl ListRow for ClientListRow {
    fn number(&self) -> i64 {
        self.number
    }

    fn shown(rows: &[Self]) -> Result<Document, StorageError> {
        let row = rows
            .first()
            .ok_or_else(|| broken("a client without a row"))?;
        write(&ShownClient {
            project_id: &row.tenant,
            user_id: &row.user_name,
            client: read(&row.document)?,
        })
    }
}

impl ListRow for BackupListRow {
    fn number(&self) -> i64 {
        self.number
    }

    fn shown(rows: &[Self]) -> Result<Document, StorageError> {
        let row = rows
            .first()
            .ok_or_else(|| broken("a backup without a row"))?;
        write(&ShownBackup {
            project_id: &row.tenant,
            backup_id: &row.backup_id,
            user_id: &row.user_name,
            status: &row.status,
            backup_metadata: read(&row.document)?,
        })
    }
}

fn shown_action(
    project_id: &str,
    action_id: &str,
    user_id: &str,
    document: &str,
    defaults: Option<&Map<String, Value>>,
) -> Result<Document, StorageError> {
    let filled = match defaults {
        None => None,
        Some(defaults) => {
            let document = backup_action::with_defaults(read(document)?, defaults);
            Some(Value::Object(document).to_string())
        }
    };
    let rest: RestOfAction<'_> = read(filled.as_deref().unwrap_or(document))?;
    write(&ShownAction {
        project_id,
        action_id,
        user_id,
        max_retries: rest.max_retries,
        max_retries_interval: rest.max_retries_interval,
        mandatory: rest.mandatory,
        freezer_action: rest.freezer_action,
    })
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, StorageError> {
    serde_json::from_str(text).map_err(|error| StorageError::Other(error.into()))
}

fn write<T: Serialize>(shown: &T) -> Result<Document, StorageError> {
    Document::of(shown).map_err(|error| StorageError::Other(error.into()))
}

fn broken(what: &str) -> StorageError {
    StorageError::Other(what.into())
}
