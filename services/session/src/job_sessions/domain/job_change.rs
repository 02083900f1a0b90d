//! What a client says of a job: a new one, one in the place of another, or changes (`api/freezer.md` §1.6).

use muster_contract::session::{JobSignal, limits::CLIENT_ID_LIMIT};
use serde_json::{Map, Value};

use super::{
    backup_action,
    backup_job::BackupJob,
    fields::{self, Wrong, is_client_id},
    schedule::{self, EVENT, RESULT, STATUS, Schedule},
};

/// Actions of a job at most.
pub(crate) const JOB_ACTION_LIMIT: usize = 64;

/// Keys that a job may have; of those that are not looked at, the server knows better.
const KEYS: [&str; 13] = [
    "job_actions",
    "job_schedule",
    "job_id",
    "client_id",
    "session_id",
    "session_tag",
    "session_name",
    "user_id",
    "project_id",
    "description",
    "_version",
    "action_defaults",
    "user_credentials",
];

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;

/// What a client says of a job; `None` where it says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct JobChange {
    pub(crate) job_id: Option<String>,
    pub(crate) client_id: Option<String>,
    /// The version that it has seen.
    pub(crate) version: Option<i64>,
    pub(crate) actions: Option<Vec<ActionEntry>>,
    pub(crate) action_defaults: Option<Map<String, Value>>,
    schedule: Option<Schedule>,
    description: Option<Value>,
    user_credentials: Option<Map<String, Value>>,
    /// The session that it thinks the job is in; empty = in none.
    session_id: Option<String>,
    session_tag: Option<i64>,
}

/// One of a job's actions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ActionEntry {
    /// Of one that is there.
    pub(crate) action_id: Option<String>,
    /// What is said of it.
    pub(crate) described: Map<String, Value>,
}

impl JobChange {
    /// Reads what a client sends.
    pub(crate) fn read(document: &Map<String, Value>) -> Result<Self, Wrong> {
        if let Some(key) = document.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(format!("a job has no key {key:?}"));
        }
        fields::check_size("a job", document)?;
        let job_id = fields::text(document, "job_id")?;
        job_id.map_or(Ok(()), |id| fields::check_id("job_id", id))?;
        let client_id = fields::text(document, "client_id")?;
        if client_id.is_some_and(|id| !is_client_id(id)) {
            return Err(format!(
                "client_id must be the name of a host, maybe after a project and _, of at most {CLIENT_ID_LIMIT} characters"
            ));
        }
        let schedule = fields::object(document, "job_schedule")?;
        schedule.map_or(Ok(()), schedule::check)?;
        let description = fields::description(document)?;
        let has_description = document.contains_key("description");
        let action_defaults = match document.get("action_defaults") {
            Some(Value::Null) => None,
            _ => fields::object(document, "action_defaults")?,
        };
        action_defaults.map_or(Ok(()), backup_action::check_defaults)?;
        fields::text(document, "session_name")?;
        let session_id = match document.get("session_id") {
            Some(Value::Null) => Some(""),
            _ => fields::text(document, "session_id")?,
        };
        Ok(Self {
            job_id: job_id.map(str::to_owned),
            client_id: client_id.map(str::to_owned),
            version: fields::number(document, "_version")?,
            actions: actions(document)?,
            action_defaults: action_defaults.cloned(),
            schedule: schedule.cloned(),
            description: has_description.then(|| description.into()),
            user_credentials: user_credentials(document)?.cloned(),
            session_id: session_id.map(str::to_owned),
            session_tag: fields::number(document, "session_tag")?,
        })
    }

    /// Refuses what is not enough for a whole job.
    pub(crate) fn check_whole(&self) -> Result<(), Wrong> {
        if self.client_id.is_none() {
            return Err("a job must have a client_id".to_owned());
        }
        if self.actions.is_none() {
            return Err("a job must have job_actions".to_owned());
        }
        Ok(())
    }

    /// A new job of this.
    pub(crate) fn new_job(&self, tenant: &str, job_id: &str, user: &str, now: i64) -> BackupJob {
        let mut schedule = self.schedule.clone().unwrap_or_default();
        schedule.insert("time_created".to_owned(), now.div_euclid(SECOND).into());
        schedule.insert("time_started".to_owned(), (-1).into());
        schedule.insert("time_ended".to_owned(), (-1).into());
        let mut job = BackupJob {
            number: 0,
            job_id: job_id.to_owned(),
            tenant: tenant.to_owned(),
            user: user.to_owned(),
            client_id: self.client_id.clone().unwrap_or_default(),
            version: 0,
            session_id: None,
            session_tag: 0,
            schedule,
            own_times: None,
            document: self.whole_document(),
        };
        job.changed();
        job
    }

    /// Puts this in the place of a job that is there. It stays in its session, and was created when it was.
    pub(crate) fn replace(&self, job: &mut BackupJob) {
        let times = schedule::times(&job.schedule);
        let created = job.schedule.get("time_created").cloned();
        job.schedule = self.schedule.clone().unwrap_or_default();
        if let Some(created) = created {
            job.schedule.entry("time_created").or_insert(created);
        }
        if job.session_id.is_some() {
            // In a copy of the job as it is shown, the times are the session's.
            let is_copy = self.session_id == job.session_id;
            if !is_copy {
                job.own_times = Some(schedule::times(&job.schedule));
            }
            job.schedule = schedule::with_times(std::mem::take(&mut job.schedule), &times);
        }
        job.document = self.whole_document();
        self.take_client_and_tag(job);
        job.changed();
    }

    /// Merges this into a job that is there.
    ///
    /// The times of a job in a session are the session's, and a patch of somebody who thinks that the job is in another session
    /// is of a copy from before: schedulers send their whole copy of a schedule with every change (`api/freezer.md` §3).
    pub(crate) fn patch(&self, job: &mut BackupJob) {
        let keeps_times = job.session_id.is_some() || self.is_of_another_session(job);
        let changes = self.schedule.iter().flatten();
        let changes = changes.filter(|(key, _)| !(keeps_times && schedule::is_time(key)));
        job.schedule
            .extend(changes.map(|(key, value)| (key.clone(), value.clone())));
        if let Some(description) = &self.description {
            job.document
                .insert("description".to_owned(), description.clone());
        }
        if let Some(defaults) = &self.action_defaults {
            let defaults = defaults.clone().into();
            job.document.insert("action_defaults".to_owned(), defaults);
        }
        self.take_client_and_tag(job);
        job.changed();
    }

    fn take_client_and_tag(&self, job: &mut BackupJob) {
        if let Some(client_id) = &self.client_id {
            client_id.clone_into(&mut job.client_id);
        }
        let knows_session = self.session_id.is_some() && !self.is_of_another_session(job);
        if let Some(tag) = self.session_tag
            && knows_session
            && job.session_id.is_some()
        {
            job.session_tag = tag;
        }
    }

    fn is_of_another_session(&self, job: &BackupJob) -> bool {
        let there = job.session_id.as_deref().unwrap_or_default();
        self.session_id.as_deref().is_some_and(|said| said != there)
    }

    fn whole_document(&self) -> Map<String, Value> {
        let mut document = Map::new();
        let description = self.description.clone().unwrap_or_default();
        document.insert("description".to_owned(), description);
        if let Some(defaults) = &self.action_defaults {
            document.insert("action_defaults".to_owned(), defaults.clone().into());
        }
        if let Some(credentials) = &self.user_credentials {
            document.insert("user_credentials".to_owned(), credentials.clone().into());
        }
        document
    }
}

/// Asks a job for something; `false` if it was asked already.
pub(crate) fn signal(job: &mut BackupJob, signal: JobSignal) -> bool {
    if schedule::text(&job.schedule, EVENT) == signal.name() {
        return false;
    }
    job.schedule.insert(EVENT.to_owned(), signal.name().into());
    if signal == JobSignal::Start {
        for key in [STATUS, RESULT] {
            job.schedule.insert(key.to_owned(), "".into());
        }
    }
    job.changed();
    true
}

fn actions(document: &Map<String, Value>) -> Result<Option<Vec<ActionEntry>>, Wrong> {
    let entries = match document.get("job_actions") {
        None => return Ok(None),
        Some(Value::Array(entries)) => entries,
        Some(_) => return Err("job_actions must be a list".to_owned()),
    };
    if entries.len() > JOB_ACTION_LIMIT {
        return Err(format!("a job has at most {JOB_ACTION_LIMIT} actions"));
    }
    entries
        .iter()
        .map(entry)
        .collect::<Result<_, _>>()
        .map(Some)
}

fn entry(entry: &Value) -> Result<ActionEntry, Wrong> {
    let described = entry
        .as_object()
        .ok_or("each of job_actions must be an object")?;
    let action_id = fields::text(described, "action_id")?.filter(|id| !id.is_empty());
    action_id.map_or(Ok(()), |id| fields::check_id("action_id", id))?;
    Ok(ActionEntry {
        action_id: action_id.map(str::to_owned),
        described: described.clone(),
    })
}

fn user_credentials(document: &Map<String, Value>) -> Result<Option<&Map<String, Value>>, Wrong> {
    let credentials = match document.get("user_credentials") {
        Some(Value::Null) => return Ok(None),
        _ => fields::object(document, "user_credentials")?,
    };
    if let Some(credentials) = credentials {
        for key in ["trust_id", "trustor_user_id"] {
            fields::text(credentials, key)?
                .ok_or_else(|| format!("user_credentials must have a {key}"))?;
        }
    }
    Ok(credentials)
}

#[cfg(test)]
mod tests;
