//! The runs of a session: which job may start, which end counts, and when a run is over (`api/freezer.md` §1.4). Times are
//! microseconds since 1970 UTC.

mod member;

use std::time::Duration;

use muster_contract::session::{
    EndDecision, JobSessionRefusal, JobSessionStatus, RunJobStatus, RunResult, SessionRunStatus,
    StartDecision,
};

pub(crate) use member::{Fact, Left, Member};

const SECOND: i64 = 1_000_000;

/// What a site may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    /// How long a job of a run may take before it is ended on its behalf.
    pub(crate) job_limit: Duration,
}

/// The runs of a session, of which the last one counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Runs {
    /// Seconds from the start of a run in which others may join it.
    pub(crate) hold_off: i64,
    /// Number of the last run; 0 = there was none.
    pub(crate) tag: i64,
    pub(crate) status: JobSessionStatus,
    pub(crate) result: Option<RunResult>,
    pub(crate) started_at: Option<i64>,
    pub(crate) ended_at: Option<i64>,
    /// Whether a job of the last run has ended otherwise than it should. Kept apart, since that job may have left.
    pub(crate) flawed: bool,
    /// In the order in which they were added.
    pub(crate) members: Vec<Member>,
}

impl Runs {
    /// Of a session that has had none.
    pub(crate) fn new(hold_off: i64, tag: i64) -> Self {
        Self {
            hold_off,
            tag,
            status: JobSessionStatus::Active,
            result: None,
            started_at: None,
            ended_at: None,
            flawed: false,
            members: Vec::new(),
        }
    }

    /// A job wants to start; `known` is the tag of the last run that it knows of. The five outcomes, in their order.
    ///
    /// A job that belongs to the run already joins it without effect: it may have missed the answer. A run that is over is
    /// not joined by others, since its result has been told.
    pub(crate) fn start(
        &mut self,
        job_id: &str,
        known: i64,
        now: i64,
        rules: Rules,
        facts: &mut Vec<Fact>,
    ) -> Result<StartDecision, JobSessionRefusal> {
        self.check_tag(known)?;
        self.end_due(now, rules, facts);
        match self.seconds_to_next(now) {
            Some(_) if known < self.tag => self.join(job_id, now, facts),
            Some(remaining) => Ok(StartDecision::HoldOff { remaining }),
            None if known == self.tag => self.begin(job_id, now, facts),
            None => Ok(StartDecision::OutOfSync),
        }
    }

    /// A job has ended; `known` is the tag of its run. One that ends twice has ended as it did first. One that was not
    /// allowed to start, and ran nevertheless, counts if it was called to the run.
    pub(crate) fn end(
        &mut self,
        job_id: &str,
        known: i64,
        result: RunResult,
        now: i64,
        facts: &mut Vec<Fact>,
    ) -> Result<EndDecision, JobSessionRefusal> {
        self.check_tag(known)?;
        if known < self.tag {
            return Ok(EndDecision::OutOfSync);
        }
        let tag = self.tag;
        let member = self.member_mut(job_id)?;
        if member.run != tag || tag == 0 {
            return Ok(EndDecision::OutOfSync);
        }
        if member.is_open() {
            member.end(now, result, None, facts);
            self.flawed |= result != RunResult::Success;
            self.complete_if_over(now, facts);
        }
        Ok(EndDecision::Success)
    }

    /// Ends jobs on their behalf that did not start while they could, or have run for too long.
    pub(crate) fn end_due(&mut self, now: i64, rules: Rules, facts: &mut Vec<Fact>) {
        let reason = |member: &Member| {
            if member.started_at.is_none() {
                return "did not start within the hold-off".to_owned();
            }
            let limit = humantime::format_duration(rules.job_limit);
            format!("has not ended within {limit}")
        };
        let due: Vec<(usize, String)> = self
            .open_members()
            .filter(|(_, member)| self.deadline(member, rules) <= now)
            .map(|(place, member)| (place, reason(member)))
            .collect();
        for (place, reason) in due {
            if let Some(member) = self.members.get_mut(place) {
                member.end_on_behalf(now, &reason, facts);
                self.flawed = true;
            }
        }
        self.complete_if_over(now, facts);
    }

    /// When the run has to be looked at if nothing is heard of its jobs.
    pub(crate) fn due_at(&self, rules: Rules) -> Option<i64> {
        self.open_members()
            .map(|(_, member)| self.deadline(member, rules))
            .min()
    }

    /// A job leaves. In a run it is ended on its behalf. Tells whether it was there.
    pub(crate) fn remove(&mut self, job_id: &str, now: i64, facts: &mut Vec<Fact>) -> bool {
        let Some(place) = self
            .members
            .iter()
            .position(|member| member.job_id == job_id)
        else {
            return false;
        };
        let mut member = self.members.remove(place);
        if self.status == JobSessionStatus::Running && member.run == self.tag && member.is_open() {
            member.end_on_behalf(now, "left the session", facts);
            self.flawed = true;
        }
        self.complete_if_over(now, facts);
        true
    }

    /// A job comes. It belongs to no run until the next one, or until it joins the one that is on.
    pub(crate) fn add(&mut self, job_id: &str, client_id: &str) {
        let last = self.members.last().map_or(0, |member| member.place);
        self.members.push(Member::new(job_id, client_id, last + 1));
    }

    /// A job has come again while the run that it left is on: it has ended there, and joins it no second time.
    pub(crate) fn remember(&mut self, job_id: &str, left: Left) {
        if self.status != JobSessionStatus::Running || left.tag != self.tag {
            return;
        }
        if let Ok(member) = self.member_mut(job_id) {
            member.run = left.tag;
            member.status = RunJobStatus::Completed;
            member.result = left.result;
            member.started_at = left.started_at;
            member.ended_at = left.ended_at;
        }
    }

    /// Whether the job is in the session.
    pub(crate) fn has(&self, job_id: &str) -> bool {
        self.members.iter().any(|member| member.job_id == job_id)
    }

    /// The next run is to have a higher number. While a run is on, or if that number is no higher, nothing changes: a tag
    /// names one run. The last one is the session's no more.
    pub(crate) fn raise_tag(&mut self, tag: i64) {
        if tag > self.tag && self.status != JobSessionStatus::Running {
            let members = std::mem::take(&mut self.members);
            *self = Self {
                members,
                ..Self::new(self.hold_off, tag)
            };
        }
    }

    fn check_tag(&self, known: i64) -> Result<(), JobSessionRefusal> {
        if known > self.tag {
            return Err(JobSessionRefusal::TagTooHigh { tag: self.tag });
        }
        Ok(())
    }

    /// Seconds until another run may begin, 1 at least; `None`: one may. Before the first run one always may. The window
    /// counts in whole seconds and has its last one.
    fn seconds_to_next(&self, now: i64) -> Option<i64> {
        let remaining = self.window_end()?.saturating_sub(now);
        (remaining > 0).then(|| remaining.saturating_add(SECOND - 1) / SECOND)
    }

    /// When others cannot join the last run any more.
    fn window_end(&self) -> Option<i64> {
        let length = self.hold_off.saturating_add(1).saturating_mul(SECOND);
        Some(self.started_at?.saturating_add(length))
    }

    fn join(
        &mut self,
        job_id: &str,
        now: i64,
        facts: &mut Vec<Fact>,
    ) -> Result<StartDecision, JobSessionRefusal> {
        let (tag, is_on) = (self.tag, self.status == JobSessionStatus::Running);
        let window_end = self.window_end();
        let member = self.member_mut(job_id)?;
        if member.run != tag {
            if !is_on {
                return Ok(StartDecision::OutOfSync);
            }
            member.call(tag);
        }
        if member.status == RunJobStatus::Scheduled {
            member.start(now, facts);
        }
        // The request was made in time, but comes when nobody waits any more: the run has been told to have gone without it.
        if member.started_at.is_none() && member.ended_at >= window_end {
            return Ok(StartDecision::OutOfSync);
        }
        Ok(StartDecision::Success)
    }

    fn begin(
        &mut self,
        job_id: &str,
        now: i64,
        facts: &mut Vec<Fact>,
    ) -> Result<StartDecision, JobSessionRefusal> {
        self.member_mut(job_id)?;
        self.supersede(now, facts);
        self.tag = self.tag.saturating_add(1);
        self.status = JobSessionStatus::Running;
        self.result = None;
        self.started_at = Some(now);
        self.ended_at = None;
        self.flawed = false;
        let tag = self.tag;
        for member in &mut self.members {
            member.call(tag);
        }
        let jobs = self.members.iter();
        facts.push(Fact::RunStarted {
            tag,
            at: now,
            job_id: job_id.to_owned(),
            jobs: jobs
                .map(|member| (member.job_id.clone(), member.client_id.clone()))
                .collect(),
        });
        self.member_mut(job_id)?.start(now, facts);
        Ok(StartDecision::Success)
    }

    /// The next run begins before this one is over.
    fn supersede(&mut self, now: i64, facts: &mut Vec<Fact>) {
        let (JobSessionStatus::Running, Some(started_at)) = (self.status, self.started_at) else {
            return;
        };
        let reason = format!("run {} began", self.tag.saturating_add(1));
        let tag = self.tag;
        for member in &mut self.members {
            if member.run == tag && member.is_open() {
                member.end_on_behalf(now, &reason, facts);
            }
        }
        facts.push(Fact::RunEnded {
            tag,
            started_at,
            at: now,
            status: SessionRunStatus::Superseded,
            result: None,
        });
    }

    /// The run is over when all its jobs have ended, and not earlier.
    fn complete_if_over(&mut self, now: i64, facts: &mut Vec<Fact>) {
        let (JobSessionStatus::Running, Some(started_at)) = (self.status, self.started_at) else {
            return;
        };
        if self.open_members().next().is_some() {
            return;
        }
        let result = if self.flawed {
            RunResult::Fail
        } else {
            RunResult::Success
        };
        self.status = JobSessionStatus::Completed;
        self.result = Some(result);
        self.ended_at = Some(now);
        facts.push(Fact::RunEnded {
            tag: self.tag,
            started_at,
            at: now,
            status: SessionRunStatus::Completed,
            result: Some(result),
        });
    }

    /// Those of the run that is on that have not ended, each with its place.
    fn open_members(&self) -> impl Iterator<Item = (usize, &Member)> {
        let is_on = self.status == JobSessionStatus::Running;
        let tag = self.tag;
        self.members
            .iter()
            .enumerate()
            .filter(move |(_, member)| is_on && member.run == tag && member.is_open())
    }

    /// When it is ended on its behalf.
    fn deadline(&self, member: &Member, rules: Rules) -> i64 {
        let limit = i64::try_from(rules.job_limit.as_micros()).unwrap_or(i64::MAX);
        match member.started_at {
            Some(started_at) => started_at.saturating_add(limit),
            None => self.window_end().unwrap_or(i64::MAX),
        }
    }

    fn member_mut(&mut self, job_id: &str) -> Result<&mut Member, JobSessionRefusal> {
        self.members
            .iter_mut()
            .find(|member| member.job_id == job_id)
            .ok_or(JobSessionRefusal::UnknownJob)
    }
}

#[cfg(test)]
mod tests;
