//! Lists sessions.

use muster_contract::{
    Outcome,
    message::Never,
    session::{ComputeSessionPage, ListComputeSessions},
};
use muster_messaging::{AnswerQuery, Asked, HandlerError};
use muster_storage::Database;

use crate::compute_sessions::{domain::session::Session, store::list_sessions::list_sessions};

/// Answers [`ListComputeSessions`].
pub(crate) struct ListComputeSessionsHandler {
    database: Database,
}

impl ListComputeSessionsHandler {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }
}

impl AnswerQuery<ListComputeSessions> for ListComputeSessionsHandler {
    async fn answer(
        &self,
        asked: Asked<ListComputeSessions>,
    ) -> Result<Outcome<ComputeSessionPage, Never>, HandlerError> {
        let page = list_sessions(&self.database, &asked.body).await?;
        Ok(Outcome::Done(ComputeSessionPage {
            sessions: page.sessions.iter().map(Session::shown).collect(),
            total: page.total,
        }))
    }
}

#[cfg(test)]
mod tests;
