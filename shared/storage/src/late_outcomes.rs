//! Outcomes that come later: commands that were begun, and who is to be told how they ended.
//!
//! A command that was begun has an [inbox row](crate::inbox) without outcome. Whoever waits for it stands here until the
//! outcome is stored and told.

use sqlx::FromRow;

use crate::{Bind, ColumnType, Database, SetStatement, StorageError, Transaction};

/// Who waits for a command's outcome.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ReplyAddress {
    /// The command.
    pub command_id: String,
    /// Where to tell it.
    pub address: String,
    /// Until when somebody waits there, in microseconds since 1970 (UTC).
    pub deadline: i64,
}

/// An outcome that arrives after its command was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateOutcome {
    /// The command.
    pub command_id: String,
    /// What came out, as JSON.
    pub outcome: String,
}

/// A command that was just settled.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct SettledCommand {
    /// Its id.
    pub id: String,
    /// The digest it was recorded with.
    pub fingerprint: Option<String>,
}

/// An outcome that is stored and may not have been told.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct UntoldOutcome {
    /// The command.
    pub command_id: String,
    /// Where to tell it.
    pub address: String,
    /// Until when somebody waits there, in microseconds since 1970 (UTC).
    pub deadline: i64,
    /// The digest the command was recorded with.
    pub fingerprint: Option<String>,
    /// What came out, as JSON.
    pub outcome: Option<String>,
}

/// The statement counts to sixteen: who waits for one command at once is told, within reason. (One ingress is one address,
/// however many of its requests wait.)
pub(crate) static AWAIT: SetStatement = SetStatement::new(
    "INSERT INTO reply_addresses (command_id, address, deadline) \
     SELECT r.command_id, r.address, r.deadline FROM {rows} \
     WHERE (SELECT COUNT(*) FROM reply_addresses AS a WHERE a.command_id = r.command_id) < 16 \
     ON CONFLICT (command_id, address) DO UPDATE SET deadline = excluded.deadline \
     WHERE excluded.deadline > reply_addresses.deadline",
    &[
        ("command_id", ColumnType::Text),
        ("address", ColumnType::Text),
        ("deadline", ColumnType::Integer),
    ],
);

/// Changes nothing; it is for the lock on the row.
pub(crate) static HOLD: SetStatement = SetStatement::new(
    "UPDATE inbox SET received_at = inbox.received_at FROM {rows} \
     WHERE inbox.id = r.id AND inbox.outcome IS NULL RETURNING inbox.id",
    &[("id", ColumnType::Text)],
);

pub(crate) static SETTLE: SetStatement = SetStatement::new(
    "UPDATE inbox SET outcome = r.outcome FROM {rows} \
     WHERE inbox.id = r.id AND inbox.outcome IS NULL RETURNING inbox.id, inbox.fingerprint",
    &[("id", ColumnType::Text), ("outcome", ColumnType::Text)],
);

pub(crate) static MARK_SETTLED: SetStatement = SetStatement::new(
    "UPDATE reply_addresses SET settled_at = r.settled_at FROM {rows} \
     WHERE reply_addresses.command_id = r.id \
     RETURNING reply_addresses.command_id, reply_addresses.address, reply_addresses.deadline",
    &[
        ("id", ColumnType::Text),
        ("settled_at", ColumnType::Integer),
    ],
);

pub(crate) const UNTOLD: &str = "SELECT a.command_id, a.address, a.deadline, i.fingerprint, i.outcome \
     FROM reply_addresses AS a JOIN inbox AS i ON i.id = a.command_id \
     WHERE a.settled_at IS NOT NULL AND a.settled_at < $1 ORDER BY a.settled_at, a.command_id LIMIT $2";

pub(crate) static FORGET_TOLD: SetStatement = SetStatement::new(
    "DELETE FROM reply_addresses WHERE settled_at IS NOT NULL AND command_id IN (SELECT r.id FROM {rows})",
    &[("id", ColumnType::Text)],
);

pub(crate) const FORGET_BEFORE: &str = "DELETE FROM reply_addresses WHERE (command_id, address) IN \
     (SELECT command_id, address FROM reply_addresses WHERE deadline < $1 ORDER BY deadline LIMIT $2)";

/// Notes who waits for commands that were begun (each pair of command and address given once). Beyond sixteen addresses of
/// one command nobody is noted.
pub async fn await_outcomes(
    transaction: &mut Transaction,
    addresses: &[ReplyAddress],
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = addresses
        .iter()
        .map(|address| {
            vec![
                (&address.command_id).into(),
                (&address.address).into(),
                address.deadline.into(),
            ]
        })
        .collect();
    transaction.write_set(&AWAIT, &rows).await
}

/// Those of the commands that are begun and not settled. No other transaction settles them until this one ends; if one is
/// doing so at this moment, this waits for its end.
pub async fn hold(
    transaction: &mut Transaction,
    commands: &[String],
) -> Result<Vec<String>, StorageError> {
    let rows: Vec<Vec<Bind>> = commands.iter().map(|id| vec![id.into()]).collect();
    let held: Vec<(String,)> = transaction.fetch_set(&HOLD, &rows).await?;
    Ok(held.into_iter().map(|(id,)| id).collect())
}

/// Stores outcomes (each command given once) at `now` (microseconds since 1970). Returns the commands that were begun and
/// are now settled, and who waits for them. A command that was settled before, or is not known, stays as it is.
pub async fn settle(
    transaction: &mut Transaction,
    outcomes: &[LateOutcome],
    now: i64,
) -> Result<(Vec<SettledCommand>, Vec<ReplyAddress>), StorageError> {
    let rows: Vec<Vec<Bind>> = outcomes
        .iter()
        .map(|outcome| vec![(&outcome.command_id).into(), (&outcome.outcome).into()])
        .collect();
    let settled: Vec<SettledCommand> = transaction.fetch_set(&SETTLE, &rows).await?;
    let rows: Vec<Vec<Bind>> = settled
        .iter()
        .map(|command| vec![(&command.id).into(), now.into()])
        .collect();
    let addresses = transaction.fetch_set(&MARK_SETTLED, &rows).await?;
    Ok((settled, addresses))
}

/// Up to `limit` outcomes stored before `settled_before` (microseconds since 1970) that were not told, oldest first, those of one
/// command together.
pub async fn untold(
    database: &Database,
    settled_before: i64,
    limit: i64,
) -> Result<Vec<UntoldOutcome>, StorageError> {
    database
        .fetch_all(UNTOLD, &[settled_before.into(), limit.into()])
        .await
}

/// Forgets who waited for these commands: they were told. Returns how many that were.
pub async fn forget_told(
    transaction: &mut Transaction,
    commands: &[String],
) -> Result<u64, StorageError> {
    let rows: Vec<Vec<Bind>> = commands.iter().map(|id| vec![id.into()]).collect();
    transaction.execute_set(&FORGET_TOLD, &rows).await
}

/// Forgets up to `limit` of those who waited until before `micros` (microseconds since 1970), and tells how many.
pub async fn forget_before(
    transaction: &mut Transaction,
    micros: i64,
    limit: i64,
) -> Result<u64, StorageError> {
    transaction
        .execute(FORGET_BEFORE, &[micros.into(), limit.into()])
        .await
}
