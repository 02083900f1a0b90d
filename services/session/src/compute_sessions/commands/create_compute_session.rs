//! Creates sessions.

use std::collections::{BTreeSet, HashMap};

use muster_contract::{
    Outcome,
    session::{
        ComputeSessionReference, ComputeSessionStatus, CreateComputeSession,
        CreateComputeSessionRefusal, ScheduleRule,
    },
};
use muster_storage::{LockKey, StorageError, Transaction};
use uuid::Uuid;

use super::{
    handler,
    orders::{Order, Reached},
};
use crate::compute_sessions::{
    book::{Book, Desk},
    domain::wish::Wish,
    saying::{Sayings, Settlement},
    store::find_sessions::find_exact,
    waiting::Awaited,
};

handler!(
    /// Takes [`CreateComputeSession`].
    CreateComputeSessionHandler,
    CreateComputeSession,
    create_compute_sessions
);

type Refused = CreateComputeSessionRefusal;

/// Creates sessions, as if the commands came one by one in this order. Of identical ones the first makes the session, and the others
/// wait for it.
pub(crate) async fn create_compute_sessions(
    transaction: &mut Transaction,
    desk: Desk<'_>,
    orders: &[Order<'_, CreateComputeSession>],
) -> Result<(Vec<Reached<CreateComputeSession>>, Sayings), StorageError> {
    // Before the locks of sessions, and only here: no two transactions wait for each other then.
    let names = orders
        .iter()
        .map(|order| LockKey::of(&["compute session name", &order.body.owner, &order.body.name]));
    transaction.lock_keys(&names.collect::<Vec<_>>()).await?;
    let sought: Vec<ComputeSessionReference> =
        orders.iter().flat_map(|order| sought(order.body)).collect();
    let found = find_exact(transaction, &sought.iter().collect::<Vec<_>>()).await?;
    let mut book = Book::open(transaction, desk, found.iter().flatten().copied()).await?;
    let found: Found<'_> = sought.iter().map(key).zip(found).collect();
    let mut reached = Vec::with_capacity(orders.len());
    for order in orders {
        reached.push(match admit(&mut book, &found, order) {
            Ok((id, awaited)) => match book.wait(id, order.id, awaited) {
                Some(Settlement::Create(outcome)) => Some(outcome),
                _ => None,
            },
            Err(refusal) => Some(Outcome::Refused(refusal)),
        });
    }
    Ok((reached, book.write(transaction).await?))
}

/// What was found of what was sought.
type Found<'a> = HashMap<(&'a str, &'a str, bool), Option<Uuid>>;

fn key(reference: &ComputeSessionReference) -> (&str, &str, bool) {
    (&reference.owner, &reference.name, reference.or_over)
}

/// The session of that name, and those that the new one is to depend on.
fn sought(command: &CreateComputeSession) -> impl Iterator<Item = ComputeSessionReference> {
    let reference = |name: &String, or_over| ComputeSessionReference {
        owner: command.owner.clone(),
        name: name.clone(),
        or_over,
    };
    let named = reference(&command.name, false);
    let others = command.dependencies.iter();
    std::iter::once(named).chain(others.map(move |name| reference(name, true)))
}

/// The session, new or not, and what the command waits for.
fn admit(
    book: &mut Book<'_>,
    found: &Found<'_>,
    order: &Order<'_, CreateComputeSession>,
) -> Result<(Uuid, Awaited), Refused> {
    let wanted = order.body;
    if let Some(session) = book.session_named(&wanted.owner, &wanted.name) {
        if !wanted.reuse || session.wish.image.name != wanted.image.name {
            let session = session.id;
            return Err(Refused::Exists { session });
        }
        // One that ends will not run any more: there is nothing to wait for.
        let rule = match session.status {
            ComputeSessionStatus::Terminating => ScheduleRule::Enqueued,
            _ => wanted.answer,
        };
        return Ok((session.id, awaited(rule, false)));
    }
    let (dependencies, open) = dependencies(book, found, wanted)?;
    let wish = Wish::of(wanted, dependencies);
    let id = book.begin(order.moment, wish, &open);
    Ok((id, awaited(wanted.answer, true)))
}

const fn awaited(rule: ScheduleRule, created: bool) -> Awaited {
    match rule {
        ScheduleRule::Enqueued => Awaited::Known { created },
        ScheduleRule::StartedBy(until) => Awaited::Started { created, until },
    }
}

/// The sessions that the new one depends on, and those of them that it has to wait for.
fn dependencies(
    book: &Book<'_>,
    found: &Found<'_>,
    wanted: &CreateComputeSession,
) -> Result<(Vec<Uuid>, BTreeSet<Uuid>), Refused> {
    let mut all = Vec::with_capacity(wanted.dependencies.len());
    let mut open = BTreeSet::new();
    for name in &wanted.dependencies {
        let id = found.get(&(wanted.owner.as_str(), name.as_str(), true));
        let session = id.copied().flatten().and_then(|id| book.session(id));
        let session = session.filter(|session| session.has_succeeded() != Some(false));
        let session = session.ok_or_else(|| Refused::Dependency { name: name.clone() })?;
        if session.has_succeeded().is_none() {
            open.insert(session.id);
        }
        if !all.contains(&session.id) {
            all.push(session.id);
        }
    }
    Ok((all, open))
}

#[cfg(test)]
mod tests;
