//! Opens sessions.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use muster_contract::{
    Outcome,
    agent::SessionHook,
    node_allocation::AllocateNodes,
    session::{
        EndReason, JobReference, NodeSession, NodeSessionOpened, NodeSessionState, OpenNodeSession,
        OpenNodeSessionRefusal,
    },
};
use muster_messaging::{BeginCommand, Effects, HandlerError, OutcomeOf, Progress, Request};
use muster_platform::Ids;
use muster_storage::{LockKey, StorageError, Transaction};

use super::orders::{self, Order, Reached};
use crate::node_sessions::{
    asking::Ask,
    book::{Book, Moment},
    domain::{alias, rate, reference::Sought, session::Session},
    saying::{Saying, Sayings},
    site_hooks::SiteSessionHooks,
    store::{
        find_sessions::find_sessions,
        open_sessions::{NewSession, count_live, open_sessions},
        stopped_jobs::{lock_jobs, stopped},
    },
};

/// Takes [`OpenNodeSession`].
pub(crate) struct OpenNodeSessionHandler {
    ids: Arc<dyn Ids>,
    hooks: SiteSessionHooks,
}

impl OpenNodeSessionHandler {
    pub(crate) fn new(ids: Arc<dyn Ids>, hooks: SiteSessionHooks) -> Self {
        Self { ids, hooks }
    }
}

impl BeginCommand<OpenNodeSession> for OpenNodeSessionHandler {
    async fn begin(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<OpenNodeSession>],
        effects: &mut Effects,
    ) -> Result<Vec<Progress<OpenNodeSession>>, HandlerError> {
        let orders = orders::orders(requests)?;
        let (reached, sayings) =
            open_node_sessions(transaction, &*self.ids, &self.hooks, &orders).await?;
        sayings.tell(requests.iter().map(|request| &request.context), effects)?;
        Ok(orders::progress(reached))
    }
}

type Refused = OpenNodeSessionRefusal;

/// Opens sessions as if the commands came one by one in this order.
pub(crate) async fn open_node_sessions(
    transaction: &mut Transaction,
    ids: &dyn Ids,
    hooks: &SiteSessionHooks,
    orders: &[Order<'_, OpenNodeSession>],
) -> Result<(Vec<Reached<OpenNodeSession>>, Sayings), StorageError> {
    let jobs: Vec<(&str, JobReference)> = orders
        .iter()
        .filter_map(|order| {
            let job = order.body.job.as_ref()?;
            Some((order.caller.project.as_str(), storable(job)))
        })
        .collect();
    // Before all other locks: no two transactions wait for each other then.
    let named = || jobs.iter().map(|(tenant, job)| (*tenant, job));
    lock_jobs(transaction, named()).await?;
    // What is looked at before one is opened must not change until it is there.
    let tenants = orders.iter().map(|order| order.caller.project.as_str());
    let tenants: Vec<LockKey> = tenants
        .map(|tenant| LockKey::of(&["tenant", tenant]))
        .collect();
    let mut book = Book::open(transaction, ids, [], &tenants).await?;
    let mut door = Door::new(transaction, orders).await?;
    let stopped = stopped(transaction, named()).await?;
    let mut admitted: Vec<Result<NewSession<'_>, Refused>> = Vec::with_capacity(orders.len());
    for order in orders {
        let admission = door.admit(order, ids);
        admitted.push(admission.map(|session| with_hooks(session, hooks, &stopped)));
    }
    let new: Vec<NewSession<'_>> = admitted.iter().flatten().cloned().collect();
    let numbered = open_sessions(transaction, &new).await?;
    let numbers: HashMap<String, i64> = numbered
        .into_iter()
        .map(|session| (session.id, session.number))
        .collect();
    let mut reached = Vec::with_capacity(orders.len());
    for (cause, (order, admitted)) in orders.iter().zip(admitted).enumerate() {
        let now = order.now;
        let session = match admitted {
            Ok(session) => session,
            Err(refusal) => {
                reached.push(Some(Outcome::Refused(refusal)));
                continue;
            }
        };
        let number = numbers.get(&session.id).copied().unwrap_or_default();
        let has_stopped = is_stopped(&session, &stopped);
        let session = recorded(session, number);
        let id = session.id.clone();
        book.add(session);
        let moment = Moment { cause, now };
        reached.push(if has_stopped {
            Some(end_with_its_job(&mut book, moment, &id, order.body))
        } else {
            begin(&mut book, moment, &id, order)
        });
    }
    let sayings = book.write(transaction).await?;
    Ok((reached, sayings))
}

/// What is done to set the session up and to tear it down; nothing for one whose job is over already.
fn with_hooks<'a>(
    session: NewSession<'a>,
    hooks: &SiteSessionHooks,
    stopped: &HashSet<(String, JobReference)>,
) -> NewSession<'a> {
    if is_stopped(&session, stopped) {
        return session;
    }
    let hooks = hooks.of_project(session.tenant);
    let waits = hooks.iter().any(|hook| hook.kind == SessionHook::SetUp);
    NewSession {
        state: if waits {
            NodeSessionState::Opening
        } else {
            session.state
        },
        hooks,
        ..session
    }
}

fn is_stopped(session: &NewSession<'_>, stopped: &HashSet<(String, JobReference)>) -> bool {
    let job = session.job.clone();
    job.is_some_and(|job| stopped.contains(&(session.tenant.to_owned(), job)))
}

/// As if the job had stopped just after the session was opened: it is there, and it is over.
fn end_with_its_job(
    book: &mut Book<'_>,
    moment: Moment,
    id: &str,
    command: &OpenNodeSession,
) -> OutcomeOf<OpenNodeSession> {
    let closed = book.begin_to_close(moment, id, EndReason::JobStopped, None);
    // It has no nodes and waits for none, so that it is over at once.
    let closed = closed.ok().flatten();
    let closed = closed.filter(|_| command.demands.is_empty());
    closed.map_or(Outcome::Refused(Refused::Closed), Outcome::Done)
}

/// Sets the session up, or asks for its nodes, or lets it be used.
fn begin(
    book: &mut Book<'_>,
    moment: Moment,
    id: &str,
    order: &Order<'_, OpenNodeSession>,
) -> Reached<OpenNodeSession> {
    let (demands, wait_until) = (order.body.demands.clone(), order.body.wait_until);
    let session = book.session(id)?;
    if session.hook(SessionHook::SetUp).is_some() {
        let then = Ask::SetUp {
            demands,
            wait_until,
        };
        book.begin_set_up(moment, id, order.id, then);
        return None;
    }
    if demands.is_empty() {
        let shown = session.shown();
        let event = Saying::Opened(opened(&shown));
        book.sayings.say(moment.cause, event);
        return Some(Outcome::Done(shown));
    }
    let request = book.next_id();
    let allocate = AllocateNodes {
        request,
        session: id.to_owned(),
        tenant: order.caller.project.clone(),
        demands,
        wait_until,
    };
    let ask = Ask::Open(allocate);
    book.ask(moment, request, id, Some(order.id), ask);
    None
}

/// What decides whether there may be one more session.
struct Door {
    /// Ids of live sessions by tenant and alias.
    aliases: HashMap<(String, String), String>,
    /// Live sessions that were opened with nodes, by tenant and time from when they count.
    counts: BTreeMap<(String, i64), i64>,
    /// Those that were opened in this batch.
    opened: Vec<(String, i64)>,
}

impl Door {
    async fn new(
        transaction: &mut Transaction,
        orders: &[Order<'_, OpenNodeSession>],
    ) -> Result<Self, StorageError> {
        let sought: Vec<(&str, &str)> = orders
            .iter()
            .filter_map(|order| {
                let alias = order.body.alias.as_deref()?;
                Some((order.caller.project.as_str(), alias))
            })
            .collect();
        let references: Vec<(&str, Sought<'_>)> = sought
            .iter()
            .map(|(tenant, alias)| (*tenant, Sought::Alias(alias)))
            .collect();
        let found = find_sessions(transaction, &references).await?;
        let aliases = sought
            .iter()
            .zip(found)
            .filter_map(|((tenant, alias), id)| {
                Some((((*tenant).to_owned(), (*alias).to_owned()), id?))
            });
        let windows: BTreeSet<(&str, i64)> = orders
            .iter()
            .filter(|order| !order.body.demands.is_empty())
            .filter_map(|order| {
                let since = rate::counted_since(order.body.rate?, order.now);
                Some((order.caller.project.as_str(), since))
            })
            .collect();
        let counts = count_live(transaction, windows).await?;
        Ok(Self {
            aliases: aliases.collect(),
            counts: counts
                .into_iter()
                .map(|(tenant, since, sessions)| ((tenant, since), sessions))
                .collect(),
            opened: Vec::new(),
        })
    }

    /// The new session, if there may be one.
    fn admit<'a>(
        &mut self,
        order: &Order<'a, OpenNodeSession>,
        ids: &dyn Ids,
    ) -> Result<NewSession<'a>, Refused> {
        let (tenant, wanted) = (order.caller.project.as_str(), order.body);
        let with_nodes = !wanted.demands.is_empty();
        if let Some(alias) = &wanted.alias {
            if !alias::is_valid(alias) {
                return Err(Refused::InvalidAlias);
            }
            let key = (tenant.to_owned(), alias.clone());
            if let Some(session) = self.aliases.get(&key).cloned() {
                return Err(Refused::AliasInUse { session });
            }
        }
        if let Some(limit) = wanted.rate.filter(|_| with_nodes) {
            let since = rate::counted_since(limit, order.now);
            let before = self.counts.get(&(tenant.to_owned(), since)).copied();
            let same = |(other, at): &&(String, i64)| other == tenant && *at >= since;
            let in_batch = self.opened.iter().filter(same).count();
            let in_batch = i64::try_from(in_batch).unwrap_or(i64::MAX);
            rate::check(limit, before.unwrap_or(0).saturating_add(in_batch))?;
        }
        let id = ids.next().to_string();
        if with_nodes {
            self.opened.push((tenant.to_owned(), order.now));
        }
        if let Some(alias) = &wanted.alias {
            let key = (tenant.to_owned(), alias.clone());
            self.aliases.insert(key, id.clone());
        }
        Ok(NewSession {
            id,
            tenant,
            alias: wanted.alias.as_deref(),
            state: if with_nodes {
                NodeSessionState::Opening
            } else {
                NodeSessionState::Active
            },
            job: wanted.job.as_ref().map(storable),
            with_nodes,
            created_at: order.now,
            hooks: Vec::new(),
        })
    }
}

/// PostgreSQL's text has every character but U+0000; no cluster of the archive has it in its name.
fn storable(job: &JobReference) -> JobReference {
    JobReference {
        cluster: job.cluster.replace('\0', "\u{fffd}"),
        job_id: job.job_id,
    }
}

/// The session as it is in the table.
fn recorded(session: NewSession<'_>, number: i64) -> Session {
    Session {
        id: session.id,
        number,
        tenant: session.tenant.to_owned(),
        alias: session.alias.map(str::to_owned),
        state: session.state,
        job: session.job,
        created_at: session.created_at,
        expires_at: None,
        ended_at: None,
        end_reason: None,
        nodes: Vec::new(),
        hooks: session.hooks,
    }
}

/// What is told of a session that can be used.
pub(crate) fn opened(session: &NodeSession) -> NodeSessionOpened {
    NodeSessionOpened {
        session: session.id.clone(),
        tenant: session.tenant.clone(),
        alias: session.alias.clone(),
        job: session.job.clone(),
        nodes: session.nodes.clone(),
    }
}

#[cfg(test)]
mod tests;
