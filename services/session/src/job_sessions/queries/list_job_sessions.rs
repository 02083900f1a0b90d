//! Lists sessions.

use muster_contract::{
    Outcome,
    message::Never,
    session::{JobSessionPage, ListJobSessions},
};
use muster_messaging::{AnswerQuery, Asked, HandlerError};
use muster_storage::Database;

use crate::job_sessions::{domain::session::Session, store::list_sessions::list_sessions};

/// Answers [`ListJobSessions`].
pub(crate) struct ListJobSessionsHandler {
    database: Database,
}

impl ListJobSessionsHandler {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }
}

impl AnswerQuery<ListJobSessions> for ListJobSessionsHandler {
    async fn answer(
        &self,
        asked: Asked<ListJobSessions>,
    ) -> Result<Outcome<JobSessionPage, Never>, HandlerError> {
        let sessions = list_sessions(&self.database, &asked.body).await?;
        Ok(Outcome::Done(JobSessionPage {
            sessions: sessions.iter().map(Session::shown).collect(),
        }))
    }
}
