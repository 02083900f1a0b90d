//! Finds the document about a machine.

use muster_contract::{
    Outcome,
    job_archive::{FindMachineState, FindMachineStateRefusal, MachineState},
};
use muster_messaging::{AnswerQuery, Asked, HandlerError};
use muster_storage::Database;

use super::asker;
use crate::{domain::storable::is_storable, store::machine_states::find_machine_state};

/// Answers [`FindMachineState`].
pub(crate) struct FindMachineStateHandler {
    database: Database,
}

impl FindMachineStateHandler {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }
}

impl AnswerQuery<FindMachineState> for FindMachineStateHandler {
    async fn answer(
        &self,
        asked: Asked<FindMachineState>,
    ) -> Result<Outcome<MachineState, FindMachineStateRefusal>, HandlerError> {
        let caller = asker(asked.principal)?;
        let FindMachineState { cluster, host } = &asked.body;
        let found = if is_storable(cluster) && is_storable(host) {
            find_machine_state(&self.database, &caller.project, cluster, host).await?
        } else {
            None
        };
        let refusal = Outcome::Refused(FindMachineStateRefusal::NotFound);
        Ok(found.map_or(refusal, Outcome::Done))
    }
}
