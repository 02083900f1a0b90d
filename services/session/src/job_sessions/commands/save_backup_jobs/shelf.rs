//! What a batch of jobs is about: the jobs with their actions, and the clients that are to run them. Read together, and written
//! together.

use std::collections::{BTreeMap, BTreeSet};

use muster_contract::session::{DocumentRefusal, SavedDocument};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction};
use serde_json::{Map, Value};

use super::Said;
use crate::job_sessions::{
    commands::order::invalid,
    domain::{
        backup_action::{self, BackupAction, freezer_action, with_defaults},
        backup_client::BackupClient,
        backup_job::BackupJob,
        job_change::ActionEntry,
    },
    store::{
        backup_actions::{
            ActionKey, load_actions, load_actions_of_jobs, place_actions, save_actions,
        },
        backup_clients::load_clients,
        backup_jobs::{JobKey, insert_jobs, job_lock, load_jobs, tell_sessions, update_jobs},
    },
};

/// Jobs, actions and clients, and what has to be written of them.
pub(super) struct Shelf<'a> {
    ids: &'a dyn Ids,
    jobs: BTreeMap<JobKey, BackupJob>,
    /// Ids of the actions of a job, of those jobs whose actions matter.
    places: BTreeMap<JobKey, Vec<String>>,
    actions: BTreeMap<ActionKey, BackupAction>,
    clients: BTreeMap<(String, String), Vec<BackupClient>>,
    /// In the order in which they came.
    new_jobs: Vec<JobKey>,
    changed_jobs: BTreeSet<JobKey>,
    new_actions: Vec<ActionKey>,
    replaced: BTreeSet<JobKey>,
    /// Those that another client runs now.
    moved: BTreeSet<JobKey>,
}

impl<'a> Shelf<'a> {
    /// Reads what the commands are about. Nobody else changes the jobs until the transaction ends.
    pub(super) async fn open(
        transaction: &mut Transaction,
        ids: &'a dyn Ids,
        said: &[&Said<'_>],
    ) -> Result<Self, StorageError> {
        let keys: Vec<(&str, &str)> = said.iter().map(|said| pair(&said.key)).collect();
        let locks = keys.iter().map(|(tenant, id)| job_lock(tenant, id));
        let locks: Vec<_> = locks.collect();
        transaction.lock_keys(&locks).await?;
        let jobs = load_jobs(transaction, keys).await?;
        let mut shelf = Self {
            ids,
            jobs,
            places: BTreeMap::new(),
            actions: BTreeMap::new(),
            clients: BTreeMap::new(),
            new_jobs: Vec::new(),
            changed_jobs: BTreeSet::new(),
            new_actions: Vec::new(),
            replaced: BTreeSet::new(),
            moved: BTreeSet::new(),
        };
        // Most changes are those of a scheduler that says how far its job is: they need nothing more.
        let said = said.iter().copied();
        let said: Vec<&Said<'_>> = said.filter(|said| says_what_to_do(said)).collect();
        shelf.read_actions(transaction, &said).await?;
        shelf.read_clients(transaction, &said).await?;
        Ok(shelf)
    }

    async fn read_actions(
        &mut self,
        transaction: &mut Transaction,
        said: &[&Said<'_>],
    ) -> Result<(), StorageError> {
        let concerned: BTreeSet<&JobKey> = said.iter().map(|said| &said.key).collect();
        let there = concerned
            .iter()
            .filter_map(|key| self.jobs.get_key_value(*key));
        let there: Vec<(&JobKey, &BackupJob)> = there.collect();
        let numbers = there.iter().map(|(key, job)| (job.number, key.0.as_str()));
        let numbers: Vec<(i64, &str)> = numbers.collect();
        let mut of_jobs = load_actions_of_jobs(transaction, numbers).await?;
        for (key, job) in there {
            let actions = of_jobs.remove(&job.number).unwrap_or_default();
            let ids = actions.iter().map(|action| action.action_id.clone());
            self.places.insert(key.clone(), ids.collect());
            let actions = actions.into_iter();
            self.actions.extend(actions.map(|action| {
                let key = (action.tenant.clone(), action.action_id.clone());
                (key, action)
            }));
        }
        let named = said.iter().flat_map(|said| {
            let entries = said.change.actions.iter().flatten();
            let ids = entries.filter_map(|entry| entry.action_id.as_deref());
            ids.map(|id| (said.key.0.as_str(), id))
        });
        let named: Vec<(&str, &str)> = named.collect();
        let named = load_actions(transaction, named).await?;
        self.actions.extend(named);
        Ok(())
    }

    async fn read_clients(
        &mut self,
        transaction: &mut Transaction,
        said: &[&Said<'_>],
    ) -> Result<(), StorageError> {
        let wanted = said.iter().flat_map(|said| {
            let there = self.jobs.get(&said.key).map(|job| job.client_id.as_str());
            let clients = [said.change.client_id.as_deref(), there];
            clients
                .into_iter()
                .flatten()
                .map(|client| (said.key.0.as_str(), client))
        });
        let wanted: Vec<(&str, &str)> = wanted.collect();
        self.clients = load_clients(transaction, wanted).await?;
        Ok(())
    }

    /// The job, as it is by now.
    pub(super) fn job(&self, key: &JobKey) -> Option<&BackupJob> {
        self.jobs.get(key)
    }

    /// Puts a job there, with its actions, if its client can do them; else nothing is changed.
    pub(super) fn put(
        &mut self,
        said: &Said<'_>,
        job: BackupJob,
    ) -> Result<SavedDocument, DocumentRefusal> {
        if says_what_to_do(said) {
            let (new, ids) = self.actions_of(said, &job)?;
            self.check_client(said, &job, &new, &ids)?;
            for action in new {
                let key = (action.tenant.clone(), action.action_id.clone());
                self.new_actions.push(key.clone());
                self.actions.insert(key, action);
            }
            if said.change.actions.is_some() {
                self.replaced.insert(said.key.clone());
            }
            self.places.insert(said.key.clone(), ids);
        }
        let saved = SavedDocument {
            id: job.job_id.clone(),
            version: job.version,
        };
        let there = self.jobs.get(&said.key);
        if there.is_none() {
            self.new_jobs.push(said.key.clone());
        }
        self.changed_jobs.insert(said.key.clone());
        if there.is_some_and(|there| there.client_id != job.client_id) {
            self.moved.insert(said.key.clone());
        }
        self.jobs.insert(said.key.clone(), job);
        Ok(saved)
    }

    /// The actions that the job has then: new ones, and the ids of all in their order.
    fn actions_of(
        &self,
        said: &Said<'_>,
        job: &BackupJob,
    ) -> Result<(Vec<BackupAction>, Vec<String>), DocumentRefusal> {
        let Some(entries) = &said.change.actions else {
            let ids = self.places.get(&said.key).cloned().unwrap_or_default();
            return Ok((Vec::new(), ids));
        };
        let (mut new, mut ids) = (Vec::new(), Vec::with_capacity(entries.len()));
        for entry in entries {
            let id = if let Some(id) = &entry.action_id {
                self.check_entry(said, job, entry, id)?;
                id.clone()
            } else {
                let action = self.new_action(said, job, entry)?;
                let id = action.action_id.clone();
                new.push(action);
                id
            };
            ids.push(id);
        }
        Ok((new, ids))
    }

    fn new_action(
        &self,
        said: &Said<'_>,
        job: &BackupJob,
        entry: &ActionEntry,
    ) -> Result<BackupAction, DocumentRefusal> {
        let document = backup_action::new(&entry.described, defaults(job)).map_err(invalid)?;
        Ok(BackupAction {
            action_id: self.ids.next().simple().to_string(),
            tenant: job.tenant.clone(),
            user: said.order.caller.name.clone(),
            version: 1,
            document,
        })
    }

    /// An entry with an id names an action; what else it says has to be what the action does.
    fn check_entry(
        &self,
        said: &Said<'_>,
        job: &BackupJob,
        entry: &ActionEntry,
        id: &str,
    ) -> Result<(), DocumentRefusal> {
        let key = (said.key.0.clone(), id.to_owned());
        let unprocessable = |reason| DocumentRefusal::Unprocessable { reason };
        let action = self.actions.get(&key);
        let action = action.ok_or_else(|| unprocessable(format!("there is no action {id}")))?;
        let Some(told) = entry
            .described
            .get("freezer_action")
            .and_then(Value::as_object)
        else {
            return Ok(());
        };
        let mut with = told.clone();
        let mut done = freezer_action(&action.document).clone();
        if let Some(defaults) = defaults(job) {
            backup_action::fill(&mut with, defaults);
            backup_action::fill(&mut done, defaults);
        }
        if backup_action::say_the_same(&with, &done) {
            return Ok(());
        }
        Err(unprocessable(format!(
            "action {id} does something else: change the action itself, or leave its id out to have a new one"
        )))
    }

    fn check_client(
        &self,
        said: &Said<'_>,
        job: &BackupJob,
        new: &[BackupAction],
        ids: &[String],
    ) -> Result<(), DocumentRefusal> {
        let unprocessable = |reason| DocumentRefusal::Unprocessable { reason };
        let key = (job.tenant.clone(), job.client_id.clone());
        let client = self.clients.get(&key).and_then(|seen| seen.first());
        let client = client
            .ok_or_else(|| unprocessable(format!("client {} is not registered", job.client_id)))?;
        let there = ids.iter().filter_map(|id| {
            let key = (said.key.0.clone(), id.clone());
            self.actions.get(&key)
        });
        for action in there.chain(new) {
            let document = match defaults(job) {
                Some(defaults) => with_defaults(action.document.clone(), defaults),
                None => action.document.clone(),
            };
            client
                .check(freezer_action(&document))
                .map_err(unprocessable)?;
        }
        Ok(())
    }

    /// Writes everything.
    pub(super) async fn write(mut self, transaction: &mut Transaction) -> Result<(), StorageError> {
        let new = self.new_actions.iter();
        let new: Vec<&BackupAction> = new.filter_map(|key| self.actions.get(key)).collect();
        save_actions(transaction, new).await?;
        let new = self.new_jobs.iter();
        let new: Vec<&BackupJob> = new.filter_map(|key| self.jobs.get(key)).collect();
        let numbers = insert_jobs(transaction, new).await?;
        for (key, number) in numbers {
            self.changed_jobs.remove(&key);
            if let Some(job) = self.jobs.get_mut(&key) {
                job.number = number;
            }
        }
        let changed = self.changed_jobs.iter();
        let changed: Vec<&BackupJob> = changed.filter_map(|key| self.jobs.get(key)).collect();
        update_jobs(transaction, changed).await?;
        let moved = self.moved.iter();
        let moved: Vec<&BackupJob> = moved.filter_map(|key| self.jobs.get(key)).collect();
        tell_sessions(transaction, moved).await?;
        let replaced = self.replaced.iter().filter_map(|key| {
            let job = self.jobs.get(key)?;
            Some((job.number, self.places.get(key)?.as_slice()))
        });
        let replaced: Vec<(i64, &[String])> = replaced.collect();
        place_actions(transaction, &replaced).await
    }
}

fn pair((tenant, id): &(String, String)) -> (&str, &str) {
    (tenant, id)
}

/// Whether it says more of the job than how far it is.
fn says_what_to_do(said: &Said<'_>) -> bool {
    let change = &said.change;
    change.client_id.is_some() || change.actions.is_some() || change.action_defaults.is_some()
}

fn defaults(job: &BackupJob) -> Option<&Map<String, Value>> {
    job.document.get("action_defaults")?.as_object()
}
