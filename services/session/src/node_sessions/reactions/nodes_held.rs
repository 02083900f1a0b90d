//! The nodes of sessions are kept for a look.

use muster_contract::{Outcome, node_allocation::NodesHeld, session::NodeSessionHeld};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction};

use super::{news::News, reaction};
use crate::node_sessions::{
    asking::Ask,
    book::{Book, Moment},
    domain::session::Session,
    saying::{Saying, Sayings, Settlement},
};

reaction!(
    /// Reacts to [`NodesHeld`].
    NodesHeldReaction,
    NodesHeld,
    nodes_held
);

/// Tells whoever asked for it.
pub(crate) async fn nodes_held(
    transaction: &mut Transaction,
    ids: &dyn Ids,
    news: &[News<'_, NodesHeld>],
) -> Result<Sayings, StorageError> {
    let sessions = news.iter().map(|news| news.body.session.as_str());
    let mut book = Book::open(transaction, ids, sessions, &[]).await?;
    for News { moment, body } in news {
        take(&mut book, *moment, body);
    }
    book.write(transaction).await
}

fn take(book: &mut Book<'_>, moment: Moment, held: &NodesHeld) {
    let Some(pending) = book.answer(held.request) else {
        return;
    };
    let (Ask::Hold(_), Some(session)) = (
        &pending.ask,
        book.session(&pending.session).map(Session::shown),
    ) else {
        return;
    };
    let is_held =
        |node: &&muster_contract::node_allocation::LeasedNode| held.nodes.contains(&node.id);
    let event = NodeSessionHeld {
        session: session.id.clone(),
        tenant: session.tenant.clone(),
        alias: session.alias.clone(),
        hostnames: session
            .nodes
            .iter()
            .filter(is_held)
            .map(|node| node.hostname.clone())
            .collect(),
    };
    book.sayings.say(moment.cause, Saying::Held(event));
    let outcome = Settlement::Hold(Outcome::Done(session));
    book.sayings.settle(moment.cause, pending.command, outcome);
}
