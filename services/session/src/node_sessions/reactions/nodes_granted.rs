//! Nodes have come for sessions.

use muster_contract::{
    Outcome,
    agent::SessionHook,
    node_allocation::{LeasedNode, NodesGranted, ReleaseNodes},
    session::{GrownNodeSession, NodeSession, NodeSessionGrown},
};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction};
use uuid::Uuid;

use super::{news::News, reaction};
use crate::node_sessions::{
    asking::{Ask, PendingRequest},
    book::{Book, Moment},
    commands::open_node_session::opened,
    domain::session::Session,
    saying::{Saying, Sayings, Settlement},
};

reaction!(
    /// Reacts to [`NodesGranted`].
    NodesGrantedReaction,
    NodesGranted,
    nodes_granted
);

/// Gives the nodes to the sessions. Those that came too late go back.
pub(crate) async fn nodes_granted(
    transaction: &mut Transaction,
    ids: &dyn Ids,
    news: &[News<'_, NodesGranted>],
) -> Result<Sayings, StorageError> {
    let sessions = news.iter().map(|news| news.body.session.as_str());
    let mut book = Book::open(transaction, ids, sessions, &[]).await?;
    for News { moment, body } in news {
        take(&mut book, *moment, body);
    }
    book.write(transaction).await
}

fn take(book: &mut Book<'_>, moment: Moment, granted: &NodesGranted) {
    let session = granted.session.as_str();
    let pending = book.answer(granted.request);
    let Some(pending) = pending else {
        // The one who asked was refused meanwhile; or this is the answer to a question that was asked twice.
        return send_back(book, moment, granted);
    };
    let counted_from = counted_from(book, moment, &pending);
    let Some(added) = book.grant(session, &granted.nodes, counted_from) else {
        return send_back(book, moment, granted);
    };
    let Some(shown) = book.session(session).map(Session::shown) else {
        return;
    };
    tell(book, moment, pending.command, &pending.ask, shown, added);
}

/// The limits of life count from when the session was opened, unless its first nodes, or its set-up, were waited for or
/// these are further ones.
fn counted_from(book: &Book<'_>, moment: Moment, pending: &PendingRequest) -> i64 {
    let session = book.session(&pending.session);
    match (&pending.ask, session) {
        (Ask::Open(allocate), Some(session))
            if allocate.wait_until.is_none() && session.hook(SessionHook::SetUp).is_none() =>
        {
            session.created_at
        }
        _ => moment.now,
    }
}

fn tell(
    book: &mut Book<'_>,
    moment: Moment,
    command: Option<Uuid>,
    ask: &Ask,
    session: NodeSession,
    added: Vec<LeasedNode>,
) {
    if let Ask::Open(_) = ask {
        let event = Saying::Opened(opened(&session));
        book.sayings.say(moment.cause, event);
        let outcome = Settlement::Open(Outcome::Done(session));
        book.sayings.settle(moment.cause, command, outcome);
        return;
    }
    let event = NodeSessionGrown {
        session: session.id.clone(),
        tenant: session.tenant.clone(),
        alias: session.alias.clone(),
        nodes: added.clone(),
    };
    book.sayings.say(moment.cause, Saying::Grown(event));
    let outcome = Settlement::Grow(Outcome::Done(GrownNodeSession { session, added }));
    book.sayings.settle(moment.cause, command, outcome);
}

/// Gives back the nodes that the session does not have. The generation keeps those alone that are somebody else's by now.
fn send_back(book: &mut Book<'_>, moment: Moment, granted: &NodesGranted) {
    let session = book.session(&granted.session);
    let holds = |lease: &LeasedNode| {
        session
            .is_some_and(|session| session.is_live() && session.holds(lease.id, lease.generation))
    };
    let leases: Vec<(i64, i64)> = granted
        .nodes
        .iter()
        .filter(|lease| !holds(lease))
        .map(|lease| (lease.id, lease.generation))
        .collect();
    if leases.is_empty() {
        return;
    }
    let release = ReleaseNodes {
        request: book.next_id(),
        session: granted.session.clone(),
        tenant: granted.tenant.clone(),
        leases: Some(leases),
    };
    book.sayings.say(moment.cause, Saying::Release(release));
}
