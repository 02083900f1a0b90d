//! Asks node allocation again what it has not answered. Neither the broker nor the outbox loses a question, but an operator
//! may discard a dead letter: without this its session would wait for ever. Asked twice, a question does no harm: what
//! comes twice is given back.

use muster_messaging::{Context, Effects, HandlerError, Periodic};
use muster_storage::{StorageError, Transaction};
use tracing::warn;

use crate::node_sessions::{
    asking::PendingRequest,
    saying::Sayings,
    store::due::{missed, postpone},
};

/// Questions in one transaction.
const LIMIT: i64 = 64;

/// Asks again.
pub(crate) struct AskAgain;

impl Periodic for AskAgain {
    async fn run(
        &self,
        transaction: &mut Transaction,
        cause: &Context,
        effects: &mut Effects,
    ) -> Result<bool, HandlerError> {
        let now = cause.received_at().as_micros();
        let (more, sayings) = ask_again(transaction, now, LIMIT).await?;
        sayings.tell([cause], effects)?;
        Ok(more)
    }
}

/// Asks some of it; tells whether there may be more.
pub(crate) async fn ask_again(
    transaction: &mut Transaction,
    now: i64,
    limit: i64,
) -> Result<(bool, Sayings), StorageError> {
    let missed = missed(transaction, now, limit).await?;
    let more = i64::try_from(missed.len()).is_ok_and(|found| found >= limit);
    let later: Vec<(PendingRequest, i64)> = missed
        .into_iter()
        .map(|request| {
            let due_at = PendingRequest::due_after(&request.ask, now);
            (request, due_at)
        })
        .collect();
    let mine = postpone(transaction, &later).await?;
    let mut sayings = Sayings::default();
    for (request, _) in &later {
        if mine.contains(&request.request.to_string()) {
            warn!(
                target: "muster",
                request = %request.request,
                session = request.session,
                "node allocation has not answered: it is asked again"
            );
            sayings.ask(0, &request.ask);
        }
    }
    Ok((more, sayings))
}
