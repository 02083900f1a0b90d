use std::{collections::BTreeMap, sync::Arc};

use muster_contract::{
    ResourceSlots,
    agent::{ContainerUsage, ContainersUsage, Usage},
    job_archive::{Job, JobState, ListJobs},
    session::{
        BatchResult, ComputeContainer, ComputeSession, ComputeSessionStatus, ComputeSessionType,
        ContainerRole,
    },
};
use muster_platform::{Ids as _, RandomIds, Timestamp};
use muster_storage::Database;
use muster_testkit::TemporaryDirectory;
use proptest::prelude::*;

use super::*;
use crate::{
    ArchiveFiles, ArchivePlace, archive_backlog as backlog,
    domain::job_data::MetricScope,
    metrics::{
        agents::{ContainerMetrics, DESCRIPTION},
        measuring::MetricStore,
    },
    queries::list_jobs::list_jobs,
    testing::{NOON, everything, on_both_engines, principal, token},
    work_off,
};

const SECOND: i64 = 1_000_000;

fn moment(second: i64) -> i64 {
    (NOON + second) * SECOND
}

fn container(index: u32, usage: Usage, exit_code: Option<i32>) -> ComputeContainer {
    ComputeContainer {
        id: RandomIds.next(),
        index,
        role: if index == 0 {
            ContainerRole::Main
        } else {
            ContainerRole::Sub
        },
        hostname: format!("host{index}"),
        agent: format!("agent{index}"),
        status: ComputeSessionStatus::Terminated,
        status_info: None,
        status_changed_at: moment(90),
        started_at: Some(moment(30)),
        terminated_at: Some(moment(90)),
        host: Some("127.0.0.1".to_owned()),
        service_ports: Vec::new(),
        exit_code,
        usage: Some(usage),
    }
}

/// A session of two containers that ran for a minute and was ended by its owner.
fn over() -> ComputeSession {
    let used = |cpu_used| Usage {
        cpu_used,
        mem_max_bytes: 1_000,
        ..Usage::default()
    };
    ComputeSession {
        id: RandomIds.next(),
        name: "mysess-01".to_owned(),
        kind: ComputeSessionType::Interactive,
        image: "python:3.11".to_owned(),
        tag: Some("t".to_owned()),
        domain: "default".to_owned(),
        tenant: "demo".to_owned(),
        user: "alice".to_owned(),
        owner: "AKALICE".to_owned(),
        status: ComputeSessionStatus::Terminated,
        status_info: Some("user-requested".to_owned()),
        status_changed_at: moment(91),
        created_at: moment(20),
        started_at: Some(moment(30)),
        terminated_at: Some(moment(90)),
        starts_at: None,
        result: BatchResult::Undefined,
        startup_command: None,
        environ: BTreeMap::new(),
        mounts: Vec::new(),
        resource_options: BTreeMap::new(),
        scaling_group: Some("gpu".to_owned()),
        slots: [("cpu", "1.5"), ("mem", "536870912"), ("cuda.shares", "0.5")]
            .map(|(slot, amount)| (slot.to_owned(), amount.parse().unwrap()))
            .into_iter()
            .collect(),
        cluster_size: 2,
        on_one_agent: false,
        preopen_ports: Vec::new(),
        queries: 3,
        dependencies: Vec::new(),
        containers: vec![
            container(0, used(700), Some(143)),
            container(1, used(300), None),
        ],
    }
}

async fn take(database: &Database, sessions: &[ComputeSession]) {
    let mut transaction = database.begin().await.unwrap();
    let events: Vec<ComputeSessionChanged> = sessions
        .iter()
        .map(|session| ComputeSessionChanged {
            session: session.clone(),
        })
        .collect();
    let events: Vec<&ComputeSessionChanged> = events.iter().collect();
    compute_sessions_changed(&mut transaction, &events)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

async fn listed(database: &Database, tenant: &str) -> Vec<Job> {
    let now = Timestamp::from_seconds(NOON + 1_000);
    let caller = principal("token", tenant, &token().roles);
    let question = ListJobs {
        with_meta_data: true,
        cluster: Some(CLUSTER.to_owned()),
        ..everything()
    };
    let jobs = list_jobs(database, now, &caller, question).await.unwrap();
    jobs.unwrap()
}

on_both_engines! {
    async fn a_session_that_ran_is_a_job_of_its_tenant_once(database) {
        let session = over();
        let mut running = session.clone();
        running.status = ComputeSessionStatus::Running;
        running.terminated_at = None;
        take(database, &[running, session.clone(), session.clone()]).await;
        take(database, std::slice::from_ref(&session)).await;
        let jobs = listed(database, "demo").await;
        let [job] = jobs.as_slice() else {
            panic!("{jobs:#?}")
        };
        assert_eq!((job.state, job.start_time, job.duration), (JobState::Completed, NOON + 30, 60));
        let names = (job.user.as_str(), job.project.as_str(), job.sub_cluster.as_str(), job.partition.as_str());
        assert_eq!(names, ("alice", "demo", "compute", "gpu"));
        assert_eq!((job.num_nodes, job.num_hwthreads, job.num_acc), (2, 3, 2));
        assert_eq!((job.details.requested_memory, job.details.submit_time), (1_073, NOON + 20));
        let hosts: Vec<&str> = job.details.resources.iter().map(|node| node.hostname.as_str()).collect();
        assert_eq!(hosts, ["agent0", "agent1"]);
        let meta_data = job.meta_data.as_ref().unwrap();
        let id = session.id.to_string();
        for (key, text) in [
            ("jobName", "mysess-01"),
            ("session_id", id.as_str()),
            ("image", "python:3.11"),
            ("tag", "t"),
            ("access_key", "AKALICE"),
            ("reason", "user-requested"),
            ("exit_code", "143"),
            ("slots", r#"{"cpu":"1.5","cuda.shares":"0.5","mem":"536870912"}"#),
            ("cpu_used", "1000"),
            ("mem_max_bytes", "2000"),
        ] {
            assert_eq!(meta_data[key], text, "{key}");
        }
        assert!(listed(database, "other").await.is_empty());
    }

    async fn what_never_ran_and_what_is_not_over_is_no_job(database) {
        let cancelled = ComputeSession {
            status: ComputeSessionStatus::Cancelled,
            started_at: None,
            containers: Vec::new(),
            ..over()
        };
        let alive = ComputeSessionStatus::ALL.into_iter().filter(|status| !status.is_over());
        let mut sessions: Vec<ComputeSession> = alive.map(|status| ComputeSession { status, ..over() }).collect();
        sessions.push(cancelled);
        take(database, &sessions).await;
        assert!(listed(database, "demo").await.is_empty());
    }

    async fn it_is_archived_with_what_its_agents_said(database) {
        const MINUTE: i64 = 60;
        let mut session = over();
        session.terminated_at = Some(moment(30 + 5 * MINUTE));
        let metrics = ContainerMetrics::default();
        // Half a processor on the first agent, and nothing is heard of the second.
        for second in (0..=6 * MINUTE).step_by(10) {
            let usage = Usage {
                cpu_used: u64::try_from(second).unwrap() * 500,
                mem_cur_bytes: 4_096,
                ..Usage::default()
            };
            let said = ContainersUsage {
                containers: vec![ContainerUsage { container: session.containers[0].id, usage }],
            };
            let heard = [("agent0".to_owned(), said, NOON + second)];
            let mut transaction = database.begin().await.unwrap();
            metrics.take(&mut transaction, heard, Timestamp::from_seconds(NOON + second)).await.unwrap();
            transaction.commit().await.unwrap();
        }
        let place = TemporaryDirectory::new("archive").unwrap();
        let files = ArchiveFiles::open(ArchivePlace::Directory(place.path().to_owned())).unwrap();
        let store = MetricStore::new(database.clone(), &[DESCRIPTION.to_owned()]);
        take(database, std::slice::from_ref(&session)).await;
        assert_eq!(backlog(database).await.unwrap(), 1);
        work_off(database, &files, Arc::new(store), 1).await.unwrap();
        // Told again, it is not written again.
        take(database, std::slice::from_ref(&session)).await;
        assert_eq!(backlog(database).await.unwrap(), 0);

        let [job] = listed(database, "demo").await.try_into().unwrap();
        assert_eq!(job.monitoring_status, 3);
        assert!(job.details.statistics.contains_key("cpu_load"), "{:?}", job.details.statistics);
        let key = JobKey { cluster: CLUSTER.to_owned(), job_id: job.job_id, start_time: job.start_time };
        let meta: serde_json::Value = serde_json::from_slice(&files.read_meta(&key).await.unwrap().unwrap()).unwrap();
        assert_eq!(meta["statistics"]["cpu_load"]["max"], 0.5);
        assert_eq!(meta["statistics"]["mem_used"]["avg"], 4_096.0);
        assert_eq!(meta["metaData"]["jobName"], "mysess-01");
        let data = files.read_data(&key).await.unwrap().unwrap();
        let load = &data.metrics["cpu_load"][&MetricScope::Node];
        let series: Vec<_> = load.series.iter().map(|one| (one.hostname.as_str(), one.data.iter().flatten().count())).collect();
        assert_eq!(load.timestep, MINUTE);
        assert_eq!(series, [("agent0", 5)]);
        assert!(load.series[0].data.iter().flatten().all(|load| (load - 0.5).abs() < 0.01), "{load:?}");
    }

    async fn sessions_of_one_name_are_jobs_of_their_own(database) {
        let sessions: Vec<ComputeSession> = (0..20).map(|_| over()).collect();
        take(database, &sessions).await;
        assert_eq!(listed(database, "demo").await.len(), sessions.len());
    }
}

#[test]
fn what_came_of_it() {
    use BatchResult::{Failure, Success, Undefined};
    use ComputeSessionType::{Batch, Interactive};
    for (kind, result, reason, code, state) in [
        (Batch, Success, "self-terminated", 0, JobState::Completed),
        (Batch, Success, "agent-lost", 0, JobState::Completed),
        (Batch, Failure, "self-terminated", 1, JobState::Failed),
        (Batch, Failure, "user-requested", 143, JobState::Cancelled),
        (Batch, Undefined, "user-requested", 143, JobState::Cancelled),
        (
            Batch,
            Undefined,
            "force-terminated",
            137,
            JobState::Cancelled,
        ),
        (
            Interactive,
            Undefined,
            "container-lost",
            1,
            JobState::NodeFail,
        ),
        (
            Interactive,
            Undefined,
            "user-requested",
            143,
            JobState::Completed,
        ),
        (
            Interactive,
            Undefined,
            "self-terminated",
            0,
            JobState::Completed,
        ),
        (
            Interactive,
            Undefined,
            "self-terminated",
            137,
            JobState::Failed,
        ),
        (
            Interactive,
            Undefined,
            "idle-timeout",
            143,
            JobState::Timeout,
        ),
        (
            Interactive,
            Undefined,
            "agent-lost",
            143,
            JobState::NodeFail,
        ),
        (
            Interactive,
            Undefined,
            "failed-to-restart (no port)",
            1,
            JobState::Failed,
        ),
        (Interactive, Undefined, "stop-timeout", 1, JobState::Failed),
    ] {
        let mut session = ComputeSession {
            kind,
            result,
            status_info: Some(reason.to_owned()),
            ..over()
        };
        session.containers[0].exit_code = Some(code);
        let job = job_of(&session).unwrap();
        assert_eq!(job.state, state, "{kind:?} {result:?} {reason} {code}");
    }
}

proptest! {
    /// Whatever a session has, its job can be told in numbers that every client reads exactly.
    #[test]
    fn numbers_have_bounds(cpu in 0_u64.., count in 1_u32.., ends in any::<[i64; 2]>()) {
        let slots: ResourceSlots = [("cpu".to_owned(), cpu.into()), ("x".to_owned(), cpu.into())].into_iter().collect();
        let session = ComputeSession { slots, cluster_size: count, started_at: Some(ends[0]), terminated_at: Some(ends[1]), ..over() };
        let job = job_of(&session).unwrap();
        prop_assert!((0..1 << 53).contains(&job.job_id));
        prop_assert!(job.num_hwthreads >= 0 && job.num_acc >= 0 && job.num_nodes > 0 && job.duration >= 0);
        prop_assert_eq!(job_of(&session).unwrap().job_id, job.job_id);
    }
}
