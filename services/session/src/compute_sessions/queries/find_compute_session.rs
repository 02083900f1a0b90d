//! Finds one session.

use muster_contract::{
    Outcome,
    session::{ComputeSessionRefusal, FindComputeSession, FoundComputeSession},
};
use muster_messaging::{AnswerQuery, Asked, HandlerError};
use muster_storage::{Database, StorageError};

use crate::compute_sessions::store::{
    find_sessions::read_meant, load::read_sessions, logs::logs_of_session,
};

/// Answers [`FindComputeSession`].
pub(crate) struct FindComputeSessionHandler {
    database: Database,
}

impl FindComputeSessionHandler {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }
}

impl AnswerQuery<FindComputeSession> for FindComputeSessionHandler {
    async fn answer(
        &self,
        asked: Asked<FindComputeSession>,
    ) -> Result<Outcome<FoundComputeSession, ComputeSessionRefusal>, HandlerError> {
        Ok(find_compute_session(&self.database, &asked.body).await?)
    }
}

/// The session, and what its main container wrote if it is over, as they are at one moment.
pub(crate) async fn find_compute_session(
    database: &Database,
    question: &FindComputeSession,
) -> Result<Outcome<FoundComputeSession, ComputeSessionRefusal>, StorageError> {
    let mut snapshot = database.snapshot().await?;
    let id = match read_meant(&mut snapshot, &question.session).await? {
        Ok(id) => id,
        Err(refusal) => return Ok(Outcome::Refused(refusal)),
    };
    let mut found = read_sessions(&mut snapshot, &[id], true).await?;
    let Some(session) = found.remove(&id) else {
        return Ok(Outcome::Refused(ComputeSessionRefusal::Unknown));
    };
    let logs = if session.status.is_over() {
        logs_of_session(&mut snapshot, id).await?
    } else {
        None
    };
    let session = session.shown();
    Ok(Outcome::Done(FoundComputeSession { session, logs }))
}

#[cfg(test)]
mod tests;
