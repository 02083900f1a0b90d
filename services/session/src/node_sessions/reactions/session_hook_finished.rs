//! What agents say of set-ups and tear-downs.

use std::sync::Arc;

use muster_contract::agent::SessionHookFinished;
use muster_messaging::{Effects, HandlerError, Reported, TakeReport};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction};
use tracing::debug;

use super::news::News;
use crate::node_sessions::{
    book::{Book, Moment},
    saying::Sayings,
    store::session_hooks::sessions_of_orders,
};

/// Takes [`SessionHookFinished`].
pub(crate) struct SessionHookReports {
    ids: Arc<dyn Ids>,
}

impl SessionHookReports {
    pub(crate) fn new(ids: Arc<dyn Ids>) -> Self {
        Self { ids }
    }
}

impl TakeReport<SessionHookFinished> for SessionHookReports {
    async fn take(
        &self,
        transaction: &mut Transaction,
        reports: &[Reported<SessionHookFinished>],
        effects: &mut Effects,
    ) -> Result<(), HandlerError> {
        let words: Vec<(&str, News<'_, SessionHookFinished>)> = reports
            .iter()
            .enumerate()
            .map(|(cause, report)| {
                let now = report.context.received_at().as_micros();
                let moment = Moment { cause, now };
                let body = &report.body;
                (report.agent.as_str(), News { moment, body })
            })
            .collect();
        let sayings = session_hooks_finished(transaction, &*self.ids, &words).await?;
        sayings.tell(reports.iter().map(|report| &report.context), effects)
    }
}

/// Takes the word of each agent on its orders. What is said of an attempt that nobody waits for any more changes nothing.
pub(crate) async fn session_hooks_finished(
    transaction: &mut Transaction,
    ids: &dyn Ids,
    reports: &[(&str, News<'_, SessionHookFinished>)],
) -> Result<Sayings, StorageError> {
    let orders = reports.iter().map(|(_, news)| news.body.order);
    let sessions = sessions_of_orders(transaction, orders).await?;
    let mut book = Book::open(transaction, ids, sessions.iter().map(String::as_str), &[]).await?;
    for (agent, News { moment, body }) in reports {
        if let Some(id) = book.session_of_order(body.order) {
            book.hook_finished(*moment, agent, &id, body);
        } else {
            debug!(
                target: "muster",
                order = %body.order, agent, "nobody waits for this hook of a session any more"
            );
        }
    }
    book.write(transaction).await
}
