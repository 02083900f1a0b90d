//! What became of starting containers.

use std::collections::BTreeSet;

use muster_contract::agent::ContainerStarted;
use muster_storage::{StorageError, Transaction};
use uuid::Uuid;

use super::{news::Word, reports};
use crate::compute_sessions::{
    book::{Book, Desk},
    saying::Sayings,
    store::containers::sessions_of_containers,
};

reports!(
    /// Takes [`ContainerStarted`].
    ContainerStartedReports,
    ContainerStarted,
    containers_started
);

/// Takes the word of each agent on its orders. What is said of an order that nobody waits for any more changes nothing.
pub(crate) async fn containers_started(
    transaction: &mut Transaction,
    desk: Desk<'_>,
    words: &[Word<'_, ContainerStarted>],
) -> Result<Sayings, StorageError> {
    let containers: BTreeSet<Uuid> = words.iter().map(|word| word.body.container).collect();
    let sessions = sessions_of_containers(transaction, &containers).await?;
    let mut book = Book::open(transaction, desk, sessions.values().copied()).await?;
    for Word {
        moment,
        agent,
        body,
    } in words
    {
        if let Some(id) = sessions.get(&body.container) {
            book.change(*moment, *id, |session, turn| {
                session.started(turn, agent, body);
            });
        }
    }
    book.write(transaction).await
}
