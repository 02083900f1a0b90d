//! Sessions gave nodes back.

use muster_contract::{Outcome, node_allocation::NodesReleased, session::NodeSessionShrunk};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction};
use uuid::Uuid;

use super::{news::News, reaction};
use crate::node_sessions::{
    asking::Ask,
    book::{Book, Moment},
    domain::session::Session,
    saying::{Saying, Sayings, Settlement},
};

reaction!(
    /// Reacts to [`NodesReleased`].
    NodesReleasedReaction,
    NodesReleased,
    nodes_released
);

/// Ends the sessions that gave all back, and tells of the others.
pub(crate) async fn nodes_released(
    transaction: &mut Transaction,
    ids: &dyn Ids,
    news: &[News<'_, NodesReleased>],
) -> Result<Sayings, StorageError> {
    let sessions = news.iter().map(|news| news.body.session.as_str());
    let mut book = Book::open(transaction, ids, sessions, &[]).await?;
    for News { moment, body } in news {
        take(&mut book, *moment, body);
    }
    book.write(transaction).await
}

fn take(book: &mut Book<'_>, moment: Moment, released: &NodesReleased) {
    // Nobody asked: nodes that came too late were sent back.
    let Some(pending) = book.answer(released.request) else {
        return;
    };
    match pending.ask {
        Ask::Close(_) => {
            if let Some(closed) = book.close(moment, &pending.session) {
                let outcome = Settlement::Close(Outcome::Done(closed));
                book.sayings.settle(moment.cause, pending.command, outcome);
            }
        }
        Ask::Shrink { hostname, .. } => {
            shrunk(book, moment, &pending.session, hostname, pending.command);
        }
        // Not asked to give anything back.
        Ask::SetUp { .. } | Ask::Open(_) | Ask::Grow(_) | Ask::Hold(_) => {}
    }
}

fn shrunk(
    book: &mut Book<'_>,
    moment: Moment,
    session: &str,
    hostname: String,
    command: Option<Uuid>,
) {
    let Some(session) = book.session(session).map(Session::shown) else {
        return;
    };
    let event = NodeSessionShrunk {
        session: session.id.clone(),
        tenant: session.tenant.clone(),
        alias: session.alias.clone(),
        hostname,
    };
    book.sayings.say(moment.cause, Saying::Shrunk(event));
    let outcome = Settlement::Shrink(Outcome::Done(session));
    book.sayings.settle(moment.cause, command, outcome);
}
