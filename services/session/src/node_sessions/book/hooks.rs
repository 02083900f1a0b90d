//! What becomes of sessions by their hooks: set up before their first nodes are asked for, torn down when these are given
//! back. Nobody waits for a tear-down, and nothing waits for an agent for ever.

use muster_contract::{
    Outcome,
    agent::{HookedSession, RunSessionHook, SessionHook, SessionHookFinished},
    node_allocation::AllocateNodes,
    session::{NodeSession, NodeSessionState, NodeSessionTearDownFailed, OpenNodeSessionRefusal},
};
use tracing::{error, warn};
use uuid::Uuid;

use super::{Book, Moment};
use crate::node_sessions::{
    asking::Ask,
    commands::open_node_session::opened,
    domain::{
        hook::{Ended, Hook},
        session::Session,
    },
    saying::{Saying, Settlement},
};

impl Book<'_> {
    /// Sets a new session up before its first nodes are asked for.
    pub(crate) fn begin_set_up(&mut self, moment: Moment, id: &str, command: Uuid, then: Ask) {
        let request = self.next_id();
        self.keep(moment, request, id, Some(command), then);
        self.begin_attempt(moment, id, SessionHook::SetUp);
    }

    /// Tears an ended session down, where its site wants that and what was begun to set it up is over.
    pub(super) fn begin_tear_down(&mut self, moment: Moment, id: &str) {
        let Some(session) = self.sessions.get(id) else {
            return;
        };
        if !session.is_live() && !session.hook(SessionHook::SetUp).is_some_and(Hook::is_on) {
            self.begin_attempt(moment, id, SessionHook::TearDown);
        }
    }

    /// Tears an ended session down once more, where that was given up. `None`: it was not.
    pub(crate) fn tear_down_again(&mut self, moment: Moment, id: &str) -> Option<NodeSession> {
        let hook = self.hook_mut(id, SessionHook::TearDown)?;
        if !hook.start_over() {
            return None;
        }
        self.begin_tear_down(moment, id);
        self.session(id).map(Session::shown)
    }

    /// From here on no other attempt is made to set it up.
    pub(super) fn give_up_set_up(&mut self, id: &str) {
        if let Some(hook) = self.hook_mut(id, SessionHook::SetUp) {
            hook.give_up_waiting();
        }
    }

    /// Takes the word of an agent.
    pub(crate) fn hook_finished(
        &mut self,
        moment: Moment,
        agent: &str,
        id: &str,
        report: &SessionHookFinished,
    ) {
        for kind in SessionHook::ALL {
            let patience = self.patience(id, kind);
            let hook = self.hook_mut(id, kind);
            let ended = hook.and_then(|hook| {
                hook.take(agent, report.order, &report.result, moment.now, patience)
            });
            if let Some(ended) = ended {
                self.attempt_ended(moment, id, kind, ended);
                return;
            }
        }
    }

    /// Ends attempts whose agent has not answered, and begins those whose time has come.
    pub(crate) fn look_after_hooks(&mut self, moment: Moment, id: &str) {
        for kind in SessionHook::ALL {
            let patience = self.patience(id, kind);
            let Some(hook) = self
                .hook_mut(id, kind)
                .filter(|hook| hook.is_due(moment.now))
            else {
                continue;
            };
            match hook.miss(moment.now, patience) {
                Some(ended) => self.attempt_ended(moment, id, kind, ended),
                None => self.begin_attempt(moment, id, kind),
            }
        }
    }

    /// Until when another attempt may begin: a set-up is tried again as long as somebody is willing to wait for it.
    fn patience(&self, id: &str, kind: SessionHook) -> i64 {
        match kind {
            SessionHook::TearDown => i64::MAX,
            SessionHook::SetUp => {
                let pending = self.pending.values();
                let mut waiting = pending.filter(|pending| pending.session == id);
                let wait_until = waiting.find_map(|pending| match &pending.ask {
                    Ask::SetUp { wait_until, .. } => *wait_until,
                    _ => None,
                });
                wait_until.unwrap_or(i64::MIN)
            }
        }
    }

    fn hook_mut(&mut self, id: &str, kind: SessionHook) -> Option<&mut Hook> {
        let hook = self.sessions.get_mut(id)?.hook_mut(kind)?;
        self.hooks_changed.insert((id.to_owned(), kind));
        Some(hook)
    }

    fn begin_attempt(&mut self, moment: Moment, id: &str, kind: SessionHook) {
        let order = self.next_id();
        let Some(hook) = self.hook_mut(id, kind) else {
            return;
        };
        let Some(deadline) = hook.begin(order, moment.now) else {
            return;
        };
        let (agent, attempt) = (hook.agent.clone(), hook.attempts);
        let Some(session) = self.sessions.get(id).map(hooked) else {
            return;
        };
        let order = RunSessionHook {
            order,
            hook: kind,
            attempt,
            deadline,
            session,
        };
        self.sayings.say(moment.cause, Saying::Order(agent, order));
    }

    fn attempt_ended(&mut self, moment: Moment, id: &str, kind: SessionHook, ended: Ended) {
        let Some(session) = self.sessions.get(id) else {
            return;
        };
        let hook = session.hook(kind);
        let reason = hook.and_then(|hook| hook.reason.as_deref());
        let reason = reason.unwrap_or_default().to_owned();
        if ended != Ended::Succeeded {
            let agent = hook.map(|hook| hook.agent.as_str()).unwrap_or_default();
            warn!(
                target: "muster",
                session = id, hook = kind.name(), agent, reason,
                again = ended == Ended::ForNow,
                "a hook of a session has failed"
            );
        }
        match (kind, ended) {
            (_, Ended::ForNow) | (SessionHook::TearDown, Ended::Succeeded) => {}
            // Closed meanwhile: what was set up, or half of it, is torn down.
            (SessionHook::SetUp, _) if session.state != NodeSessionState::Opening => {
                self.begin_tear_down(moment, id);
            }
            (SessionHook::SetUp, Ended::Succeeded) => self.go_on_opening(moment, id),
            (SessionHook::SetUp, Ended::ForGood) => {
                let refusal = OpenNodeSessionRefusal::SetUpFailed { reason };
                let command = self.take_set_up(id).and_then(|(command, _)| command);
                self.refuse(moment, id);
                let settlement = Settlement::Open(Outcome::Refused(refusal));
                self.sayings.settle(moment.cause, command, settlement);
            }
            (SessionHook::TearDown, Ended::ForGood) => self.tear_down_failed(moment, id, &reason),
        }
    }

    /// The session is set up: asks for its first nodes, or lets it be used.
    fn go_on_opening(&mut self, moment: Moment, id: &str) {
        let Some((
            command,
            Ask::SetUp {
                demands,
                wait_until,
            },
        )) = self.take_set_up(id)
        else {
            return;
        };
        let Some(session) = self.sessions.get(id) else {
            return;
        };
        if !demands.is_empty() {
            let request = self.next_id();
            let allocate = AllocateNodes {
                request,
                session: id.to_owned(),
                tenant: session.tenant.clone(),
                demands,
                wait_until,
            };
            return self.ask(moment, request, id, command, Ask::Open(allocate));
        }
        let Some(session) = self.session_mut(id) else {
            return;
        };
        session.activate();
        let shown = session.shown();
        let event = Saying::Opened(opened(&shown));
        self.sayings.say(moment.cause, event);
        let settlement = Settlement::Open(Outcome::Done(shown));
        self.sayings.settle(moment.cause, command, settlement);
    }

    /// What waits for the set-up of the session: the command, and what was to be asked then.
    fn take_set_up(&mut self, id: &str) -> Option<(Option<Uuid>, Ask)> {
        let mut pending = self.pending.values();
        let request = pending
            .find(|pending| pending.session == id && matches!(pending.ask, Ask::SetUp { .. }))?
            .request;
        let pending = self.answer(request)?;
        Some((pending.command, pending.ask))
    }

    fn tear_down_failed(&mut self, moment: Moment, id: &str, reason: &str) {
        let Some(session) = self.sessions.get(id) else {
            return;
        };
        let Some(hook) = session.hook(SessionHook::TearDown) else {
            return;
        };
        error!(
            target: "muster",
            session = id, tenant = session.tenant, agent = hook.agent, attempts = hook.attempts, reason,
            "a session that is over could not be torn down; it is not tried again"
        );
        let event = NodeSessionTearDownFailed {
            session: session.id.clone(),
            tenant: session.tenant.clone(),
            alias: session.alias.clone(),
            agent: hook.agent.clone(),
            attempts: hook.attempts,
        };
        self.sayings
            .say(moment.cause, Saying::TearDownFailed(event));
    }
}

fn hooked(session: &Session) -> HookedSession {
    HookedSession {
        id: session.id.clone(),
        number: session.number,
        tenant: session.tenant.clone(),
        alias: session.alias.clone(),
    }
}

#[cfg(test)]
mod tests;
