//! Finds the sessions whose id or name begins like something.

use muster_contract::{
    Outcome,
    message::Never,
    session::{ComputeSessionMatches, MatchComputeSessions},
};
use muster_messaging::{AnswerQuery, Asked, HandlerError};
use muster_storage::Database;

use crate::compute_sessions::store::find_sessions::read_matches;

/// Answers [`MatchComputeSessions`].
pub(crate) struct MatchComputeSessionsHandler {
    database: Database,
}

impl MatchComputeSessionsHandler {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }
}

impl AnswerQuery<MatchComputeSessions> for MatchComputeSessionsHandler {
    async fn answer(
        &self,
        asked: Asked<MatchComputeSessions>,
    ) -> Result<Outcome<ComputeSessionMatches, Never>, HandlerError> {
        let mut snapshot = self.database.snapshot().await?;
        let matches = read_matches(&mut snapshot, &asked.body).await?;
        Ok(Outcome::Done(ComputeSessionMatches { matches }))
    }
}
