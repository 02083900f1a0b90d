//! A session of two containers, for tests.

use std::collections::BTreeMap;

use muster_contract::agent::{ServicePort, ServiceProtocol, Usage};
use muster_contract::session::{
    BatchResult, ComputeContainer, ComputeSession, ComputeSessionStatus, ComputeSessionType,
    ContainerRole,
};
use muster_contract::{Amount, ResourceSlots};
use uuid::Uuid;

/// Runs since second 10.
pub(crate) fn session() -> ComputeSession {
    ComputeSession {
        id: Uuid::from_u128(7),
        name: "mysess-01".to_owned(),
        kind: ComputeSessionType::Interactive,
        image: "python:3.11".to_owned(),
        tag: None,
        domain: "default".to_owned(),
        tenant: "demo".to_owned(),
        user: "alice".to_owned(),
        owner: "AK".to_owned(),
        status: ComputeSessionStatus::Running,
        status_info: None,
        status_changed_at: 10_000_000,
        created_at: 5_000_000,
        started_at: Some(10_000_000),
        terminated_at: None,
        starts_at: None,
        result: BatchResult::Undefined,
        startup_command: None,
        environ: BTreeMap::from([("A".to_owned(), "B".to_owned())]),
        mounts: Vec::new(),
        resource_options: BTreeMap::new(),
        scaling_group: Some("default".to_owned()),
        slots: ResourceSlots::from_iter([
            ("cpu".to_owned(), Amount::from(1)),
            ("mem".to_owned(), Amount::from(536_870_912)),
        ]),
        cluster_size: 2,
        on_one_agent: false,
        preopen_ports: Vec::new(),
        queries: 3,
        dependencies: Vec::new(),
        containers: vec![container(0), container(1)],
    }
}

fn container(index: u32) -> ComputeContainer {
    ComputeContainer {
        id: Uuid::from_u128(70 + u128::from(index)),
        index,
        role: if index == 0 {
            ContainerRole::Main
        } else {
            ContainerRole::Sub
        },
        hostname: format!("c{index}"),
        agent: "local".to_owned(),
        status: ComputeSessionStatus::Running,
        status_info: None,
        status_changed_at: 10_000_000,
        started_at: Some(10_000_000),
        terminated_at: None,
        host: Some("127.0.0.1".to_owned()),
        service_ports: vec![ServicePort {
            name: "http".to_owned(),
            protocol: ServiceProtocol::Http,
            container_port: 8000,
            host_port: 40_000,
        }],
        exit_code: None,
        usage: Some(Usage {
            cpu_used: 10 + 10 * u64::from(index),
            ..Usage::default()
        }),
    }
}
