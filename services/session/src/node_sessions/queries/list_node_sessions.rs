//! Lists sessions.

use muster_contract::{
    Outcome,
    message::Never,
    session::{ListNodeSessions, NodeSessionPage},
};
use muster_messaging::{AnswerQuery, Asked, HandlerError};
use muster_storage::Database;

use crate::node_sessions::{domain::session::Session, store::list_sessions::list_sessions};

/// Answers [`ListNodeSessions`].
pub(crate) struct ListNodeSessionsHandler {
    database: Database,
}

impl ListNodeSessionsHandler {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }
}

impl AnswerQuery<ListNodeSessions> for ListNodeSessionsHandler {
    async fn answer(
        &self,
        asked: Asked<ListNodeSessions>,
    ) -> Result<Outcome<NodeSessionPage, Never>, HandlerError> {
        let sessions = list_sessions(&self.database, &asked.body).await?;
        Ok(Outcome::Done(NodeSessionPage {
            sessions: sessions.iter().map(Session::shown).collect(),
        }))
    }
}

#[cfg(test)]
mod tests;
