//! Writes down what sessions are to be.

use std::{collections::HashMap, sync::Arc};

use muster_contract::{
    Outcome,
    session::{
        JobSession, JobSessionChange, JobSessionRefusal, JobSessionState, SaveJobSession,
        limits::is_valid_id,
    },
};
use muster_messaging::{Effects, HandleCommand, HandlerError, OutcomeOf, Request};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction};

use super::session_orders::{Order, may_act_for, meant, orders};
use crate::job_sessions::{
    book::{Book, Subject},
    domain::{run::Rules, schedule::times, session::Session},
    saying::Sayings,
    store::{history::last_tags, sessions::SessionKey},
};

/// Takes [`SaveJobSession`].
pub(crate) struct SaveJobSessionHandler {
    ids: Arc<dyn Ids>,
    rules: Rules,
}

impl SaveJobSessionHandler {
    pub(crate) fn new(ids: Arc<dyn Ids>, rules: Rules) -> Self {
        Self { ids, rules }
    }
}

impl HandleCommand<SaveJobSession> for SaveJobSessionHandler {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<SaveJobSession>],
        effects: &mut Effects,
    ) -> Result<Vec<OutcomeOf<SaveJobSession>>, HandlerError> {
        let orders = orders(requests)?;
        let saved = save_job_sessions(transaction, self.rules, &*self.ids, &orders).await?;
        let (outcomes, sayings) = saved;
        sayings.tell(requests.iter().map(|request| &request.context), effects)?;
        Ok(outcomes)
    }
}

/// Saves the sessions as if the commands came one by one in this order.
pub(crate) async fn save_job_sessions(
    transaction: &mut Transaction,
    rules: Rules,
    ids: &dyn Ids,
    orders: &[Order<'_, SaveJobSession>],
) -> Result<(Vec<OutcomeOf<SaveJobSession>>, Sayings), StorageError> {
    let mut subject = Subject::default();
    let mut perhaps_new = Vec::new();
    for order in orders {
        let Some(session_id) = named(&order.body.change) else {
            continue;
        };
        let Ok(key) = meant(order.caller, &order.body.tenant, session_id) else {
            continue;
        };
        match &order.body.change {
            JobSessionChange::Patch { patch, .. } if patch.schedule.is_none() => {
                subject.sessions.insert(key);
            }
            JobSessionChange::Patch { .. } => {
                subject.whole.insert(key);
            }
            JobSessionChange::Replace { .. } | JobSessionChange::Create(_) => {
                perhaps_new.push(key.clone());
                subject.whole.insert(key);
            }
        }
    }
    let mut book = Book::open(transaction, rules, subject).await?;
    perhaps_new.retain(|key| book.session(key).is_none());
    let tags = last_tags(transaction, &perhaps_new).await?;
    let outcomes = orders
        .iter()
        .map(|order| match save(&mut book, ids, &tags, order) {
            Ok(session) => Outcome::Done(session),
            Err(refusal) => Outcome::Refused(refusal),
        })
        .collect();
    Ok((outcomes, book.write(transaction).await?))
}

fn named(change: &JobSessionChange) -> Option<&str> {
    match change {
        JobSessionChange::Create(_) => None,
        JobSessionChange::Replace { session_id, .. }
        | JobSessionChange::Patch { session_id, .. } => Some(session_id),
    }
}

fn save(
    book: &mut Book,
    ids: &dyn Ids,
    tags: &HashMap<SessionKey, i64>,
    order: &Order<'_, SaveJobSession>,
) -> Result<JobSession, JobSessionRefusal> {
    let tenant = &order.body.tenant;
    let key = match &order.body.change {
        JobSessionChange::Create(state) => {
            may_act_for(order.caller, tenant)?;
            let key = (tenant.clone(), ids.next().simple().to_string());
            create(book, order, &key, state, 0)?;
            key
        }
        JobSessionChange::Replace {
            session_id,
            state,
            version,
        } => {
            may_act_for(order.caller, tenant)?;
            if !is_valid_id(session_id) {
                let reason = "session_id must be 1 to 64 visible ASCII characters".to_owned();
                return Err(JobSessionRefusal::Invalid { reason });
            }
            let key = (tenant.clone(), session_id.clone());
            if book.session(&key).is_some() {
                change(book, &key, |session| session.replace(state, *version))?;
            } else if version.is_some() {
                return Err(JobSessionRefusal::UnknownSession);
            } else {
                let least_tag = tags.get(&key).copied().unwrap_or(0);
                create(book, order, &key, state, least_tag)?;
            }
            key
        }
        JobSessionChange::Patch {
            session_id,
            patch,
            version,
        } => {
            let key = meant(order.caller, tenant, session_id)?;
            change(book, &key, |session| session.patch(patch, *version))?;
            key
        }
    };
    Ok(book.session_mut(&key)?.shown())
}

fn create(
    book: &mut Book,
    order: &Order<'_, SaveJobSession>,
    (tenant, session_id): &SessionKey,
    state: &JobSessionState,
    least_tag: i64,
) -> Result<(), JobSessionRefusal> {
    let user = &order.caller.name;
    book.insert(Session::new(session_id, tenant, user, state, least_tag)?);
    Ok(())
}

/// Changes the session; its jobs are told where its times are other ones.
fn change(
    book: &mut Book,
    key: &SessionKey,
    change: impl FnOnce(&mut Session) -> Result<(), JobSessionRefusal>,
) -> Result<(), JobSessionRefusal> {
    let session = book.session_mut(key)?;
    let before = times(&session.schedule);
    change(session)?;
    if times(&session.schedule) != before {
        book.retime_jobs(key);
    }
    Ok(())
}
