//! How sessions end: destroyed, by themselves, with their agents.

use muster_contract::{
    agent::{ContainerEnd, ContainerEnded, StopContainer},
    session::{BatchResult, ComputeSessionStatus},
};
use uuid::Uuid;

use super::Session;
use crate::compute_sessions::domain::{
    container::Container,
    reason,
    turn::{Deed, Turn},
};

impl Session {
    /// Ends it, wherever in its life it is. `forced`: without waiting for its agents.
    pub(crate) fn destroy(&mut self, turn: &mut Turn<'_>, forced: bool) {
        match self.status {
            ComputeSessionStatus::Terminated | ComputeSessionStatus::Cancelled => {}
            ComputeSessionStatus::Pending => {
                self.finish(turn, Some(reason::USER_REQUESTED.to_owned()));
            }
            ComputeSessionStatus::Terminating if !forced => {}
            _ if forced => self.begin_to_end(turn, reason::FORCE_TERMINATED, true),
            _ => self.begin_to_end(turn, reason::USER_REQUESTED, false),
        }
    }

    /// One that it depends on came to nothing.
    pub(crate) fn give_up(&mut self, turn: &mut Turn<'_>) {
        if self.waits_for_others() {
            self.finish(turn, Some(reason::DEPENDENCY_FAILED.to_owned()));
        }
    }

    /// Has its containers ended. `forced`: nobody waits for that, and it is over.
    pub(super) fn begin_to_end(&mut self, turn: &mut Turn<'_>, info: &str, forced: bool) {
        self.change(
            turn.now,
            ComputeSessionStatus::Terminating,
            Some(info.to_owned()),
        );
        for container in &mut self.containers {
            if container.is_live() {
                let info = Some(info.to_owned());
                container.change(turn.now, ComputeSessionStatus::Terminating, info);
            }
        }
        self.stop_attempts = 0;
        self.order_stops(turn, forced);
        if forced {
            self.end_containers(turn.now, info);
        }
        self.finish_if_all_are_over(turn);
    }

    /// Orders the end of those containers that are not over.
    pub(super) fn order_stops(&mut self, turn: &mut Turn<'_>, forced: bool) {
        self.stop_attempts += 1;
        self.look_after(turn, turn.limits.stop);
        for container in &mut self.containers {
            if container.is_live() {
                container.order = turn.next_id();
                stop(turn, self.id, container, container.order, forced);
            }
        }
    }

    /// Takes all containers for over.
    pub(super) fn end_containers(&mut self, now: i64, info: &str) {
        for container in &mut self.containers {
            if container.is_live() {
                container.end(now, Some(info));
            }
        }
    }

    pub(super) fn finish_if_all_are_over(&mut self, turn: &mut Turn<'_>) {
        if !self.containers.iter().any(Container::is_live) {
            let info = self.status_info.clone();
            self.finish(turn, info);
        }
    }

    /// One of its containers is over. `false`: it is not of this session, or of another agent.
    pub(crate) fn ended(
        &mut self,
        turn: &mut Turn<'_>,
        agent: &str,
        report: &ContainerEnded,
    ) -> bool {
        let is_meant = |container: &&mut Container| {
            container.id == report.container && container.agent == agent
        };
        let Some(container) = self.containers.iter_mut().find(is_meant) else {
            return false;
        };
        container.usage = report.usage.or(container.usage);
        if let ContainerEnd::Exited { code } = report.end {
            container.exit_code.get_or_insert(code);
        }
        match container.status {
            // Late, after the session was over without it.
            ComputeSessionStatus::Terminated | ComputeSessionStatus::Cancelled => {}
            ComputeSessionStatus::Terminating => {
                container.end(turn.now, None);
                let is_main = container.index == 0;
                if let ContainerEnd::Exited { code } = report.end
                    && is_main
                {
                    // It came to its end before it was ended.
                    self.come_to_result(code);
                }
                self.finish_if_all_are_over(turn);
            }
            _ => self.ended_by_itself(turn, report),
        }
        true
    }

    /// A container is over that was not to end.
    fn ended_by_itself(&mut self, turn: &mut Turn<'_>, report: &ContainerEnded) {
        let is_batch = self.wish.is_batch();
        let was_starting = self.status == ComputeSessionStatus::Preparing;
        let is_it = |container: &&mut Container| container.id == report.container;
        let Some(container) = self.containers.iter_mut().find(is_it) else {
            return;
        };
        let is_main = container.index == 0;
        if self.status == ComputeSessionStatus::Restarting {
            // Its start anew may be on its way behind this.
            let order = turn.next_id();
            stop(turn, self.id, container, order, false);
        }
        let (info, code) = match report.end {
            ContainerEnd::Exited { code } if is_batch || !was_starting => {
                // It has run, even if the word of its start comes later.
                container.started_at.get_or_insert(turn.now);
                (reason::SELF_TERMINATED.to_owned(), Some(code))
            }
            ContainerEnd::Exited { code } => {
                let reason = format!("it ended with {code}");
                (reason::failed_to_start(&reason), None)
            }
            ContainerEnd::Stopped | ContainerEnd::Unknown => {
                (reason::CONTAINER_LOST.to_owned(), None)
            }
        };
        container.end(turn.now, Some(&info));
        match code {
            // The others of a batch may be done with their part before the main one is.
            Some(_) if is_batch && !is_main => return self.run_if_all_do(turn.now),
            Some(code) if is_batch => {
                self.started_at.get_or_insert(turn.now);
                self.come_to_result(code);
            }
            _ => {}
        }
        self.begin_to_end(turn, &info, false);
    }

    /// The command of a batch session has come to its end.
    fn come_to_result(&mut self, code: i32) {
        if self.wish.is_batch() {
            self.result = if code == 0 {
                BatchResult::Success
            } else {
                BatchResult::Failure
            };
        }
    }

    /// An agent is gone, and its containers with it. It is told to end them, for when it comes back.
    pub(crate) fn lose(&mut self, turn: &mut Turn<'_>, agent: &str) {
        match self.status {
            ComputeSessionStatus::Terminated | ComputeSessionStatus::Cancelled => return,
            ComputeSessionStatus::Pending => {
                // The grant is on its way behind this, and is worth nothing any more.
                if self.request.is_some() {
                    self.finish(turn, Some(reason::AGENT_LOST.to_owned()));
                }
                return;
            }
            _ => {}
        }
        let mut is_hit = false;
        for container in &mut self.containers {
            if container.agent == agent && container.is_live() {
                is_hit = true;
                let order = turn.next_id();
                stop(turn, self.id, container, order, false);
                container.end(turn.now, Some(reason::AGENT_LOST));
            }
        }
        if !is_hit {
            return;
        }
        if self.status == ComputeSessionStatus::Terminating {
            self.finish_if_all_are_over(turn);
        } else {
            self.begin_to_end(turn, reason::AGENT_LOST, false);
        }
    }
}

fn stop(turn: &mut Turn<'_>, session: Uuid, container: &Container, order: Uuid, forced: bool) {
    let stop = StopContainer {
        order,
        container: container.id,
        session: Some(session),
        forced,
    };
    turn.has_done(Deed::Stop(container.agent.clone(), stop));
}
