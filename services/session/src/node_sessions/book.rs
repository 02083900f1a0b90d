//! The sessions that a batch is about: read together, changed in memory one message after the other, so that each sees
//! what those before it did, and written together.

mod hooks;

use std::collections::{BTreeSet, HashMap};

use muster_contract::{
    Outcome,
    agent::SessionHook,
    node_allocation::{AllocationRefusal, LeasedNode, ReleaseNodes},
    session::{
        EndReason, GrowNodeSessionRefusal, NodeSession, NodeSessionClosed, NodeSessionRefusal,
        OpenNodeSessionRefusal,
    },
};
use muster_platform::Ids;
use muster_storage::{LockKey, StorageError, Transaction};
use uuid::Uuid;

use crate::node_sessions::{
    asking::{Ask, PendingRequest},
    domain::session::Session,
    saying::{Saying, Sayings, Settlement},
    store::{
        load::load_sessions,
        pending_requests,
        save::{Came, Left, add_nodes, take_out_nodes, update_sessions},
        session_hooks::save_hooks,
    },
};

/// Sessions, what they wait for, and what has to be written.
pub(crate) struct Book<'a> {
    ids: &'a dyn Ids,
    sessions: HashMap<String, Session>,
    pending: HashMap<Uuid, PendingRequest>,
    changed: BTreeSet<String>,
    hooks_changed: BTreeSet<(String, SessionHook)>,
    came: Vec<Came>,
    left: Vec<Left>,
    /// Requests that are in the table.
    written: BTreeSet<Uuid>,
    answered: Vec<Uuid>,
    /// What there is to say.
    pub(crate) sayings: Sayings,
}

/// The message at hand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// Its place in the batch.
    pub(crate) cause: usize,
    /// When it was taken: microseconds since 1970 UTC.
    pub(crate) now: i64,
}

impl<'a> Book<'a> {
    /// Reads these sessions. Nobody else changes them until the transaction ends; `others` are further things to take
    /// turns on.
    pub(crate) async fn open(
        transaction: &mut Transaction,
        ids: &'a dyn Ids,
        wanted: impl IntoIterator<Item = &str>,
        others: &[LockKey],
    ) -> Result<Self, StorageError> {
        let wanted: BTreeSet<&str> = wanted.into_iter().collect();
        let locks = wanted.iter().map(|id| LockKey::of(&["session", id]));
        let locks: Vec<LockKey> = locks.chain(others.iter().copied()).collect();
        transaction.lock_keys(&locks).await?;
        let wanted: Vec<&str> = wanted.into_iter().collect();
        let (sessions, pending) = load_sessions(transaction, &wanted).await?;
        let pending: HashMap<Uuid, PendingRequest> = pending
            .into_iter()
            .map(|request| (request.request, request))
            .collect();
        Ok(Self {
            ids,
            sessions,
            written: pending.keys().copied().collect(),
            pending,
            changed: BTreeSet::new(),
            hooks_changed: BTreeSet::new(),
            came: Vec::new(),
            left: Vec::new(),
            answered: Vec::new(),
            sayings: Sayings::default(),
        })
    }

    /// The session.
    pub(crate) fn session(&self, id: &str) -> Option<&Session> {
        self.sessions.get(id)
    }

    /// A new session, as it is in the table; its hooks are not there yet.
    pub(crate) fn add(&mut self, session: Session) {
        let hooks = session.hooks.iter();
        let hooks = hooks.map(|hook| (session.id.clone(), hook.kind));
        self.hooks_changed.extend(hooks);
        self.sessions.insert(session.id.clone(), session);
    }

    /// The session for which an agent does this.
    pub(crate) fn session_of_order(&self, order: Uuid) -> Option<String> {
        let is_on = |session: &&Session| session.hooks.iter().any(|hook| hook.is_attempt(order));
        let session = self.sessions.values().find(is_on)?;
        Some(session.id.clone())
    }

    /// The projects of the sessions.
    pub(crate) fn tenants(&self) -> impl Iterator<Item = String> {
        let sessions = self.sessions.values();
        sessions.map(|session| session.tenant.clone())
    }

    /// The session, to be changed and written.
    pub(crate) fn session_mut(&mut self, id: &str) -> Option<&mut Session> {
        let session = self.sessions.get_mut(id)?;
        self.changed.insert(id.to_owned());
        Some(session)
    }

    /// A new id.
    pub(crate) fn next_id(&self) -> Uuid {
        self.ids.next()
    }

    /// Asks node allocation and keeps the question.
    pub(crate) fn ask(
        &mut self,
        moment: Moment,
        request: Uuid,
        session: &str,
        command: Option<Uuid>,
        ask: Ask,
    ) {
        self.sayings.ask(moment.cause, &ask);
        self.keep(moment, request, session, command, ask);
    }

    /// Keeps what is to be answered.
    fn keep(
        &mut self,
        moment: Moment,
        request: Uuid,
        session: &str,
        command: Option<Uuid>,
        ask: Ask,
    ) {
        let pending = PendingRequest {
            request,
            session: session.to_owned(),
            command,
            due_at: PendingRequest::due_after(&ask, moment.now),
            ask,
        };
        self.pending.insert(request, pending);
    }

    /// Takes the question that is answered, if it was not answered before.
    pub(crate) fn answer(&mut self, request: Uuid) -> Option<PendingRequest> {
        let pending = self.pending.remove(&request)?;
        if self.written.contains(&request) {
            self.answered.push(request);
        }
        Some(pending)
    }

    /// Gives nodes to the session. `None`: it takes none any more. Else those that it did not have before.
    pub(crate) fn grant(
        &mut self,
        id: &str,
        leases: &[LeasedNode],
        counted_from: i64,
    ) -> Option<Vec<LeasedNode>> {
        let session = self.session_mut(id)?;
        let before = session.nodes.len();
        session.grant(leases, counted_from)?;
        let new: Vec<_> = session.nodes.iter().skip(before).cloned().collect();
        let added = new.iter().map(|node| node.lease.clone()).collect();
        self.came.extend((0..).zip(new).map(|(place, node)| Came {
            session: id.to_owned(),
            node,
            place,
        }));
        Some(added)
    }

    /// Takes the node of that name out of the session.
    pub(crate) fn take_out(&mut self, id: &str, hostname: &str, now: i64) -> Option<LeasedNode> {
        let lease = self.session_mut(id)?.take_out(hostname)?;
        self.left.push(Left {
            session: id.to_owned(),
            node: lease.id,
            generation: lease.generation,
            at: now,
        });
        Some(lease)
    }

    /// Begins to end the session. What it waits for is refused; its nodes are asked back, which also keeps those from it
    /// that are still on their way. Without any of these it ends at once, and is returned.
    pub(crate) fn begin_to_close(
        &mut self,
        moment: Moment,
        id: &str,
        reason: EndReason,
        command: Option<Uuid>,
    ) -> Result<Option<NodeSession>, NodeSessionRefusal> {
        let session = self.session_mut(id).ok_or(NodeSessionRefusal::Unknown)?;
        session.begin_to_close(reason)?;
        let (tenant, is_empty) = (session.tenant.clone(), session.nodes.is_empty());
        let of_session = self
            .pending
            .values()
            .filter(|pending| pending.session == id);
        let mut waiting: Vec<Uuid> = of_session.map(|pending| pending.request).collect();
        waiting.sort_unstable();
        // While it is set up nothing was asked of node allocation.
        let was_asked = |pending: &PendingRequest| !matches!(pending.ask, Ask::SetUp { .. });
        let is_idle = !waiting
            .iter()
            .any(|request| self.pending.get(request).is_some_and(was_asked));
        for request in waiting {
            self.give_up(moment, request);
        }
        self.give_up_set_up(id);
        if is_empty && is_idle {
            return Ok(self.close(moment, id));
        }
        let request = self.next_id();
        let release = ReleaseNodes {
            request,
            session: id.to_owned(),
            tenant,
            leases: None,
        };
        self.ask(moment, request, id, command, Ask::Close(release));
        Ok(None)
    }

    /// Refuses whoever waits for nodes; other questions keep waiting for their answers.
    fn give_up(&mut self, moment: Moment, request: Uuid) {
        let settlement = match self.pending.get(&request).map(|pending| &pending.ask) {
            Some(Ask::SetUp { .. } | Ask::Open(_)) => {
                Settlement::Open(Outcome::Refused(OpenNodeSessionRefusal::Closed))
            }
            Some(Ask::Grow(_)) => {
                let reason = GrowNodeSessionRefusal::Allocation(AllocationRefusal::Cancelled);
                Settlement::Grow(Outcome::Refused(reason))
            }
            _ => return,
        };
        let command = self.answer(request).and_then(|pending| pending.command);
        self.sayings.settle(moment.cause, command, settlement);
    }

    /// Ends the session that never came to be, and has it torn down.
    pub(crate) fn refuse(&mut self, moment: Moment, id: &str) {
        if let Some(session) = self.session_mut(id) {
            session.refuse(moment.now);
        }
        self.begin_tear_down(moment, id);
    }

    /// Ends the session whose nodes are given back, has it torn down, and tells so.
    pub(crate) fn close(&mut self, moment: Moment, id: &str) -> Option<NodeSession> {
        let reason = self.session_mut(id)?.close(moment.now)?;
        self.begin_tear_down(moment, id);
        let shown = self.session(id)?.shown();
        let event = NodeSessionClosed {
            session: shown.id.clone(),
            tenant: shown.tenant.clone(),
            alias: shown.alias.clone(),
            reason,
            created_at: shown.created_at,
            ended_at: moment.now,
        };
        self.sayings.say(moment.cause, Saying::Closed(event));
        Some(shown)
    }

    /// Writes what has changed. Returns what there is to say.
    pub(crate) async fn write(
        self,
        transaction: &mut Transaction,
    ) -> Result<Sayings, StorageError> {
        let changed = self.changed.iter().filter_map(|id| self.sessions.get(id));
        update_sessions(transaction, changed).await?;
        let hooks = self.hooks_changed.iter().filter_map(|(id, kind)| {
            let hook = self.sessions.get(id)?.hook(*kind)?;
            Some((id.as_str(), hook))
        });
        save_hooks(transaction, hooks).await?;
        add_nodes(transaction, &self.came).await?;
        take_out_nodes(transaction, &self.left).await?;
        pending_requests::remove(transaction, &self.answered).await?;
        let new = self.pending.into_values();
        let mut new: Vec<PendingRequest> = new
            .filter(|pending| !self.written.contains(&pending.request))
            .collect();
        new.sort_unstable_by_key(|pending| pending.request);
        pending_requests::add(transaction, &new).await?;
        Ok(self.sayings)
    }
}
