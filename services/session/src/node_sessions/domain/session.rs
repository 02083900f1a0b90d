//! A node session: what may be done to it in which state, and what becomes of it.
//!
//! ```text
//! opening -> active -> held          (its nodes are kept for a look)
//!    |          |        |
//!    |          +--------+---> closing -> closed
//!    +-> refused                ^
//!    +--------------------------+
//! ```
//! Each state has a way out that its owner, time or a job can take; `closed` and `refused` are the end.

use muster_contract::{
    agent::SessionHook,
    node_allocation::LeasedNode,
    session::{
        EndReason, JobReference, NewExpiry, NodeSession, NodeSessionRefusal, NodeSessionState,
    },
};

use super::{expiry, hook::Hook};

/// A node that a session holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeldNode {
    /// The lease.
    pub(crate) lease: LeasedNode,
    /// From when its pool's limits of life count: microseconds since 1970 UTC.
    pub(crate) counted_from: i64,
}

/// A node session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) number: i64,
    pub(crate) tenant: String,
    pub(crate) alias: Option<String>,
    pub(crate) state: NodeSessionState,
    pub(crate) job: Option<JobReference>,
    pub(crate) created_at: i64,
    pub(crate) expires_at: Option<i64>,
    pub(crate) ended_at: Option<i64>,
    /// Set as soon as it is known why it will end.
    pub(crate) end_reason: Option<EndReason>,
    /// Those it holds; of one that ended those that it held last.
    pub(crate) nodes: Vec<HeldNode>,
    /// What is done to set it up and to tear it down; one at most of each kind.
    pub(crate) hooks: Vec<Hook>,
}

impl Session {
    /// Whether it has not ended.
    pub(crate) fn is_live(&self) -> bool {
        self.ended_at.is_none()
    }

    /// More nodes may be asked for.
    pub(crate) fn check_growth(&self) -> Result<(), NodeSessionRefusal> {
        self.require(self.state == NodeSessionState::Active)
    }

    /// Its first nodes, or more of them, have come. `None`: it is on its way out and takes nothing. A session that is held takes what was on its way to it before: node allocation grants it no more.
    pub(crate) fn grant(&mut self, leases: &[LeasedNode], counted_from: i64) -> Option<()> {
        match self.state {
            NodeSessionState::Opening => self.state = NodeSessionState::Active,
            NodeSessionState::Active | NodeSessionState::Held => {}
            NodeSessionState::Closing | NodeSessionState::Closed | NodeSessionState::Refused => {
                return None;
            }
        }
        let mut new: Vec<HeldNode> = Vec::with_capacity(leases.len());
        for lease in leases {
            let is_same = |held: &HeldNode| {
                held.lease.id == lease.id && held.lease.generation == lease.generation
            };
            if !self.nodes.iter().chain(&new).any(is_same) {
                new.push(HeldNode {
                    lease: lease.clone(),
                    counted_from,
                });
            }
        }
        if self.job.is_none() {
            self.expires_at = expiry::with_new_nodes(self.expires_at, &self.nodes, &new);
        }
        self.nodes.extend(new);
        Some(())
    }

    /// It can be used, without any node yet. `None`: it is on its way out, or was in use before.
    pub(crate) fn activate(&mut self) -> Option<()> {
        if self.state != NodeSessionState::Opening {
            return None;
        }
        self.state = NodeSessionState::Active;
        Some(())
    }

    /// Its set-up failed, or there are no first nodes for it.
    pub(crate) fn refuse(&mut self, now: i64) -> Option<()> {
        if self.state != NodeSessionState::Opening {
            return None;
        }
        self.state = NodeSessionState::Refused;
        self.ended_at = Some(now);
        Some(())
    }

    /// Whether it holds the node by a lease of this generation.
    pub(crate) fn holds(&self, node: i64, generation: i64) -> bool {
        self.nodes
            .iter()
            .any(|held| held.lease.id == node && held.lease.generation == generation)
    }

    /// One node may be taken out.
    pub(crate) fn check_shrink(&self) -> Result<(), NodeSessionRefusal> {
        let state = self.state;
        self.require(matches!(
            state,
            NodeSessionState::Active | NodeSessionState::Held
        ))
    }

    /// Takes the node of that name out. A session without nodes does not expire.
    pub(crate) fn take_out(&mut self, hostname: &str) -> Option<LeasedNode> {
        let has_name = |node: &HeldNode| node.lease.hostname == hostname;
        let place = self.nodes.iter().position(has_name)?;
        let taken = self.nodes.remove(place);
        if self.nodes.is_empty() {
            self.expires_at = None;
        }
        Some(taken.lease)
    }

    /// What it means to keep its nodes for a look. One that is on its way out, or out, has none: that is as good
    /// (`api/duffy.md` §1), and so is one that is held already.
    pub(crate) fn check_hold(&self) -> Result<Holding, NodeSessionRefusal> {
        match self.state {
            NodeSessionState::Active => Ok(Holding::Begins),
            NodeSessionState::Held | NodeSessionState::Closing | NodeSessionState::Closed => {
                Ok(Holding::ChangesNothing)
            }
            state @ (NodeSessionState::Opening | NodeSessionState::Refused) => {
                Err(NodeSessionRefusal::WrongState { state })
            }
        }
    }

    /// Keeps its nodes for a look, and lives that much longer.
    pub(crate) fn hold(&mut self, prolonged_by: i64) {
        self.state = NodeSessionState::Held;
        self.expires_at = expiry::prolonged(self.expires_at, prolonged_by);
    }

    /// Begins to end it: from now on it gets no nodes and shows no sign of life.
    pub(crate) fn begin_to_close(&mut self, reason: EndReason) -> Result<(), NodeSessionRefusal> {
        self.require(self.is_live() && self.state != NodeSessionState::Closing)?;
        self.state = NodeSessionState::Closing;
        self.end_reason = Some(reason);
        Ok(())
    }

    /// Its nodes are given back.
    pub(crate) fn close(&mut self, now: i64) -> Option<EndReason> {
        if self.state != NodeSessionState::Closing {
            return None;
        }
        self.state = NodeSessionState::Closed;
        self.ended_at = Some(now);
        self.end_reason
    }

    /// Its end may be moved.
    pub(crate) fn check_extension(&self) -> Result<(), NodeSessionRefusal> {
        // In the states in which it has nodes of its own.
        self.check_shrink()
    }

    /// Moves its end; `None` = to a time that cannot be.
    pub(crate) fn extend(&mut self, wanted: NewExpiry, now: i64, limited: bool) -> Option<()> {
        let moved = expiry::moved(self.expires_at, &self.nodes, wanted, now, limited)?;
        self.expires_at = Some(moved);
        Some(())
    }

    /// Whether its time is over.
    pub(crate) fn is_expired(&self, now: i64) -> bool {
        let over = self.expires_at.is_some_and(|time| time <= now);
        over && self.check_shrink().is_ok()
    }

    fn require(&self, holds: bool) -> Result<(), NodeSessionRefusal> {
        if holds {
            return Ok(());
        }
        Err(NodeSessionRefusal::WrongState { state: self.state })
    }

    /// As others see it.
    pub(crate) fn shown(&self) -> NodeSession {
        NodeSession {
            id: self.id.clone(),
            number: self.number,
            tenant: self.tenant.clone(),
            alias: self.alias.clone(),
            state: self.state,
            job: self.job.clone(),
            created_at: self.created_at,
            expires_at: self.expires_at,
            ended_at: self.ended_at,
            end_reason: self.end_reason.filter(|_| !self.is_live()),
            nodes: self.leases(),
            set_up: self.hook(SessionHook::SetUp).map(Hook::status),
            tear_down: self.hook(SessionHook::TearDown).map(Hook::status),
        }
    }

    /// What is done to it.
    pub(crate) fn hook(&self, kind: SessionHook) -> Option<&Hook> {
        self.hooks.iter().find(|hook| hook.kind == kind)
    }

    /// What is done to it, to be changed.
    pub(crate) fn hook_mut(&mut self, kind: SessionHook) -> Option<&mut Hook> {
        self.hooks.iter_mut().find(|hook| hook.kind == kind)
    }

    /// The nodes that it holds.
    pub(crate) fn leases(&self) -> Vec<LeasedNode> {
        self.nodes.iter().map(|node| node.lease.clone()).collect()
    }
}

/// What it means to hold a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holding {
    /// Its nodes are kept from now on.
    Begins,
    /// Nothing.
    ChangesNothing,
}
