//! Lists the runs of sessions.

use muster_contract::{
    Outcome,
    session::{JobSessionRefusal, ListSessionRuns, SessionRunPage},
};
use muster_messaging::{AnswerQuery, Asked, HandlerError};
use muster_storage::Database;

use crate::job_sessions::store::list_runs::list_runs;

/// Answers [`ListSessionRuns`].
pub(crate) struct ListSessionRunsHandler {
    database: Database,
}

impl ListSessionRunsHandler {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }
}

impl AnswerQuery<ListSessionRuns> for ListSessionRunsHandler {
    async fn answer(
        &self,
        asked: Asked<ListSessionRuns>,
    ) -> Result<Outcome<SessionRunPage, JobSessionRefusal>, HandlerError> {
        let runs = list_runs(&self.database, &asked.body).await?;
        Ok(match runs {
            Some(runs) => Outcome::Done(SessionRunPage { runs }),
            None => Outcome::Refused(JobSessionRefusal::UnknownSession),
        })
    }
}
