//! From the wish for a session until it runs.

use muster_contract::{
    agent::{ClusterPlace, ContainerStart, ContainerStarted, StartContainer},
    node_allocation::{AllocateSlots, SlotsGranted, SlotsQueued, SlotsRefused},
    session::ComputeSessionStatus,
};

use super::Session;
use crate::compute_sessions::domain::{
    container::{Container, hostname},
    limits::{ANSWER_LIMIT, QUEUE_CHECK, after},
    reason,
    turn::{Deed, Turn},
};

impl Session {
    /// Asks for its slots, or asks again.
    pub(crate) fn ask(&mut self, turn: &mut Turn<'_>) {
        if self.status != ComputeSessionStatus::Pending {
            return;
        }
        if self.waits_for_others() && self.status_info.is_some() {
            self.change(turn.now, self.status, None);
        }
        let request = *self.request.get_or_insert_with(|| turn.next_id());
        let wish = &self.wish;
        turn.has_done(Deed::Allocate(Box::new(AllocateSlots {
            request,
            session: self.id,
            tenant: wish.tenant.clone(),
            domain: wish.domain.clone(),
            owner: wish.owner.clone(),
            scaling_group: wish.scaling_group.clone(),
            slots: wish.slots.clone(),
            containers: wish.cluster_size,
            on_one_agent: wish.on_one_agent,
            not_before: wish.starts_at,
        })));
        self.expect_an_answer(turn);
    }

    /// Node allocation is asked again if it is not heard of; late where it has said that the session has to wait.
    fn expect_an_answer(&mut self, turn: &Turn<'_>) {
        if self.status_info.is_none() {
            return self.look_after(turn, ANSWER_LIMIT);
        }
        let from = self.wish.starts_at.unwrap_or(turn.now).max(turn.now);
        self.due_at = Some(after(from, QUEUE_CHECK));
    }

    /// It has to wait for its slots.
    pub(crate) fn queued(&mut self, turn: &Turn<'_>, queued: &SlotsQueued) {
        if self.is_asked(queued.request) {
            self.change(turn.now, self.status, Some(queued.reason.text().to_owned()));
            self.expect_an_answer(turn);
        }
    }

    /// There will be no slots for it.
    pub(crate) fn refuse(&mut self, turn: &mut Turn<'_>, refused: &SlotsRefused) {
        if self.is_asked(refused.request) {
            // Nothing is to be given back.
            self.request = None;
            self.finish(turn, Some(reason::refused(&refused.reason)));
        }
    }

    /// It has slots: its containers are started.
    pub(crate) fn grant(&mut self, turn: &mut Turn<'_>, granted: &SlotsGranted) {
        if !self.is_asked(granted.request) || granted.leases.is_empty() {
            return;
        }
        let info = Some(reason::SCHEDULED.to_owned());
        self.change(turn.now, ComputeSessionStatus::Preparing, info);
        self.look_after(turn, turn.limits.start);
        self.scaling_group = Some(granted.scaling_group.clone());
        self.containers = (0..)
            .zip(&granted.leases)
            .map(|(index, lease)| Container::new(turn, self.id, index, &lease.agent))
            .collect();
        let hostnames: Vec<String> = self
            .containers
            .iter()
            .map(|container| hostname(container.index))
            .collect();
        let addresses: Vec<String> = granted
            .leases
            .iter()
            .map(|lease| lease.address.clone().unwrap_or_default())
            .collect();
        for container in &self.containers {
            let order = self.start_order(turn, container, &hostnames, &addresses);
            let agent = container.agent.clone();
            turn.has_done(Deed::Start(agent, Box::new(order)));
        }
    }

    fn start_order(
        &self,
        turn: &Turn<'_>,
        container: &Container,
        hostnames: &[String],
        addresses: &[String],
    ) -> StartContainer {
        let wish = &self.wish;
        let is_main = container.index == 0;
        StartContainer {
            order: container.order,
            container: container.id,
            session: self.id,
            session_name: wish.name.clone(),
            project: wish.tenant.clone(),
            deadline: after(turn.now, turn.limits.start),
            image: wish.image.clone(),
            // The others run what their image runs.
            startup_command: wish.startup_command.clone().filter(|_| is_main),
            bootstrap_script: wish.bootstrap_script.clone(),
            environ: wish.environ.clone(),
            slots: wish.slots.clone(),
            folders: wish.folders(),
            preopen_ports: wish.preopen_ports.clone(),
            place: ClusterPlace {
                index: container.index,
                hostname: hostname(container.index),
                hostnames: hostnames.to_vec(),
                agents: self
                    .containers
                    .iter()
                    .map(|container| container.agent.clone())
                    .collect(),
                addresses: addresses.to_vec(),
            },
        }
    }

    /// What became of the start, or the start anew, of one of its containers.
    pub(crate) fn started(&mut self, turn: &mut Turn<'_>, agent: &str, report: &ContainerStarted) {
        let is_meant = |container: &&mut Container| {
            container.id == report.container && container.agent == agent
        };
        let Some(container) = self.containers.iter_mut().find(is_meant) else {
            return;
        };
        if container.order != report.order || !container.is_starting() {
            return;
        }
        match &report.result {
            ContainerStart::Running {
                host,
                service_ports,
            } => {
                container.run(turn.now, host, service_ports);
                self.run_if_all_do(turn.now);
            }
            ContainerStart::Failed { reason } => {
                let info = if self.status == ComputeSessionStatus::Restarting {
                    reason::failed_to_restart(reason)
                } else {
                    reason::failed_to_start(reason)
                };
                container.end(turn.now, Some(&info));
                self.begin_to_end(turn, &info, false);
            }
        }
    }

    /// It runs as soon as no start is waited for any more.
    pub(super) fn run_if_all_do(&mut self, now: i64) {
        let is_starting = matches!(
            self.status,
            ComputeSessionStatus::Preparing | ComputeSessionStatus::Restarting
        );
        if is_starting && !self.containers.iter().any(Container::is_starting) {
            self.run(now);
        }
    }

    /// Whether it waits for the answer to this request.
    pub(crate) fn is_asked(&self, request: uuid::Uuid) -> bool {
        self.status == ComputeSessionStatus::Pending && self.request == Some(request)
    }
}
