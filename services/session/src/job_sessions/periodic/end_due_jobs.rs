//! Ends jobs of runs on their behalf that nothing is heard of.

use muster_messaging::{Context, Effects, HandlerError, Periodic};
use muster_storage::{StorageError, Transaction};

use crate::job_sessions::{
    book::{Book, Moment, Subject},
    domain::run::Rules,
    saying::Sayings,
    store::sessions::due_sessions,
};

/// Sessions in one transaction.
const LIMIT: i64 = 64;

/// Ends jobs of runs on their behalf that nothing is heard of.
pub(crate) struct EndDueJobs {
    rules: Rules,
}

impl EndDueJobs {
    pub(crate) fn new(rules: Rules) -> Self {
        Self { rules }
    }
}

impl Periodic for EndDueJobs {
    async fn run(
        &self,
        transaction: &mut Transaction,
        cause: &Context,
        effects: &mut Effects,
    ) -> Result<bool, HandlerError> {
        let now = cause.received_at().as_micros();
        let (more, sayings) = end_due_jobs(transaction, self.rules, now, LIMIT).await?;
        sayings.tell([cause], effects)?;
        Ok(more)
    }
}

/// Looks at some of the sessions that are due; tells whether there may be more. What another replica, or a job, did while
/// this one waited for its turn is seen: a job is ended once.
pub(crate) async fn end_due_jobs(
    transaction: &mut Transaction,
    rules: Rules,
    now: i64,
    limit: i64,
) -> Result<(bool, Sayings), StorageError> {
    let due = due_sessions(transaction, now, limit).await?;
    let more = i64::try_from(due.len()).is_ok_and(|found| found >= limit);
    let subject = Subject {
        sessions: due.iter().cloned().collect(),
        ..Subject::default()
    };
    let mut book = Book::open(transaction, rules, subject).await?;
    for key in &due {
        book.end_due(Moment { cause: 0, now }, key);
    }
    Ok((more, book.write(transaction).await?))
}
