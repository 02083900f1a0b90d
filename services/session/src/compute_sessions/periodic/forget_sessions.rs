//! Forgets sessions that were over long ago, and what their containers wrote.

use std::time::Duration;

use muster_storage::{StorageError, Transaction};

use super::{may_be_more, periodic};
use crate::compute_sessions::{
    book::{Desk, Moment},
    domain::limits::before,
    saying::Sayings,
    store::due::forget,
};

/// How often there is something to forget.
pub(crate) const INTERVAL: Duration = Duration::from_mins(10);

/// Sessions in one transaction.
const LIMIT: i64 = 256;

periodic!(
    /// Forgets.
    ForgetSessions,
    forget_sessions
);

/// Forgets some of them; tells whether there may be more.
pub(crate) async fn forget_sessions(
    transaction: &mut Transaction,
    desk: Desk<'_>,
    moment: Moment,
    limit: i64,
) -> Result<(bool, Sayings), StorageError> {
    let over_before = before(moment.now, desk.limits.history);
    let forgotten = forget(transaction, over_before, limit).await?;
    let more = may_be_more(usize::try_from(forgotten).unwrap_or(usize::MAX), limit);
    Ok((more, Sayings::default()))
}
