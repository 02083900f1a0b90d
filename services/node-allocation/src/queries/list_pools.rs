//! The pools and how full they are.

use muster_contract::{
    Outcome,
    message::Never,
    node_allocation::{ListPools, PoolList},
};
use muster_messaging::{AnswerQuery, Asked, HandlerError};
use muster_storage::Database;

use crate::store::list_pools::list_pools;

/// Answers [`ListPools`].
pub(crate) struct ListPoolsHandler(pub(crate) Database);

impl AnswerQuery<ListPools> for ListPoolsHandler {
    async fn answer(&self, _: Asked<ListPools>) -> Result<Outcome<PoolList, Never>, HandlerError> {
        let pools = list_pools(&self.0).await?;
        Ok(Outcome::Done(PoolList { pools }))
    }
}
