//! Lists the containers of a session.

use muster_contract::{
    Outcome,
    message::Never,
    session::{ComputeContainerPage, ListComputeContainers},
};
use muster_messaging::{AnswerQuery, Asked, HandlerError};
use muster_storage::Database;

use crate::compute_sessions::{domain::session::Session, store::list_containers::list_containers};

/// Answers [`ListComputeContainers`].
pub(crate) struct ListComputeContainersHandler {
    database: Database,
}

impl ListComputeContainersHandler {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }
}

impl AnswerQuery<ListComputeContainers> for ListComputeContainersHandler {
    async fn answer(
        &self,
        asked: Asked<ListComputeContainers>,
    ) -> Result<Outcome<ComputeContainerPage, Never>, HandlerError> {
        let (session, total) = list_containers(&self.database, &asked.body).await?;
        Ok(Outcome::Done(ComputeContainerPage {
            session: session.as_ref().map(Session::shown),
            total,
        }))
    }
}

#[cfg(test)]
mod tests;
