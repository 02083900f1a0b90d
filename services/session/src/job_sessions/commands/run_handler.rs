//! Takes the commands about sessions that are there.

use muster_messaging::{Effects, HandleCommand, HandlerError, OutcomeOf, Request};
use muster_storage::Transaction;

use super::{
    run_commands::{AboutSession, carry_out},
    session_orders::orders,
};
use crate::job_sessions::domain::run::Rules;

/// Takes them all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunCommandHandler {
    rules: Rules,
}

impl RunCommandHandler {
    pub(crate) fn new(rules: Rules) -> Self {
        Self { rules }
    }
}

impl<C: AboutSession> HandleCommand<C> for RunCommandHandler {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<C>],
        effects: &mut Effects,
    ) -> Result<Vec<OutcomeOf<C>>, HandlerError> {
        let orders = orders(requests)?;
        let (outcomes, sayings) = carry_out(transaction, self.rules, &orders).await?;
        sayings.tell(requests.iter().map(|request| &request.context), effects)?;
        Ok(outcomes)
    }
}
