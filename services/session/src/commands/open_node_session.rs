//! Opens sessions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use muster_contract::{
    Outcome,
    node_allocation::AllocateNodes,
    session::{
        JobReference, NodeSession, NodeSessionOpened, NodeSessionState, OpenNodeSession,
        OpenNodeSessionRefusal,
    },
};
use muster_platform::Ids;
use muster_storage::{LockKey, StorageError, Transaction};

use super::{
    handler,
    orders::{Order, Reached},
};
use crate::{
    asking::Ask,
    book::{Book, Moment},
    domain::{alias, rate, reference::Sought},
    saying::{Saying, Sayings},
    store::{
        find_sessions::find_sessions,
        open_sessions::{NewSession, count_live, open_sessions},
    },
};

handler!(
    /// Takes [`OpenNodeSession`].
    OpenNodeSessionHandler,
    OpenNodeSession,
    open_node_sessions
);

type Refused = OpenNodeSessionRefusal;

/// Opens sessions as if the commands came one by one in this order.
pub(crate) async fn open_node_sessions(
    transaction: &mut Transaction,
    ids: &dyn Ids,
    orders: &[Order<'_, OpenNodeSession>],
) -> Result<(Vec<Reached<OpenNodeSession>>, Sayings), StorageError> {
    // What is looked at before one is opened must not change until it is there.
    let tenants = orders.iter().map(|order| order.caller.project.as_str());
    let tenants: Vec<LockKey> = tenants
        .map(|tenant| LockKey::of(&["tenant", tenant]))
        .collect();
    let mut book = Book::open(transaction, ids, [], &tenants).await?;
    let mut door = Door::new(transaction, orders).await?;
    let mut admitted: Vec<Result<NewSession<'_>, Refused>> = Vec::with_capacity(orders.len());
    for order in orders {
        admitted.push(door.admit(order, ids));
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
        let moment = Moment { cause, now };
        if session.with_nodes {
            let request = ids.next();
            let allocate = AllocateNodes {
                request,
                session: session.id.clone(),
                tenant: session.tenant.to_owned(),
                demands: order.body.demands.clone(),
                wait_until: order.body.wait_until,
            };
            let ask = Ask::Open(allocate);
            book.ask(moment, request, &session.id, Some(order.id), ask);
            reached.push(None);
        } else {
            let number = numbers.get(&session.id).copied().unwrap_or_default();
            let shown = shown(&session, number);
            book.sayings.say(cause, Saying::Opened(opened(&shown)));
            reached.push(Some(Outcome::Done(shown)));
        }
    }
    let sayings = book.write(transaction).await?;
    Ok((reached, sayings))
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

fn shown(session: &NewSession<'_>, number: i64) -> NodeSession {
    NodeSession {
        id: session.id.clone(),
        number,
        tenant: session.tenant.to_owned(),
        alias: session.alias.map(str::to_owned),
        state: session.state,
        job: session.job.clone(),
        created_at: session.created_at,
        expires_at: None,
        ended_at: None,
        end_reason: None,
        nodes: Vec::new(),
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
