//! The nodes there are.

use muster_contract::{
    Outcome,
    message::Never,
    node_allocation::{ListNodes, NodePage},
};
use muster_messaging::{AnswerQuery, Asked, HandlerError};
use muster_storage::Database;

use crate::{domain::storable::is_storable, store::list_nodes::list_nodes};

/// Answers [`ListNodes`].
pub(crate) struct ListNodesHandler(pub(crate) Database);

impl AnswerQuery<ListNodes> for ListNodesHandler {
    async fn answer(
        &self,
        asked: Asked<ListNodes>,
    ) -> Result<Outcome<NodePage, Never>, HandlerError> {
        let question = asked.body;
        let mut names = question.tenant.iter().chain(&question.session);
        let nodes = if names.all(|name| is_storable(name)) {
            list_nodes(&self.0, &question).await?
        } else {
            Vec::new()
        };
        Ok(Outcome::Done(NodePage { nodes }))
    }
}

#[cfg(test)]
mod tests;
