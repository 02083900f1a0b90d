//! Works off `archive_work`: writes the files of jobs that have stopped, several at once, and comes back to what failed
//! until it is done (`api/clustercockpit.md` §2.5).

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use muster_contract::job_archive::{Job, JobDetails, JobState};
use muster_platform::{Clock, ComponentHealth};
use muster_storage::{Database, Engine, StorageError};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{
    files::{ArchiveError, ArchiveFiles},
    measure::{JobToMeasure, MeasureError, MeasureJobs},
};
use crate::{
    domain::{
        data_file::{self, DataFileError},
        format_version::FormatVersion,
        job_data::JobData,
        measured::{MetricRules, add_to, finished},
        meta_file::{self, MetaFileError},
    },
    store::{
        archive_work::{
            ArchiveAction, FailedWork, TakenWork, next_due, release_all, take_work, work_done,
            work_failed,
        },
        archived_jobs::{ARCHIVED, load_jobs, note_archived, note_failures},
    },
};

/// How often it is looked for work that nobody has told of: of another replica, or from before a restart.
const SWEEP: Duration = Duration::from_secs(1);

/// A command tells of its work before it commits; its commit and those of others are waited for together.
const COMMIT_PAUSE: Duration = Duration::from_millis(10);

/// What was told of and not found is looked for again, since its commit may take longer: after this at first, then after twice
/// as long each time, up to [`SWEEP`].
const NEXT_LOOK: Duration = Duration::from_millis(50);

/// Work that is taken in one transaction, and at most concluded in one.
const BATCH: usize = 64;

/// How long taken work is left alone by others: longer than a job should take, shorter than anybody should wait.
const LEASE: Duration = Duration::from_mins(2);

/// Pause before what failed is tried again, doubled with each attempt.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Tells the archiver that there is work.
#[derive(Debug, Clone, Default)]
pub struct ArchiverBell(Arc<Notify>);

impl ArchiverBell {
    /// There is work, or will be once the transaction at hand has committed.
    pub(crate) fn ring(&self) {
        self.0.notify_one();
    }
}

/// Works off the table.
pub(crate) struct Archiver {
    pub(crate) database: Database,
    pub(crate) files: ArchiveFiles,
    pub(crate) metrics: Arc<dyn MeasureJobs>,
    pub(crate) clock: Arc<dyn Clock>,
    /// The descriptions of the clusters, by name.
    pub(crate) clusters: Vec<(String, String)>,
    /// Jobs that are written at once.
    pub(crate) at_once: usize,
    pub(crate) bell: ArchiverBell,
    pub(crate) health: ComponentHealth,
    pub(crate) stop: CancellationToken,
}

/// What the archive needs to be known of while jobs are written.
struct Prepared {
    version: FormatVersion,
    /// By cluster.
    rules: HashMap<String, MetricRules>,
}

/// Work with the job that it is about, if that is still there.
struct Task {
    work: TakenWork,
    job: Option<Job>,
}

/// How a task came out.
struct Outcome {
    work: TakenWork,
    /// Its number in the table.
    job: Option<i64>,
    /// What is known of the job now, where its files were written.
    result: Result<Option<JobDetails>, WorkError>,
}

/// Why files of a job could not be written; it is tried again.
#[derive(Debug, thiserror::Error)]
enum WorkError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Measure(#[from] MeasureError),
    #[error("what was measured cannot be written: {0}")]
    Data(#[from] DataFileError),
    #[error("meta.json cannot be written: {0}")]
    Meta(#[from] MetaFileError),
}

impl Archiver {
    /// Until it is told to stop; what is begun then is finished.
    pub(crate) async fn run(self) {
        let Some(prepared) = self.prepare().await else {
            return;
        };
        // On SQLite there is no other archiver: whatever is taken was taken by a process that is gone.
        if self.database.engine() == Engine::Sqlite
            && let Err(error) = self.release().await
        {
            warn!(target: "muster::job_archive", %error, "work that was begun earlier is taken up late");
        }
        self.health.ready();
        // Side by side, so that none of them stands still holding a connection that another waits for.
        let (give, taken) = mpsc::channel(BATCH);
        let (tell, outcomes) = mpsc::channel(BATCH);
        tokio::join!(
            self.take_all(give),
            self.carry_out_all(&prepared, taken, tell),
            self.conclude_all(outcomes),
        );
    }

    /// Takes work for whoever carries it out, until it is told to stop.
    async fn take_all(&self, give: mpsc::Sender<Task>) {
        while let Some(tasks) = self.next_tasks().await {
            for task in tasks {
                if give.send(task).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Carries out what was taken, several at once.
    async fn carry_out_all(
        &self,
        prepared: &Prepared,
        taken: mpsc::Receiver<Task>,
        tell: mpsc::Sender<Outcome>,
    ) {
        let taken = stream::unfold(taken, async |mut taken| {
            taken.recv().await.map(|task| (task, taken))
        });
        let tell = &tell;
        taken
            .for_each_concurrent(self.at_once.max(1), async |task| {
                let outcome = self.carry_out(prepared, task).await;
                // Who would hear of it is gone only with this.
                let _ = tell.send(outcome).await;
            })
            .await;
    }

    /// Notes how it came out, of all that is there at once.
    async fn conclude_all(&self, mut outcomes: mpsc::Receiver<Outcome>) {
        let mut batch = Vec::with_capacity(BATCH);
        while outcomes.recv_many(&mut batch, BATCH).await > 0 {
            self.conclude(std::mem::take(&mut batch)).await;
        }
    }

    /// Makes the place an archive; tries until it can be done. `None` = it is told to stop.
    async fn prepare(&self) -> Option<Prepared> {
        let mut attempts = 0;
        loop {
            match self
                .files
                .prepare(&self.clusters, FormatVersion::default())
                .await
            {
                Ok(version) => {
                    info!(target: "muster::job_archive", archive = %self.files.place(), version = version.number(), "the archive is open");
                    let rules = self
                        .clusters
                        .iter()
                        .map(|(name, document)| (name.clone(), MetricRules::of_document(document)));
                    return Some(Prepared {
                        version,
                        rules: rules.collect(),
                    });
                }
                Err(error) => {
                    attempts += 1;
                    error!(target: "muster::job_archive", archive = %self.files.place(), %error, "the archive cannot be used; jobs wait to be archived");
                    self.health.degraded(error.to_string());
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => return None,
                () = tokio::time::sleep(pause(attempts)) => {}
            }
        }
    }

    async fn release(&self) -> Result<(), StorageError> {
        let mut transaction = self.database.begin().await?;
        release_all(&mut transaction).await?;
        transaction.commit().await
    }

    /// Waits for work and takes it. `None` = it is told to stop.
    async fn next_tasks(&self) -> Option<Vec<Task>> {
        let mut wait = NEXT_LOOK;
        loop {
            if self.stop.is_cancelled() {
                return None;
            }
            match self.take().await {
                Ok(tasks) if !tasks.is_empty() => return Some(tasks),
                Ok(_) => {}
                Err(error) => {
                    warn!(target: "muster::job_archive", %error, "the archiver cannot read its work; it waits");
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => return None,
                () = tokio::time::sleep(wait) => wait = wait.saturating_mul(2).min(SWEEP),
                () = self.bell.0.notified() => {
                    tokio::time::sleep(COMMIT_PAUSE).await;
                    wait = NEXT_LOOK;
                }
            }
        }
    }

    async fn take(&self) -> Result<Vec<Task>, StorageError> {
        let now = self.clock.now();
        // Most looks find nothing, and then nobody who writes has to wait.
        let due = next_due(&self.database).await?;
        if due.is_none_or(|due| due > now.as_micros()) {
            return Ok(Vec::new());
        }
        let mut transaction = self.database.begin().await?;
        let leased_until = now.plus(LEASE).as_micros();
        let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
        let work = take_work(&mut transaction, now.as_micros(), leased_until, limit).await?;
        transaction.commit().await?;
        let mut jobs = load_jobs(&self.database, work.iter().map(|work| &work.key)).await?;
        let tasks = work.into_iter().map(|work| Task {
            job: jobs.remove(&work.key),
            work,
        });
        Ok(tasks.collect())
    }

    async fn carry_out(&self, prepared: &Prepared, task: Task) -> Outcome {
        let Task { work, job } = task;
        let id = job.as_ref().map(|job| job.id);
        let result = match job {
            Some(job) if is_due(&job) => self.write(prepared, &work, job).await.map(Some),
            // It is gone, or one of its number and start is there again and runs: its files are not due.
            _ => Ok(None),
        };
        Outcome {
            work,
            job: id,
            result,
        }
    }

    /// Writes the files and returns what is known of the job then.
    async fn write(
        &self,
        prepared: &Prepared,
        work: &TakenWork,
        mut job: Job,
    ) -> Result<JobDetails, WorkError> {
        let key = &work.key;
        if work.attempts > 1 {
            self.files.remove_leftovers(key).await?;
        }
        if work.action == ArchiveAction::Describe
            && let Some(before) = self.files.read_meta(key).await?
        {
            let meta = meta_file::write_over(&before, &job, prepared.version)?;
            self.files.write_meta(key, meta).await?;
            return Ok(job.details);
        }
        let data = self.metrics.measure(&JobToMeasure::of(&job)).await?;
        let no_rules = MetricRules::default();
        let rules = prepared.rules.get(&job.cluster).unwrap_or(&no_rules);
        let data = finished(data);
        add_to(&mut job.details, &data, rules, job.duration);
        job.monitoring_status = ARCHIVED;
        let meta = meta_file::write(&job, prepared.version)?;
        let data = self.data_file(key, data).await?;
        self.files.write_job(key, meta, data).await?;
        Ok(job.details)
    }

    /// What is to be written as `data.json`. What was measured before stays, where it is not known any more.
    async fn data_file(
        &self,
        key: &crate::domain::archive_layout::JobKey,
        data: JobData,
    ) -> Result<Option<data_file::DataFile>, WorkError> {
        if data.metrics.is_empty() && self.files.read_data_file(key).await?.is_some() {
            return Ok(None);
        }
        // Packing takes longer than anything else here, and would hold up whoever shares the thread.
        let packed = tokio::task::spawn_blocking(move || data_file::write(&data)).await;
        let packed = packed.map_err(|error| MeasureError {
            reason: error.to_string(),
        })?;
        Ok(Some(packed?))
    }

    async fn conclude(&self, outcomes: Vec<Outcome>) {
        if let Err(error) = self.try_conclude(&outcomes).await {
            // Taken work becomes due again by itself, and doing it twice is harmless.
            warn!(target: "muster::job_archive", %error, "it could not be noted what was archived; it is done again");
        }
    }

    async fn try_conclude(&self, outcomes: &[Outcome]) -> Result<(), StorageError> {
        let mut done = Vec::new();
        // A job can be in a batch twice, if it was described again meanwhile; the latest word counts.
        let mut archived: HashMap<i64, &JobDetails> = HashMap::new();
        let mut failed = Vec::new();
        let mut failures = Vec::new();
        for outcome in outcomes {
            let Outcome { work, job, result } = outcome;
            match result {
                Ok(details) => {
                    done.push((work.id, work.generation));
                    if let (Some(job), Some(details)) = (job, details) {
                        archived.insert(*job, details);
                    }
                }
                Err(WorkError::Archive(error @ ArchiveError::Name { .. })) => {
                    error!(target: "muster::job_archive", cluster = work.key.cluster, job_id = work.key.job_id, start_time = work.key.start_time, %error, "a job can have no files");
                    done.push((work.id, work.generation));
                    failures.extend(*job);
                }
                Err(error) => {
                    let wait = pause(work.attempts);
                    error!(target: "muster::job_archive", cluster = work.key.cluster, job_id = work.key.job_id, start_time = work.key.start_time, attempts = work.attempts, %error, "a job could not be archived; it is tried again in {wait:?}");
                    failed.push(FailedWork {
                        id: work.id,
                        generation: work.generation,
                        due_at: self.clock.now().plus(wait).as_micros(),
                        error: error.to_string(),
                    });
                    failures.extend(*job);
                }
            }
        }
        failures.sort_unstable();
        failures.dedup();
        match failed.first() {
            Some(work) => self.health.degraded(work.error.clone()),
            None => self.health.ready(),
        }
        let archived: Vec<(i64, &JobDetails)> = archived.into_iter().collect();
        let mut transaction = self.database.begin().await?;
        work_done(&mut transaction, done).await?;
        work_failed(&mut transaction, failed).await?;
        note_archived(&mut transaction, &archived).await?;
        note_failures(&mut transaction, &failures).await?;
        transaction.commit().await
    }
}

/// Whether the job's files are to be there.
fn is_due(job: &Job) -> bool {
    job.state != JobState::Running && job.monitoring_status != 0
}

/// How long is waited after so many attempts.
fn pause(attempts: i64) -> Duration {
    const MOST_DOUBLINGS: i64 = 6;
    let doubled = attempts.saturating_sub(1).clamp(0, MOST_DOUBLINGS);
    let doubled = u32::try_from(doubled).unwrap_or_default();
    FIRST_PAUSE
        .saturating_mul(2_u32.saturating_pow(doubled))
        .min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests;
