//! What is done to sessions that are there: jobs start and end, come and leave, sessions are deleted.

use std::collections::BTreeSet;

use muster_contract::{
    Command, Outcome,
    session::{
        AddSessionJob, DeleteJobSession, EndSessionJob, JobSessionRefusal, RemoveSessionJob,
        SessionJobEnd, SessionJobStart, StartSessionJob, limits::is_valid_id,
    },
};
use muster_messaging::OutcomeOf;
use muster_storage::{StorageError, Transaction};

use super::session_orders::{Order, meant};
use crate::job_sessions::{
    book::{Book, Moment, Subject},
    domain::run::Rules,
    saying::Sayings,
    store::{backup_jobs::JobKey, sessions::SessionKey},
};

/// What says which session is meant.
pub(crate) trait NamesSession {
    /// Its project and its id.
    fn session(&self) -> (&str, &str);
}

macro_rules! name_session {
    ($($command:ident),+) => {$(
        impl NamesSession for $command {
            fn session(&self) -> (&str, &str) {
                (&self.tenant, &self.session_id)
            }
        }
    )+};
}

name_session!(
    StartSessionJob,
    EndSessionJob,
    AddSessionJob,
    RemoveSessionJob,
    DeleteJobSession
);

/// A command about a session that is there.
pub(crate) trait AboutSession: NamesSession + Command<Refusal = JobSessionRefusal> {
    /// What has to be read for it: the session, if nothing else is said.
    fn subject(&self, key: SessionKey, subject: &mut Subject) {
        subject.sessions.insert(key);
    }

    /// Does it.
    fn carry_out(
        &self,
        book: &mut Book,
        moment: Moment,
        key: &SessionKey,
    ) -> Result<Self::Reply, JobSessionRefusal>;
}

/// Carries the commands out as if they came one by one in this order.
pub(crate) async fn carry_out<C: AboutSession>(
    transaction: &mut Transaction,
    rules: Rules,
    orders: &[Order<'_, C>],
) -> Result<(Vec<OutcomeOf<C>>, Sayings), StorageError> {
    let keys: Vec<Result<SessionKey, JobSessionRefusal>> = orders
        .iter()
        .map(|order| {
            let (tenant, session_id) = order.body.session();
            meant(order.caller, tenant, session_id)
        })
        .collect();
    let mut subject = Subject::default();
    for (order, key) in orders.iter().zip(&keys) {
        if let Ok(key) = key {
            order.body.subject(key.clone(), &mut subject);
        }
    }
    let mut book = Book::open(transaction, rules, subject).await?;
    let outcomes = orders
        .iter()
        .zip(keys)
        .map(|(order, key)| {
            let done = key.and_then(|key| order.body.carry_out(&mut book, order.moment, &key));
            match done {
                Ok(reply) => Outcome::Done(reply),
                Err(refusal) => Outcome::Refused(refusal),
            }
        })
        .collect();
    Ok((outcomes, book.write(transaction).await?))
}

/// Jobs that are deleted, or go for other reasons, leave the sessions that they are in; in a run they are ended on their
/// behalf. When this returns, nobody else changes these jobs until the transaction ends, and they are as in the table.
pub(crate) async fn free_jobs(
    transaction: &mut Transaction,
    rules: Rules,
    jobs: &[(Moment, JobKey)],
) -> Result<Sayings, StorageError> {
    let keys: BTreeSet<JobKey> = jobs.iter().map(|(_, key)| key.clone()).collect();
    let subject = Subject {
        jobs: keys,
        ..Subject::default()
    };
    let mut book = Book::open(transaction, rules, subject).await?;
    for (moment, key) in jobs {
        book.free_job(*moment, key);
    }
    book.write(transaction).await
}

impl AboutSession for StartSessionJob {
    fn carry_out(
        &self,
        book: &mut Book,
        moment: Moment,
        key: &SessionKey,
    ) -> Result<SessionJobStart, JobSessionRefusal> {
        book.with_runs(moment, key, |runs, rules, facts| {
            let decision = runs.start(&self.job_id, self.current_tag, moment.now, rules, facts)?;
            Ok(SessionJobStart {
                decision,
                tag: runs.tag,
            })
        })
    }
}

impl AboutSession for EndSessionJob {
    fn carry_out(
        &self,
        book: &mut Book,
        moment: Moment,
        key: &SessionKey,
    ) -> Result<SessionJobEnd, JobSessionRefusal> {
        book.with_runs(moment, key, |runs, _, facts| {
            let (tag, now) = (self.current_tag, moment.now);
            let decision = runs.end(&self.job_id, tag, self.result, now, facts)?;
            Ok(SessionJobEnd {
                decision,
                tag: runs.tag,
            })
        })
    }
}

impl AboutSession for AddSessionJob {
    fn subject(&self, key: SessionKey, subject: &mut Subject) {
        if is_valid_id(&self.job_id) {
            subject.jobs.insert((key.0.clone(), self.job_id.clone()));
            subject.coming.insert((key.clone(), self.job_id.clone()));
        }
        subject.sessions.insert(key);
    }

    fn carry_out(
        &self,
        book: &mut Book,
        moment: Moment,
        key: &SessionKey,
    ) -> Result<(), JobSessionRefusal> {
        book.add_job(moment, key, &self.job_id)
    }
}

impl AboutSession for RemoveSessionJob {
    fn subject(&self, key: SessionKey, subject: &mut Subject) {
        if is_valid_id(&self.job_id) {
            subject.jobs.insert((key.0.clone(), self.job_id.clone()));
        }
        subject.sessions.insert(key);
    }

    fn carry_out(
        &self,
        book: &mut Book,
        moment: Moment,
        key: &SessionKey,
    ) -> Result<(), JobSessionRefusal> {
        book.session_mut(key)?;
        book.remove_job(moment, key, &self.job_id);
        Ok(())
    }
}

impl AboutSession for DeleteJobSession {
    fn subject(&self, key: SessionKey, subject: &mut Subject) {
        subject.whole.insert(key);
    }

    fn carry_out(
        &self,
        book: &mut Book,
        moment: Moment,
        key: &SessionKey,
    ) -> Result<(), JobSessionRefusal> {
        if book.delete(moment, key) {
            Ok(())
        } else {
            Err(JobSessionRefusal::UnknownSession)
        }
    }
}
