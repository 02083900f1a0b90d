//! Containers are over.

use std::collections::BTreeSet;

use muster_contract::agent::ContainerEnded;
use muster_storage::{StorageError, Transaction};
use uuid::Uuid;

use super::{news::Word, reports};
use crate::compute_sessions::{
    book::{Book, Desk},
    saying::Sayings,
    store::containers::sessions_of_containers,
};

reports!(
    /// Takes [`ContainerEnded`].
    ContainerEndedReports,
    ContainerEnded,
    containers_ended
);

/// Takes the word of each agent, whether the end was ordered or not, and keeps what the containers wrote.
pub(crate) async fn containers_ended(
    transaction: &mut Transaction,
    desk: Desk<'_>,
    words: &[Word<'_, ContainerEnded>],
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
            let is_of_it = book.change(*moment, *id, |session, turn| {
                session.ended(turn, agent, body)
            });
            if is_of_it == Some(true) {
                book.keep_logs(body.container, &body.logs);
            }
        }
    }
    book.write(transaction).await
}
