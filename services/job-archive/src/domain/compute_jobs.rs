//! A compute session that has run and is over, as a job of the archive.

use std::collections::BTreeMap;

use muster_contract::{
    Amount,
    agent::Usage,
    job_archive::{JobDetails, JobState, NodeSharing, Resource, StartJob},
    resource_slots::{CPU, MEMORY},
    session::{BatchResult, ComputeSession, ComputeSessionStatus, ComputeSessionType},
};

/// The cluster of such jobs, and its only part.
pub(crate) const CLUSTER: &str = "compute";

const SECOND: i64 = 1_000_000;

/// Memory of jobs is counted in MB.
const MEGABYTE: i64 = 1_000_000;

/// Bits of a session's id that are its job's number: as many as any client reads exactly from JSON. The last bits of a UUID are
/// random.
const NUMBER: u64 = (1 << 53) - 1;

/// The job, if the session is over and has ever run.
pub(crate) fn job_of(session: &ComputeSession) -> Option<StartJob> {
    let start = session.started_at?;
    if !session.status.is_over() || session.containers.is_empty() {
        return None;
    }
    let end = session.terminated_at.unwrap_or(session.status_changed_at);
    let slots = session.slots.times(session.cluster_size);
    Some(StartJob {
        job_id: number(session),
        user: session.user.clone(),
        project: session.tenant.clone(),
        cluster: CLUSTER.to_owned(),
        sub_cluster: None,
        partition: session.scaling_group.clone().unwrap_or_default(),
        array_job_id: 0,
        num_nodes: narrow(session.cluster_size.into()),
        num_hwthreads: narrow(whole(slots.get(CPU))),
        num_acc: accelerators(session),
        sharing: NodeSharing::MultiUser,
        monitoring_status: 1,
        smt: 0,
        state: state_of(session),
        duration: end.saturating_sub(start).max(0) / SECOND,
        walltime: 0,
        start_time: start.div_euclid(SECOND),
        details: JobDetails {
            resources: resources(session),
            requested_memory: whole(slots.get(MEMORY)) / MEGABYTE,
            submit_time: session.created_at.div_euclid(SECOND),
            ..JobDetails::default()
        },
        meta_data: meta_data(session),
        tags: Vec::new(),
    })
}

/// Always the same for one session, so that it is the same job however often its end is told.
fn number(session: &ComputeSession) -> i64 {
    let (_, random) = session.id.as_u64_pair();
    i64::try_from(random & NUMBER).unwrap_or(i64::MAX)
}

/// What came of it. The session says why it ended in the first word of its `status_info` (`api/backendai.md` §3).
fn state_of(session: &ComputeSession) -> JobState {
    if session.result == BatchResult::Success {
        return JobState::Completed;
    }
    let reason = session.status_info.as_deref().unwrap_or_default();
    let is_wanted = session.kind == ComputeSessionType::Interactive;
    match reason.split_whitespace().next().unwrap_or_default() {
        "agent-lost" | "container-lost" => JobState::NodeFail,
        "idle-timeout" => JobState::Timeout,
        // Ended by its owner: an interactive session has no other good end.
        "user-requested" | "force-terminated" if is_wanted => JobState::Completed,
        "user-requested" | "force-terminated" => JobState::Cancelled,
        "self-terminated" if is_wanted && ended_with(session) == Some(0) => JobState::Completed,
        _ if session.status == ComputeSessionStatus::Cancelled => JobState::Cancelled,
        _ => JobState::Failed,
    }
}

/// What the main process of its main container ended with.
fn ended_with(session: &ComputeSession) -> Option<i32> {
    let main = session.containers.iter().find(|main| main.index == 0)?;
    main.exit_code
}

fn resources(session: &ComputeSession) -> Vec<Resource> {
    let containers = session.containers.iter().map(|container| Resource {
        hostname: container.agent.clone(),
        ..Resource::default()
    });
    containers.collect()
}

/// Of any kind. Each container has its own: a share of one is one.
fn accelerators(session: &ComputeSession) -> i32 {
    let slots = session.slots.iter();
    let others = slots.filter(|(slot, _)| ![CPU, MEMORY].contains(slot));
    let each = others.fold(0, |sum: i64, (_, amount)| sum.saturating_add(whole(amount)));
    narrow(each.saturating_mul(session.cluster_size.into()))
}

/// What is there of it, rounded up.
fn whole(amount: Amount) -> i64 {
    i64::try_from(amount.decimal().ceil()).unwrap_or(i64::MAX)
}

fn narrow(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn meta_data(session: &ComputeSession) -> BTreeMap<String, String> {
    let mut known = vec![
        // As ClusterCockpit calls it and shows it.
        ("jobName", Some(session.name.clone())),
        ("jobScript", session.startup_command.clone()),
        ("session_id", Some(session.id.to_string())),
        ("type", Some(session.kind.name().to_owned())),
        ("image", Some(session.image.clone())),
        ("slots", serde_json::to_string(&session.slots).ok()),
        ("tag", session.tag.clone()),
        ("access_key", Some(session.owner.clone())),
        ("result", Some(session.result.name().to_owned())),
        ("reason", session.status_info.clone()),
        (
            "exit_code",
            ended_with(session).map(|code| code.to_string()),
        ),
    ];
    let used = used(session).map(statistics);
    known.extend(
        used.into_iter()
            .flatten()
            .map(|(key, number)| (key, Some(number.to_string()))),
    );
    known
        .into_iter()
        .filter_map(|(key, text)| Some((key.to_owned(), text?)))
        .collect()
}

/// What all containers together have used, if it is known of any.
fn used(session: &ComputeSession) -> Option<Usage> {
    let usages = session
        .containers
        .iter()
        .filter_map(|container| container.usage);
    usages.reduce(|sum, other| Usage {
        cpu_used: sum.cpu_used.saturating_add(other.cpu_used),
        mem_max_bytes: sum.mem_max_bytes.saturating_add(other.mem_max_bytes),
        mem_cur_bytes: sum.mem_cur_bytes.saturating_add(other.mem_cur_bytes),
        net_rx_bytes: sum.net_rx_bytes.saturating_add(other.net_rx_bytes),
        net_tx_bytes: sum.net_tx_bytes.saturating_add(other.net_tx_bytes),
        io_read_bytes: sum.io_read_bytes.saturating_add(other.io_read_bytes),
        io_write_bytes: sum.io_write_bytes.saturating_add(other.io_write_bytes),
        io_max_scratch_size: sum
            .io_max_scratch_size
            .saturating_add(other.io_max_scratch_size),
        io_cur_scratch_size: sum
            .io_cur_scratch_size
            .saturating_add(other.io_cur_scratch_size),
    })
}

/// By the names that clients know (`api/backendai.md` §2, "container stats"); what is there at the moment is nothing afterwards.
fn statistics(usage: Usage) -> [(&'static str, u64); 7] {
    [
        ("cpu_used", usage.cpu_used),
        ("mem_max_bytes", usage.mem_max_bytes),
        ("net_rx_bytes", usage.net_rx_bytes),
        ("net_tx_bytes", usage.net_tx_bytes),
        ("io_read_bytes", usage.io_read_bytes),
        ("io_write_bytes", usage.io_write_bytes),
        ("io_max_scratch_size", usage.io_max_scratch_size),
    ]
}
