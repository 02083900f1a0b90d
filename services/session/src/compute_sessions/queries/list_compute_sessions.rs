//! Lists sessions.

use muster_contract::{
    Outcome,
    session::{ComputeSessionPage, ListComputeSessions, ListComputeSessionsRefusal},
};
use muster_messaging::{AnswerQuery, Asked, HandlerError};
use muster_storage::Database;

use crate::compute_sessions::{
    domain::session::Session,
    store::lists::{Bookmarks, list_sessions},
};

/// Answers [`ListComputeSessions`].
pub(crate) struct ListComputeSessionsHandler {
    database: Database,
    bookmarks: Bookmarks,
}

impl ListComputeSessionsHandler {
    pub(crate) fn new(database: Database) -> Self {
        Self {
            database,
            bookmarks: Bookmarks::default(),
        }
    }
}

impl AnswerQuery<ListComputeSessions> for ListComputeSessionsHandler {
    async fn answer(
        &self,
        asked: Asked<ListComputeSessions>,
    ) -> Result<Outcome<ComputeSessionPage, ListComputeSessionsRefusal>, HandlerError> {
        let listed = list_sessions(&self.database, &self.bookmarks, &asked.body).await?;
        Ok(match listed {
            Ok(page) => Outcome::Done(ComputeSessionPage {
                sessions: page.sessions.iter().map(Session::shown).collect(),
                total: page.total,
            }),
            Err(refusal) => Outcome::Refused(refusal),
        })
    }
}

#[cfg(test)]
mod tests;
