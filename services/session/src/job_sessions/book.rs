//! The sessions and jobs that a batch is about: read together, changed in memory one message after the other, so that each
//! sees what those before it did, and written together.

mod history;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use muster_contract::session::{JobSessionRefusal, limits::SESSION_JOB_LIMIT};
use muster_storage::{StorageError, Transaction};

use self::history::write_history;
use crate::job_sessions::{
    domain::{
        backup_job::BackupJob,
        run::{Fact, Left, Member, Rules, Runs},
        session::Session,
    },
    saying::Sayings,
    store::{
        backup_jobs::{JobKey, job_lock, load_jobs, load_jobs_of_sessions, update_jobs},
        left_runs::left_runs,
        sessions::{
            SessionKey, delete_sessions, insert_sessions, load_sessions, remove_members,
            save_members, session_lock, update_sessions,
        },
    },
};

/// The message at hand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// Its place in the batch.
    pub(crate) cause: usize,
    /// When it was taken: microseconds since 1970 UTC.
    pub(crate) now: i64,
}

/// What a batch is about.
#[derive(Debug, Default)]
pub(crate) struct Subject {
    /// Sessions.
    pub(crate) sessions: BTreeSet<SessionKey>,
    /// Jobs; the sessions that they are in come along.
    pub(crate) jobs: BTreeSet<JobKey>,
    /// Sessions of which all jobs come along.
    pub(crate) whole: BTreeSet<SessionKey>,
    /// Jobs that come into sessions.
    pub(crate) coming: BTreeSet<(SessionKey, String)>,
}

/// Sessions and jobs, and what has happened to them.
pub(crate) struct Book {
    rules: Rules,
    sessions: BTreeMap<SessionKey, Held>,
    jobs: BTreeMap<JobKey, BackupJob>,
    changed_jobs: BTreeSet<JobKey>,
    facts: Vec<(usize, SessionKey, Fact)>,
    /// Of jobs that come into sessions again.
    left: HashMap<(SessionKey, String), Left>,
}

/// A session as it was read and as it is now.
struct Held {
    /// `None`: it is not in the table.
    before: Option<Session>,
    /// `None`: it is deleted.
    now: Option<Session>,
    /// Who made it: known also when it is deleted.
    user: String,
    /// Whether it is written even if nothing has changed but the rules, by which it says when it is due.
    is_due: bool,
}

impl Book {
    /// Reads what the batch is about. Nobody else changes it until the transaction ends.
    ///
    /// The locks are taken all at once, so that no two transactions hold some and wait for others. Which sessions the jobs
    /// are in, and which jobs the sessions have, has to be looked up for that, and is looked at again afterwards: where it has
    /// changed meanwhile, the transaction is to be run again.
    pub(crate) async fn open(
        transaction: &mut Transaction,
        rules: Rules,
        subject: Subject,
    ) -> Result<Self, StorageError> {
        let mut sessions = subject.sessions;
        sessions.extend(subject.whole.iter().cloned());
        let mut jobs = subject.jobs;
        let seen = jobs_about(transaction, &jobs, &subject.whole).await?;
        for (key, job) in &seen {
            jobs.insert(key.clone());
            sessions.extend(session_of(job));
        }
        let locks = sessions.iter().map(session_lock);
        let locks = locks.chain(jobs.iter().map(|(tenant, id)| job_lock(tenant, id)));
        let locks: Vec<_> = locks.collect();
        transaction.lock_keys(&locks).await?;
        let read = load_sessions(transaction, &sessions).await?;
        let named = jobs_about(transaction, &jobs, &subject.whole).await?;
        let is_locked = |(key, job): (&JobKey, &BackupJob)| {
            jobs.contains(key) && session_of(job).is_none_or(|session| sessions.contains(&session))
        };
        if !named.iter().all(is_locked) {
            let reason = "a job has come into another session";
            return Err(StorageError::Conflict(reason.into()));
        }
        let left = left_runs(transaction, &subject.coming).await?;
        let held = read.into_iter().map(|(key, session)| {
            let held = Held {
                user: session.user.clone(),
                before: Some(session.clone()),
                now: Some(session),
                is_due: false,
            };
            (key, held)
        });
        Ok(Self {
            rules,
            sessions: held.collect(),
            jobs: named,
            changed_jobs: BTreeSet::new(),
            facts: Vec::new(),
            left,
        })
    }

    /// The session.
    pub(crate) fn session(&self, key: &SessionKey) -> Option<&Session> {
        self.sessions.get(key)?.now.as_ref()
    }

    /// The session, to be changed.
    pub(crate) fn session_mut(
        &mut self,
        key: &SessionKey,
    ) -> Result<&mut Session, JobSessionRefusal> {
        self.sessions
            .get_mut(key)
            .and_then(|held| held.now.as_mut())
            .ok_or(JobSessionRefusal::UnknownSession)
    }

    /// A new session. Nobody else makes one of that tenant and id meanwhile.
    pub(crate) fn insert(&mut self, session: Session) {
        let key = (session.tenant.clone(), session.session_id.clone());
        let held = Held {
            before: None,
            user: session.user.clone(),
            now: Some(session),
            is_due: false,
        };
        self.sessions.insert(key, held);
    }

    /// Does something to the runs of a session.
    pub(crate) fn with_runs<T>(
        &mut self,
        moment: Moment,
        key: &SessionKey,
        change: impl FnOnce(&mut Runs, Rules, &mut Vec<Fact>) -> Result<T, JobSessionRefusal>,
    ) -> Result<T, JobSessionRefusal> {
        let rules = self.rules;
        let mut facts = Vec::new();
        let changed = change(&mut self.session_mut(key)?.runs, rules, &mut facts);
        let facts = facts.into_iter();
        self.facts
            .extend(facts.map(|fact| (moment.cause, key.clone(), fact)));
        changed
    }

    /// Ends jobs of the session on their behalf that nothing is heard of, and says anew when it is due.
    pub(crate) fn end_due(&mut self, moment: Moment, key: &SessionKey) {
        // One that was deleted is not there, and needs nothing.
        let _ = self.with_runs(moment, key, |runs, rules, facts| {
            runs.end_due(moment.now, rules, facts);
            Ok(())
        });
        if let Some(held) = self.sessions.get_mut(key) {
            held.is_due = true;
        }
    }

    /// Gives the jobs of the session its times.
    pub(crate) fn retime_jobs(&mut self, key: &SessionKey) {
        let Some(session) = self.sessions.get(key).and_then(|held| held.now.as_ref()) else {
            return;
        };
        for member in &session.runs.members {
            let job = (key.0.clone(), member.job_id.clone());
            if let Some(backup_job) = self.jobs.get_mut(&job) {
                backup_job.follow(&session.schedule);
                self.changed_jobs.insert(job);
            }
        }
    }

    /// Adds a job to a session; it leaves the one that it was in. One that is in it stays as it is.
    pub(crate) fn add_job(
        &mut self,
        moment: Moment,
        key: &SessionKey,
        job_id: &str,
    ) -> Result<(), JobSessionRefusal> {
        let session = self.session(key).ok_or(JobSessionRefusal::UnknownSession)?;
        let job_key = (key.0.clone(), job_id.to_owned());
        let job = self.jobs.get(&job_key);
        let job = job.ok_or(JobSessionRefusal::UnknownJob)?;
        if session.runs.has(job_id) {
            return Ok(());
        }
        let limit = SESSION_JOB_LIMIT;
        if usize::try_from(limit).is_ok_and(|limit| session.runs.members.len() >= limit) {
            return Err(JobSessionRefusal::TooManyJobs { limit });
        }
        let client_id = job.client_id.clone();
        if let Some(former) = session_of(job) {
            self.take_out(moment, &former, job_id);
        }
        let left = self.left(key, job_id);
        let session = self.session_mut(key)?;
        session.runs.add(job_id, &client_id);
        if let Some(left) = left {
            session.runs.remember(job_id, left);
        }
        let (tag, schedule) = (session.runs.tag, session.schedule.clone());
        if let Some(job) = self.jobs.get_mut(&job_key) {
            job.enter(&key.1, tag, &schedule);
            self.changed_jobs.insert(job_key);
        }
        Ok(())
    }

    /// What became of a job in the last run that it was in, if it left the session in this batch or during its last run.
    fn left(&self, key: &SessionKey, job_id: &str) -> Option<Left> {
        let now = self
            .facts
            .iter()
            .rev()
            .find_map(|(_, of, fact)| match fact {
                Fact::JobEnded {
                    tag,
                    job_id: ended,
                    started_at,
                    at,
                    result,
                    ..
                } if of == key && ended == job_id => Some(Left {
                    tag: *tag,
                    result: Some(*result),
                    started_at: *started_at,
                    ended_at: Some(*at),
                }),
                _ => None,
            });
        now.or_else(|| self.left.get(&(key.clone(), job_id.to_owned())).copied())
    }

    /// Takes a job out of the session, if it is in it.
    pub(crate) fn remove_job(&mut self, moment: Moment, key: &SessionKey, job_id: &str) {
        if self.take_out(moment, key, job_id) {
            let job_key = (key.0.clone(), job_id.to_owned());
            if let Some(job) = self.jobs.get_mut(&job_key) {
                job.leave();
                self.changed_jobs.insert(job_key);
            }
        }
    }

    /// Takes a job out of the session that it is in, if any.
    pub(crate) fn free_job(&mut self, moment: Moment, job: &JobKey) {
        if let Some(session) = self.jobs.get(job).and_then(session_of) {
            self.remove_job(moment, &session, &job.1);
        }
    }

    /// Takes all jobs out of the session and deletes it. Tells whether it was there.
    pub(crate) fn delete(&mut self, moment: Moment, key: &SessionKey) -> bool {
        let Some(session) = self.session(key) else {
            return false;
        };
        let members = session.runs.members.iter();
        let jobs: Vec<String> = members.map(|member| member.job_id.clone()).collect();
        for job_id in jobs {
            self.remove_job(moment, key, &job_id);
        }
        if let Some(held) = self.sessions.get_mut(key) {
            held.now = None;
        }
        true
    }

    fn take_out(&mut self, moment: Moment, key: &SessionKey, job_id: &str) -> bool {
        let removed = self.with_runs(moment, key, |runs, _, facts| {
            Ok(runs.remove(job_id, moment.now, facts))
        });
        removed.unwrap_or(false)
    }

    /// Writes what has changed. Returns what there is to say.
    pub(crate) async fn write(
        self,
        transaction: &mut Transaction,
    ) -> Result<Sayings, StorageError> {
        let held = || self.sessions.values();
        let deleted: Vec<i64> = held()
            .filter(|held| held.now.is_none())
            .filter_map(|held| Some(held.before.as_ref()?.number))
            .collect();
        delete_sessions(transaction, &deleted).await?;
        let new = held().filter(|held| held.before.is_none());
        let new = new.filter_map(|held| held.now.as_ref());
        insert_sessions(transaction, new, self.rules).await?;
        // The session's own row says also when its jobs are due.
        let changed = held().filter(|held| held.before != held.now || held.is_due);
        let changed = changed.filter_map(|held| held.before.as_ref().and(held.now.as_ref()));
        update_sessions(transaction, changed, self.rules).await?;
        let kept = || held().filter_map(|held| Some((held.before.as_ref()?, held.now.as_ref()?)));
        let removed: Vec<(i64, String)> = kept().flat_map(removed_members).collect();
        remove_members(transaction, &removed).await?;
        save_members(transaction, kept().flat_map(changed_members)).await?;
        let jobs = self.changed_jobs.iter();
        update_jobs(transaction, jobs.filter_map(|key| self.jobs.get(key))).await?;
        if self.facts.is_empty() {
            return Ok(Sayings::default());
        }
        let made_by = |key: &SessionKey| self.sessions.get(key).map(|held| held.user.clone());
        write_history(transaction, &self.facts, made_by).await
    }
}

/// These jobs, and those of these sessions.
async fn jobs_about(
    transaction: &mut Transaction,
    jobs: &BTreeSet<JobKey>,
    whole: &BTreeSet<SessionKey>,
) -> Result<BTreeMap<JobKey, BackupJob>, StorageError> {
    let pair = |(tenant, id): &'_ (String, String)| (tenant.clone(), id.clone());
    let named: Vec<_> = jobs.iter().map(pair).collect();
    let named = named
        .iter()
        .map(|(tenant, id)| (tenant.as_str(), id.as_str()));
    let mut found = load_jobs(transaction, named).await?;
    let whole: Vec<_> = whole.iter().map(pair).collect();
    let whole = whole
        .iter()
        .map(|(tenant, id)| (tenant.as_str(), id.as_str()));
    found.extend(load_jobs_of_sessions(transaction, whole).await?);
    Ok(found)
}

/// The session that the job is in.
fn session_of(job: &BackupJob) -> Option<SessionKey> {
    let session_id = job.session_id.clone()?;
    Some((job.tenant.clone(), session_id))
}

fn removed_members((before, now): (&Session, &Session)) -> Vec<(i64, String)> {
    let stays: BTreeSet<&str> = ids(&now.runs.members).collect();
    ids(&before.runs.members)
        .filter(|job_id| !stays.contains(job_id))
        .map(|job_id| (before.number, job_id.to_owned()))
        .collect()
}

fn changed_members<'a>((before, now): (&Session, &'a Session)) -> Vec<(i64, &'a Member)> {
    let members = before.runs.members.iter();
    let was: BTreeMap<&str, &Member> = members
        .map(|member| (member.job_id.as_str(), member))
        .collect();
    now.runs
        .members
        .iter()
        .filter(|member| was.get(member.job_id.as_str()) != Some(member))
        .map(|member| (now.number, member))
        .collect()
}

fn ids(members: &[Member]) -> impl Iterator<Item = &str> {
    members.iter().map(|member| member.job_id.as_str())
}

#[cfg(test)]
mod tests;
