//! Says what sessions have used.

use std::sync::Arc;

use muster_contract::{
    Outcome,
    message::Never,
    session::{AccountNodeSessions, AccountPage},
};
use muster_messaging::{AnswerQuery, Asked, HandlerError};
use muster_platform::Clock;
use muster_storage::Database;

use crate::node_sessions::store::accounts::accounts;

/// Answers [`AccountNodeSessions`].
pub(crate) struct AccountNodeSessionsHandler {
    database: Database,
    clock: Arc<dyn Clock>,
}

impl AccountNodeSessionsHandler {
    pub(crate) fn new(database: Database, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock }
    }
}

impl AnswerQuery<AccountNodeSessions> for AccountNodeSessionsHandler {
    async fn answer(
        &self,
        asked: Asked<AccountNodeSessions>,
    ) -> Result<Outcome<AccountPage, Never>, HandlerError> {
        let now = self.clock.now().as_micros();
        let accounts = accounts(&self.database, &asked.body, now).await?;
        Ok(Outcome::Done(AccountPage { accounts }))
    }
}

#[cfg(test)]
mod tests;
