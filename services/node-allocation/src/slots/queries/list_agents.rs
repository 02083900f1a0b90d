//! The agents that run containers.

use muster_contract::{
    Outcome,
    message::Never,
    node_allocation::{AgentPage, ListAgents},
};
use muster_messaging::{AnswerQuery, Asked, HandlerError};
use muster_storage::Database;

use crate::{domain::storable::is_storable, slots::store::list_agents::list_agents};

/// Answers [`ListAgents`].
pub(crate) struct ListAgentsHandler(pub(crate) Database);

impl AnswerQuery<ListAgents> for ListAgentsHandler {
    async fn answer(
        &self,
        asked: Asked<ListAgents>,
    ) -> Result<Outcome<AgentPage, Never>, HandlerError> {
        let question = asked.body;
        let mut names = question.scaling_group.iter().chain(&question.after);
        let agents = if names.all(|name| is_storable(name)) {
            list_agents(&self.0, &question).await?
        } else {
            Vec::new()
        };
        Ok(Outcome::Done(AgentPage { agents }))
    }
}

#[cfg(test)]
mod tests;
