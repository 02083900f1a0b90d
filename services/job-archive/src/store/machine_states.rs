//! Documents about machines.

use muster_contract::job_archive::{MachineState, RecordMachineState};
use muster_storage::{Database, StorageError, Transaction};

/// Keeps the document, in place of the one before.
pub(crate) async fn record_machine_state(
    transaction: &mut Transaction,
    tenant: &str,
    state: &RecordMachineState,
    now: i64,
) -> Result<(), StorageError> {
    let sql = "INSERT INTO machine_state (tenant, cluster, hostname, document, recorded_at) \
         VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (tenant, cluster, hostname) DO UPDATE \
         SET document = excluded.document, recorded_at = excluded.recorded_at";
    let binds = [
        tenant.into(),
        (&state.cluster).into(),
        (&state.host).into(),
        (&state.document).into(),
        now.into(),
    ];
    transaction.execute(sql, &binds).await?;
    Ok(())
}

/// The document that a tenant has given.
pub(crate) async fn find_machine_state(
    database: &Database,
    tenant: &str,
    cluster: &str,
    host: &str,
) -> Result<Option<MachineState>, StorageError> {
    let sql = "SELECT document, recorded_at FROM machine_state \
         WHERE tenant = $1 AND cluster = $2 AND hostname = $3";
    let binds = [tenant.into(), cluster.into(), host.into()];
    let row: Option<(String, i64)> = database.fetch_optional(sql, &binds).await?;
    Ok(row.map(|(document, recorded_at)| MachineState {
        document,
        recorded_at,
    }))
}
