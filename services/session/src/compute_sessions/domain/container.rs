//! A container of a session.

use muster_contract::{
    agent::{ServicePort, Usage},
    session::{ComputeContainer, ComputeSessionStatus, ContainerRole},
};
use uuid::Uuid;

use super::{reason::storable, turn::Turn};

/// A container of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) id: Uuid,
    /// Counted from 0; 0 is the main one.
    pub(crate) index: u32,
    pub(crate) agent: String,
    pub(crate) status: ComputeSessionStatus,
    pub(crate) status_info: Option<String>,
    pub(crate) status_changed_at: i64,
    pub(crate) started_at: Option<i64>,
    pub(crate) terminated_at: Option<i64>,
    pub(crate) host: Option<String>,
    pub(crate) service_ports: Vec<ServicePort>,
    pub(crate) exit_code: Option<i32>,
    pub(crate) usage: Option<Usage>,
    /// The last order that its agent got.
    pub(crate) order: Uuid,
}

impl Container {
    /// One that its agent is about to be told of. The main one has the id of its session (seed 3).
    pub(super) fn new(turn: &Turn<'_>, session: Uuid, index: u32, agent: &str) -> Self {
        Self {
            id: if index == 0 { session } else { turn.next_id() },
            index,
            agent: agent.to_owned(),
            status: ComputeSessionStatus::Preparing,
            status_info: None,
            status_changed_at: turn.now,
            started_at: None,
            terminated_at: None,
            host: None,
            service_ports: Vec::new(),
            exit_code: None,
            usage: None,
            order: turn.next_id(),
        }
    }

    /// Whether something of it may be there.
    pub(crate) fn is_live(&self) -> bool {
        !self.status.is_over()
    }

    /// Whether its start, or its start anew, is waited for.
    pub(super) fn is_starting(&self) -> bool {
        matches!(
            self.status,
            ComputeSessionStatus::Preparing | ComputeSessionStatus::Restarting
        )
    }

    /// It is there.
    pub(super) fn run(&mut self, now: i64, host: &str, service_ports: &[ServicePort]) {
        self.change(now, ComputeSessionStatus::Running, None);
        self.started_at.get_or_insert(now);
        self.host = Some(storable(host));
        self.service_ports = service_ports.to_vec();
    }

    /// Nothing of it is there any more.
    pub(super) fn end(&mut self, now: i64, info: Option<&str>) {
        let status = if self.started_at.is_some() {
            ComputeSessionStatus::Terminated
        } else {
            ComputeSessionStatus::Cancelled
        };
        let info = info.map(str::to_owned).or_else(|| self.status_info.take());
        self.change(now, status, info);
        self.terminated_at = Some(now);
    }

    /// It comes to another status.
    pub(super) fn change(
        &mut self,
        now: i64,
        status: ComputeSessionStatus,
        status_info: Option<String>,
    ) {
        self.status = status;
        self.status_info = status_info;
        self.status_changed_at = now;
    }

    /// As its owner sees it.
    pub(crate) fn shown(&self) -> ComputeContainer {
        ComputeContainer {
            id: self.id,
            index: self.index,
            role: role(self.index),
            hostname: hostname(self.index),
            agent: self.agent.clone(),
            status: self.status,
            status_info: self.status_info.clone(),
            status_changed_at: self.status_changed_at,
            started_at: self.started_at,
            terminated_at: self.terminated_at,
            host: self.host.clone(),
            service_ports: self.service_ports.clone(),
            exit_code: self.exit_code,
            usage: self.usage,
        }
    }
}

const fn role(index: u32) -> ContainerRole {
    if index == 0 {
        ContainerRole::Main
    } else {
        ContainerRole::Sub
    }
}

/// The name of a container among those of its session: `main1`, `sub1`, `sub2` and so on.
pub(super) fn hostname(index: u32) -> String {
    match index {
        0 => "main1".to_owned(),
        index => format!("sub{index}"),
    }
}
