//! A hook of a session: what an agent does to set it up or to tear it down, in attempts that each have an end.
//!
//! ```text
//! idle -> ordered -> succeeded
//!          ^    |
//!          |    +--> failed       (after the last attempt that may be made)
//!          |    v
//!         waiting
//! ```
//! What was given up begins anew if an operator asks for it. An attempt is over when its agent says so, or when that is not to be expected any more: no state waits for an agent for
//! ever. Times are microseconds since 1970 UTC.

use muster_contract::{
    agent::{HookResult, SessionHook},
    session::{SessionHookState, SessionHookStatus},
};
use uuid::Uuid;

use super::expiry::later;

/// How long after the end of an attempt its report is waited for: the agent ends the hook then, and its word has to come.
const GRACE: i64 = 10_000_000;

/// Bytes of a reason that are kept.
const REASON_LIMIT: usize = 4_096;

/// Seconds from the first failed set-up to the next attempt, and at most between two: the owner waits.
const SET_UP_PAUSES: (i64, i64) = (5, 60);

/// The same for a tear-down, which nobody waits for.
const TEAR_DOWN_PAUSES: (i64, i64) = (60, 30 * 60);

/// A hook of one session, by the rules that held when the session was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hook {
    /// What it does.
    pub(crate) kind: SessionHook,
    /// Who runs it.
    pub(crate) agent: String,
    /// The longest that one attempt may take, in microseconds.
    pub(crate) time_limit: i64,
    /// Attempts that may be made, at least 1.
    pub(crate) attempt_limit: u32,
    /// How far it is.
    pub(crate) state: HookState,
    /// Attempts that were begun.
    pub(crate) attempts: u32,
    /// Why the last attempt that is over failed.
    pub(crate) reason: Option<String>,
}

/// How far a hook is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HookState {
    /// Its time has not come.
    Idle,
    /// An attempt is on.
    Ordered {
        /// What the report refers to.
        order: Uuid,
        /// When the agent ends it.
        deadline: i64,
    },
    /// Another attempt comes.
    Waiting {
        /// When.
        until: i64,
    },
    /// It has done what it is for.
    Succeeded,
    /// It was given up.
    Failed,
}

/// What the end of an attempt means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The hook has done what it is for.
    Succeeded,
    /// Another attempt comes.
    ForNow,
    /// No other attempt is made.
    ForGood,
}

impl Hook {
    /// One whose time has not come.
    pub(crate) fn new(kind: SessionHook, agent: &str, time_limit: i64, attempt_limit: u32) -> Self {
        Self {
            kind,
            agent: agent.to_owned(),
            time_limit,
            attempt_limit: attempt_limit.max(1),
            state: HookState::Idle,
            attempts: 0,
            reason: None,
        }
    }

    /// Begins the first attempt, or the next one; returns when it has to be over. `None`: there is none to begin.
    pub(crate) fn begin(&mut self, order: Uuid, now: i64) -> Option<i64> {
        if !matches!(self.state, HookState::Idle | HookState::Waiting { .. }) {
            return None;
        }
        let deadline = now.saturating_add(self.time_limit);
        self.attempts = self.attempts.saturating_add(1);
        self.state = HookState::Ordered { order, deadline };
        Some(deadline)
    }

    /// Takes what an agent says. `None`: nobody waits for it, or it is not that agent's business. No other attempt begins
    /// after `patience`.
    pub(crate) fn take(
        &mut self,
        agent: &str,
        order: Uuid,
        result: &HookResult,
        now: i64,
        patience: i64,
    ) -> Option<Ended> {
        match self.state {
            HookState::Ordered { order: own, .. } if own == order && self.agent == agent => {}
            _ => return None,
        }
        match result {
            HookResult::Succeeded => {
                self.state = HookState::Succeeded;
                Some(Ended::Succeeded)
            }
            HookResult::Failed { reason } => Some(self.fail(storable(reason), now, patience)),
        }
    }

    /// Ends an attempt whose agent has not said anything in time. `None`: there is no such attempt.
    pub(crate) fn miss(&mut self, now: i64, patience: i64) -> Option<Ended> {
        if !matches!(self.state, HookState::Ordered { .. }) || !self.is_due(now) {
            return None;
        }
        let reason = format!("agent {:?} has not answered", self.agent);
        Some(self.fail(reason, now, patience))
    }

    fn fail(&mut self, reason: String, now: i64, patience: i64) -> Ended {
        self.reason = Some(reason);
        let until = later(now, pause(self.kind, self.attempts));
        if self.attempts < self.attempt_limit && until <= patience {
            self.state = HookState::Waiting { until };
            return Ended::ForNow;
        }
        self.state = HookState::Failed;
        Ended::ForGood
    }

    /// As if nothing had been tried yet, where it was given up; tells whether it was.
    pub(crate) fn start_over(&mut self) -> bool {
        if self.state != HookState::Failed {
            return false;
        }
        self.state = HookState::Idle;
        self.attempts = 0;
        true
    }

    /// Makes no other attempt, where none is on.
    pub(crate) fn give_up_waiting(&mut self) {
        if matches!(self.state, HookState::Waiting { .. }) {
            self.state = HookState::Failed;
        }
    }

    /// Whether this is the attempt that is on.
    pub(crate) fn is_attempt(&self, sought: Uuid) -> bool {
        matches!(self.state, HookState::Ordered { order, .. } if order == sought)
    }

    /// Whether it has begun and is not over.
    pub(crate) fn is_on(&self) -> bool {
        matches!(
            self.state,
            HookState::Ordered { .. } | HookState::Waiting { .. }
        )
    }

    /// When it has to be looked at if nothing is heard.
    pub(crate) fn due_at(&self) -> Option<i64> {
        match self.state {
            HookState::Ordered { deadline, .. } => Some(deadline.saturating_add(GRACE)),
            HookState::Waiting { until } => Some(until),
            HookState::Idle | HookState::Succeeded | HookState::Failed => None,
        }
    }

    /// Whether it has to be looked at.
    pub(crate) fn is_due(&self, now: i64) -> bool {
        self.due_at().is_some_and(|time| time <= now)
    }

    /// As operators see it.
    pub(crate) fn status(&self) -> SessionHookStatus {
        SessionHookStatus {
            state: match self.state {
                HookState::Idle => SessionHookState::Idle,
                HookState::Ordered { .. } => SessionHookState::Running,
                HookState::Waiting { .. } => SessionHookState::Waiting,
                HookState::Succeeded => SessionHookState::Succeeded,
                HookState::Failed => SessionHookState::Failed,
            },
            agent: self.agent.clone(),
            attempts: self.attempts,
            reason: self.reason.clone(),
        }
    }
}

/// Seconds until the next attempt after so many: twice as long each time, up to a limit.
fn pause(kind: SessionHook, attempts: u32) -> i64 {
    let (first, longest) = match kind {
        SessionHook::SetUp => SET_UP_PAUSES,
        SessionHook::TearDown => TEAR_DOWN_PAUSES,
    };
    let doublings = attempts.saturating_sub(1).min(30);
    (first << doublings).min(longest)
}

/// At most 4 KiB of it, its end, where the error stands; PostgreSQL's text has every character but U+0000.
fn storable(reason: &str) -> String {
    let from = reason.len().saturating_sub(REASON_LIMIT);
    let from = (from..=reason.len()).find(|place| reason.is_char_boundary(*place));
    let end = reason.get(from.unwrap_or_default()..).unwrap_or_default();
    end.replace('\0', " ")
}

#[cfg(test)]
mod tests;
