//! Lists what is known of nodes.

use muster_contract::{
    Outcome,
    job_archive::{KnownNodes, ListNodeStates},
    message::Never,
};
use muster_messaging::{AnswerQuery, Asked, HandlerError};
use muster_storage::Database;

use super::asker;
use crate::{domain::storable::is_storable, store::node_states::known_nodes};

/// Answers [`ListNodeStates`].
pub(crate) struct ListNodeStatesHandler {
    database: Database,
}

impl ListNodeStatesHandler {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }
}

impl AnswerQuery<ListNodeStates> for ListNodeStatesHandler {
    async fn answer(
        &self,
        asked: Asked<ListNodeStates>,
    ) -> Result<Outcome<KnownNodes, Never>, HandlerError> {
        let caller = asker(asked.principal)?;
        let cluster = asked.body.cluster.as_deref();
        let nodes = if cluster.is_none_or(is_storable) {
            known_nodes(&self.database, &caller.project, cluster).await?
        } else {
            Vec::new()
        };
        Ok(Outcome::Done(KnownNodes { nodes }))
    }
}
