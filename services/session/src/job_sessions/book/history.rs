//! What has happened to runs: written down, and made known.

use std::collections::{BTreeMap, BTreeSet};

use muster_contract::session::{
    RunJobStatus, SessionJobEnded, SessionRunCompleted, SessionRunStarted, SessionRunStatus,
};
use muster_storage::{StorageError, Transaction};

use crate::job_sessions::{
    domain::run::Fact,
    saying::{Saying, Sayings},
    store::{
        history::{
            RunJobKey, RunJobRecord, RunKey, RunRecord, Whereabouts, save_run_jobs, save_runs,
            whereabouts,
        },
        sessions::SessionKey,
    },
};

/// Writes down what has happened; each fact has the place of the message that caused it, and its session. `made_by` knows who
/// made a session. Returns what there is to say.
pub(super) async fn write_history(
    transaction: &mut Transaction,
    facts: &[(usize, SessionKey, Fact)],
    made_by: impl Fn(&SessionKey) -> Option<String>,
) -> Result<Sayings, StorageError> {
    let history = History::of(facts);
    save_runs(transaction, &history.runs).await?;
    let numbers = save_run_jobs(transaction, &history.jobs).await?;
    let ended = facts.iter().filter_map(|(_, key, fact)| match fact {
        Fact::JobEnded {
            job_id, client_id, ..
        } => Some((key.0.as_str(), job_id.as_str(), client_id.as_str())),
        _ => None,
    });
    let ended: BTreeSet<(&str, &str, &str)> = ended.collect();
    let known = whereabouts(transaction, ended).await?;
    let mut sayings = Sayings::default();
    for (cause, key, fact) in facts {
        let saying = match fact {
            Fact::JobEnded { tag, job_id, .. } => {
                let run_job: RunJobKey = ((key.clone(), *tag), job_id.clone());
                let number = numbers.get(&run_job).copied().unwrap_or_default();
                let job = known.get(&(key.0.clone(), job_id.clone())).cloned();
                let mut job = job.unwrap_or_default();
                job.user = job.user.or_else(|| made_by(key));
                job_ended(key, fact, number, job)
            }
            _ => run_changed(key, fact),
        };
        if let Some(saying) = saying {
            sayings.say(*cause, saying);
        }
    }
    Ok(sayings)
}

fn job_ended(key: &SessionKey, fact: &Fact, number: i64, known: Whereabouts) -> Option<Saying> {
    let Fact::JobEnded {
        tag,
        job_id,
        client_id,
        started_at,
        at,
        result,
        reason,
    } = fact
    else {
        return None;
    };
    let (tenant, session_id) = key.clone();
    Some(Saying::Ended(SessionJobEnded {
        number,
        tenant,
        session_id,
        tag: *tag,
        job_id: job_id.clone(),
        client_id: client_id.clone(),
        hostname: known.hostname,
        user: known.user.unwrap_or_default(),
        started_at: *started_at,
        ended_at: *at,
        result: *result,
        on_behalf: reason.is_some(),
        reason: reason.clone(),
    }))
}

/// That a run was superseded is said by the start of the next one.
fn run_changed(key: &SessionKey, fact: &Fact) -> Option<Saying> {
    let (tenant, session_id) = key.clone();
    match fact {
        Fact::RunStarted {
            tag,
            at,
            job_id,
            jobs,
        } => Some(Saying::Started(SessionRunStarted {
            tenant,
            session_id,
            tag: *tag,
            started_at: *at,
            job_id: job_id.clone(),
            jobs: u32::try_from(jobs.len()).unwrap_or(u32::MAX),
        })),
        Fact::RunEnded {
            tag,
            started_at,
            at,
            result: Some(result),
            ..
        } => Some(Saying::Completed(SessionRunCompleted {
            tenant,
            session_id,
            tag: *tag,
            started_at: *started_at,
            ended_at: *at,
            result: *result,
        })),
        _ => None,
    }
}

/// What is to be written of runs.
#[derive(Default)]
struct History {
    runs: BTreeMap<RunKey, RunRecord>,
    jobs: BTreeMap<RunJobKey, RunJobRecord>,
}

impl History {
    fn of(facts: &[(usize, SessionKey, Fact)]) -> Self {
        let mut history = Self::default();
        for (_, key, fact) in facts {
            history.add(key, fact);
        }
        history
    }

    fn add(&mut self, key: &SessionKey, fact: &Fact) {
        match fact {
            Fact::RunStarted { tag, at, jobs, .. } => {
                let run = RunRecord {
                    started_at: *at,
                    ended_at: None,
                    status: SessionRunStatus::Running,
                    result: None,
                };
                self.runs.insert((key.clone(), *tag), run);
                for (job_id, client_id) in jobs {
                    let job = job_record(RunJobStatus::Scheduled, client_id, None);
                    self.jobs.insert(((key.clone(), *tag), job_id.clone()), job);
                }
            }
            Fact::JobStarted {
                tag,
                job_id,
                client_id,
                at,
            } => {
                let job = job_record(RunJobStatus::Running, client_id, Some(*at));
                self.jobs.insert(((key.clone(), *tag), job_id.clone()), job);
            }
            Fact::JobEnded {
                tag,
                job_id,
                client_id,
                started_at,
                at,
                result,
                reason,
            } => {
                let job = RunJobRecord {
                    result: Some(*result),
                    ended_at: Some(*at),
                    reason: reason.clone(),
                    ..job_record(RunJobStatus::Completed, client_id, *started_at)
                };
                self.jobs.insert(((key.clone(), *tag), job_id.clone()), job);
            }
            Fact::RunEnded {
                tag,
                started_at,
                at,
                status,
                result,
            } => {
                let run = RunRecord {
                    started_at: *started_at,
                    ended_at: Some(*at),
                    status: *status,
                    result: *result,
                };
                self.runs.insert((key.clone(), *tag), run);
            }
        }
    }
}

fn job_record(status: RunJobStatus, client_id: &str, started_at: Option<i64>) -> RunJobRecord {
    RunJobRecord {
        client_id: client_id.to_owned(),
        status,
        result: None,
        started_at,
        ended_at: None,
        reason: None,
    }
}
