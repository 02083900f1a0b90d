//! A compute session: what may happen to it in which status, and what becomes of it.
//!
//! ```text
//! PENDING -> PREPARING -> RUNNING <-> RESTARTING
//!    |           |           |            |
//!    |           +-----------+------------+--> TERMINATING -> TERMINATED (it ran) | CANCELLED (it did not)
//!    +-> CANCELLED
//! ```
//! Each status has a way out that its owner, its agents or time can take. What happens is in the files below; each takes a
//! [`Turn`](super::turn::Turn), and what is late, early or double changes nothing.

mod due;
mod ending;
mod restarting;
mod starting;

use std::sync::Arc;

use muster_contract::{
    node_allocation::ReleaseSlots,
    session::{BatchResult, ComputeSession, ComputeSessionStatus},
};
use uuid::Uuid;

use super::{
    container::Container,
    limits::after,
    reason,
    turn::{Deed, Turn},
    wish::Wish,
};

/// A compute session. Moments are microseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) id: Uuid,
    pub(crate) wish: Arc<Wish>,
    pub(crate) status: ComputeSessionStatus,
    pub(crate) status_info: Option<String>,
    pub(crate) status_changed_at: i64,
    pub(crate) created_at: i64,
    pub(crate) started_at: Option<i64>,
    pub(crate) terminated_at: Option<i64>,
    pub(crate) result: BatchResult,
    /// Where its agents are, once it has slots.
    pub(crate) scaling_group: Option<String>,
    pub(crate) queries: i64,
    /// When it was used last.
    pub(crate) active_at: i64,
    /// What node allocation was asked; `None` as long as it waits for others.
    pub(crate) request: Option<Uuid>,
    /// When it has to be looked at if nothing is heard.
    pub(crate) due_at: Option<i64>,
    /// How often the end of its containers was ordered.
    pub(crate) stop_attempts: u32,
    /// In order.
    pub(crate) containers: Vec<Container>,
}

impl Session {
    /// A new one. It waits for others that it depends on, or it is to be asked for at once.
    pub(crate) fn new(id: Uuid, wish: Wish, waits: bool, now: i64) -> Self {
        Self {
            id,
            wish: Arc::new(wish),
            status: ComputeSessionStatus::Pending,
            status_info: waits.then(|| reason::DEPENDENCIES.to_owned()),
            status_changed_at: now,
            created_at: now,
            started_at: None,
            terminated_at: None,
            result: BatchResult::Undefined,
            scaling_group: None,
            queries: 0,
            active_at: now,
            request: None,
            due_at: None,
            stop_attempts: 0,
            containers: Vec::new(),
        }
    }

    /// Whether it waits for those that it depends on.
    pub(crate) fn waits_for_others(&self) -> bool {
        self.status == ComputeSessionStatus::Pending && self.request.is_none()
    }

    /// Whether it is known that it can be had.
    pub(crate) fn is_known(&self) -> bool {
        self.status != ComputeSessionStatus::Pending || self.status_info.is_some()
    }

    /// Whether it is over, and what waited for it may begin; `None` = it is not over.
    pub(crate) fn has_succeeded(&self) -> Option<bool> {
        match self.status {
            ComputeSessionStatus::Terminated => {
                Some(!self.wish.is_batch() || self.result == BatchResult::Success)
            }
            ComputeSessionStatus::Cancelled => Some(false),
            _ => None,
        }
    }

    /// Somebody looks at it or uses it. `false`: it does not run, and cannot be used.
    pub(crate) fn use_it(&mut self, turn: &Turn<'_>, is_activity: bool) -> bool {
        if is_activity && self.status != ComputeSessionStatus::Running {
            return false;
        }
        self.queries = self.queries.saturating_add(1);
        if is_activity {
            self.be_active(turn.now);
        }
        true
    }

    /// All its containers are there.
    fn run(&mut self, now: i64) {
        self.change(now, ComputeSessionStatus::Running, None);
        self.started_at.get_or_insert(now);
        self.be_active(now);
    }

    /// Its time without use begins anew.
    fn be_active(&mut self, now: i64) {
        self.active_at = now;
        self.due_at = self.idle_from();
    }

    /// From when it has not been used for too long.
    fn idle_from(&self) -> Option<i64> {
        let timeout = self.wish.idle_timeout.filter(|_| !self.wish.is_batch())?;
        Some(self.active_at.saturating_add(timeout))
    }

    /// It comes to another status, or has another reason to be where it is.
    fn change(&mut self, now: i64, status: ComputeSessionStatus, info: Option<String>) {
        self.status = status;
        self.status_info = info;
        self.status_changed_at = now;
    }

    /// It is over. Its slots go back, if they were asked for.
    fn finish(&mut self, turn: &mut Turn<'_>, info: Option<String>) {
        let status = if self.started_at.is_some() {
            ComputeSessionStatus::Terminated
        } else {
            ComputeSessionStatus::Cancelled
        };
        if self.wish.is_batch()
            && self.started_at.is_some()
            && self.result == BatchResult::Undefined
        {
            self.result = BatchResult::Failure;
        }
        self.change(turn.now, status, info);
        self.terminated_at = Some(turn.now);
        self.due_at = None;
        if self.request.is_some() {
            turn.has_done(Deed::Release(ReleaseSlots {
                session: self.id,
                tenant: self.wish.tenant.clone(),
            }));
        }
    }

    /// It has to be looked at so long after now.
    fn look_after(&mut self, turn: &Turn<'_>, duration: std::time::Duration) {
        self.due_at = Some(after(turn.now, duration));
    }

    /// As its owner sees it.
    pub(crate) fn shown(&self) -> ComputeSession {
        let wish = &self.wish;
        ComputeSession {
            id: self.id,
            name: wish.name.clone(),
            kind: wish.kind,
            image: wish.image.name.clone(),
            tag: wish.tag.clone(),
            domain: wish.domain.clone(),
            tenant: wish.tenant.clone(),
            user: wish.user.clone(),
            owner: wish.owner.clone(),
            status: self.status,
            status_info: self.status_info.clone(),
            status_changed_at: self.status_changed_at,
            created_at: self.created_at,
            started_at: self.started_at,
            terminated_at: self.terminated_at,
            starts_at: wish.starts_at,
            result: self.result,
            startup_command: wish.startup_command.clone(),
            environ: wish.environ.clone(),
            mounts: wish.mounts.clone(),
            resource_options: wish.resource_options.clone(),
            scaling_group: self.scaling_group.clone(),
            slots: wish.slots.clone(),
            cluster_size: wish.cluster_size,
            on_one_agent: wish.on_one_agent,
            preopen_ports: wish.preopen_ports.clone(),
            queries: self.queries,
            dependencies: wish.dependencies.clone(),
            containers: self.containers.iter().map(Container::shown).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
