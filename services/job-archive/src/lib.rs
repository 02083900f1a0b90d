//! The job archive: jobs, tags and cluster descriptions.
//!
//! | what comes in | where it is handled |
//! |---|---|
//! | a job has started | `commands/start_job.rs` |
//! | a job has stopped | `commands/stop_job.rs` |
//! | tags of jobs | `commands/{tag_job,untag_job,remove_tags}.rs` |
//! | jobs are not wanted any more | `commands/{delete_job,delete_jobs_before}.rs`, `periodic/go_on_removing.rs` |
//! | more is known of a job | `commands/edit_job_meta.rs` |
//! | what a batch system says of its nodes | `commands/{record_node_states,record_machine_state}.rs` |
//! | a job of a job session has ended | `reactions/session_job_ended.rs` |
//! | a compute session is over | `reactions/compute_session_changed.rs` |
//! | what was measured of a job | `queries/job_metrics.rs` |
//! | producers publish jobs and nodes | `productions/` |
//! | producers publish metric samples, agents what they use | `metrics/` |
//! | which jobs are there | `queries/{list_jobs,find_job}.rs` |
//! | which clusters and nodes | `queries/{list_clusters,list_used_nodes,list_node_states,find_machine_state}.rs` |
//!
//! The rules are in `domain/`, the SQL in `store/`, the tables in `migrations/job-archive`.

mod archive;
mod commands;
mod domain;
mod measures;
mod metrics;
mod migrations;
mod periodic;
mod productions;
mod queries;
mod reactions;
mod site_clusters;
mod store;
#[cfg(test)]
mod testing;

use std::{sync::Arc, time::Duration};

use muster_contract::{
    Service,
    agent::ContainersUsage,
    job_archive::{
        DeleteJob, DeleteJobsBefore, DiscardDeadLetter, EditJobMeta, FindJob, FindMachineState,
        JobMetrics, ListClusters, ListDeadLetters, ListJobs, ListNodeStates, ListUsedNodes,
        RecordMachineState, RecordNodeStates, RemoveTags, ReplayDeadLetter, StartJob, StopJob,
        TagJob, UntagJob,
    },
    session::{ComputeSessionChanged, SessionJobEnded},
};
use muster_messaging::{BrokerError, Foundation, Running, ServiceBuilder};
use muster_platform::{Shutdown, settings::JobArchiveSettings};

use crate::{
    archive::archiver::Archiver,
    commands::{
        delete_job::DeleteJobHandler, delete_jobs_before::DeleteJobsBeforeHandler,
        edit_job_meta::EditJobMetaHandler, record_machine_state::RecordMachineStateHandler,
        record_node_states::RecordNodeStatesHandler, remove_tags::RemoveTagsHandler,
        start_job::StartJobHandler, stop_job::StopJobHandler, tag_job::TagJobHandler,
        untag_job::UntagJobHandler,
    },
    domain::compute_jobs::CLUSTER,
    metrics::{
        agents::{ContainerMetrics, DESCRIPTION},
        intake::SampleIntake,
        measuring::MetricStore,
        packer::Packer,
        retention::Forgetting,
    },
    periodic::go_on_removing::{self, GoOnRemoving},
    productions::{early_stops::ExpireEarlyStops, translation::JobEventTranslator},
    queries::{
        find_job::FindJobHandler, find_machine_state::FindMachineStateHandler,
        job_metrics::JobMetricsHandler, list_clusters::ListClustersHandler,
        list_jobs::ListJobsHandler, list_node_states::ListNodeStatesHandler,
        list_used_nodes::ListUsedNodesHandler,
    },
    reactions::{
        compute_session_changed::ComputeSessionChangedReaction,
        session_job_ended::SessionJobEndedReaction,
    },
    store::cluster_documents::named,
};

pub use archive::{
    archiver::ArchiverBell,
    files::{ArchiveError, ArchiveFiles},
    measure::{JobToMeasure, MeasureError, MeasureJobs, NoMetrics},
    place::ArchivePlace,
    transfer,
    work_off::work_off,
};
pub use domain::{
    archive_layout::JobKey,
    clusters::{Clusters, ClustersError},
    format_version::FormatVersion,
    job_data,
    node_list::NodeListError,
};
pub use migrations::MIGRATIONS;
pub use productions::Producers;
pub use site_clusters::{SiteClusters, SiteClustersError};
pub use store::archive_work::backlog as archive_backlog;

/// How often it is looked for stops that have waited in vain.
const EARLY_STOP_INTERVAL: Duration = Duration::from_mins(1);

/// How often it is looked for metric samples that are to be packed.
const PACKING_INTERVAL: Duration = Duration::from_secs(10);

/// How often metric samples are forgotten.
const RETENTION_INTERVAL: Duration = Duration::from_mins(10);

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its clusters.
    #[error(transparent)]
    Clusters(#[from] SiteClustersError),
    /// Its archive.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The tables.
    #[error(transparent)]
    Storage(#[from] muster_storage::StorageError),
    /// The broker.
    #[error("the job archive could not start on the broker")]
    Broker(#[from] BrokerError),
}

/// Applies the site's clusters and starts to take commands and answer queries, on the connection of the part `job-archive`
/// and a database opened with [`MIGRATIONS`]. It stops in order when `shutdown` is
/// triggered; the returned value must be kept until then.
pub async fn start(
    foundation: Foundation,
    clusters: SiteClusters,
    producers: Producers,
    archive: ArchiveFiles,
    settings: &JobArchiveSettings,
    shutdown: &Shutdown,
) -> Result<Running, StartError> {
    let clock = foundation.environment.clock.clone();
    let database = foundation.database.clone();
    let clusters = clusters.apply(&database, clock.now()).await?;
    let mut described = named(&database).await?;
    if described.iter().all(|(name, _)| name != CLUSTER) {
        described.push((CLUSTER.to_owned(), DESCRIPTION.to_owned()));
    }
    let documents: Vec<String> = described
        .iter()
        .map(|(_, document)| document.clone())
        .collect();
    let metrics: Arc<dyn MeasureJobs> = Arc::new(MetricStore::new(database.clone(), &documents));
    let bell = ArchiverBell::default();
    let archiver = Archiver {
        database: database.clone(),
        files: archive.clone(),
        metrics: metrics.clone(),
        clock: clock.clone(),
        clusters: described,
        at_once: settings.archive_at_once,
        bell: bell.clone(),
        health: foundation.health.register("job archive: files"),
        stop: shutdown.token(),
    };
    let list_jobs = ListJobsHandler::new(database.clone(), clock.clone());
    let levels = measures::ArchiveLevels(database.clone());
    let find_job = FindJobHandler::new(database.clone(), clock.clone());
    let used_nodes = ListUsedNodesHandler::new(database.clone(), clock.clone());
    let job_metrics = JobMetricsHandler::new(database.clone(), clock.clone(), metrics, archive);
    let mut builder = ServiceBuilder::new(Service::JobArchive, foundation);
    if !producers.is_empty() {
        builder = builder.translate(JobEventTranslator {
            clusters: clusters.clone(),
            producers,
            clock: clock.clone(),
        });
    }
    let retention = settings.metric_retention;
    let samples = SampleIntake {
        clusters: clusters.clone(),
        clock: clock.clone(),
        retention,
    };
    let packer = Packer {
        clock: clock.clone(),
    };
    let forgetting = Forgetting::new(clock.clone(), retention);
    let early_stops = ExpireEarlyStops {
        clock,
        age: settings.early_stop_age,
    };
    let running = builder
        .periodic("early stops", EARLY_STOP_INTERVAL, early_stops)
        .bulk(samples)
        .measure(levels)
        .signal::<ContainersUsage>(ContainerMetrics::default())
        .periodic("metric packing", PACKING_INTERVAL, packer)
        .periodic("metric retention", RETENTION_INTERVAL, forgetting)
        .command::<StartJob>(StartJobHandler::new(clusters.clone()))
        .command::<StopJob>(StopJobHandler::new(bell.clone()))
        .command::<TagJob>(TagJobHandler::new(bell.clone()))
        .command::<UntagJob>(UntagJobHandler::new(bell.clone()))
        .begin::<RemoveTags>(RemoveTagsHandler)
        .command::<DeleteJob>(DeleteJobHandler)
        .begin::<DeleteJobsBefore>(DeleteJobsBeforeHandler)
        .command::<EditJobMeta>(EditJobMetaHandler::new(bell.clone()))
        .command::<RecordNodeStates>(RecordNodeStatesHandler::new(clusters.clone()))
        .command::<RecordMachineState>(RecordMachineStateHandler::new(clusters))
        .periodic("go on removing", go_on_removing::INTERVAL, GoOnRemoving)
        .react::<SessionJobEnded>(SessionJobEndedReaction)
        .react::<ComputeSessionChanged>(ComputeSessionChangedReaction::new(bell))
        .query::<ListJobs>(list_jobs)
        .query::<FindJob>(find_job)
        .query::<ListClusters>(ListClustersHandler::new(database.clone()))
        .query::<ListUsedNodes>(used_nodes)
        .query::<ListNodeStates>(ListNodeStatesHandler::new(database.clone()))
        .query::<FindMachineState>(FindMachineStateHandler::new(database))
        .query::<JobMetrics>(job_metrics)
        .dead_letters::<ListDeadLetters, ReplayDeadLetter, DiscardDeadLetter>()
        .run(shutdown)
        .await?;
    shutdown.spawn("job archive: files", archiver.run());
    Ok(running)
}
