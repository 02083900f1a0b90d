//! Writing the meta data of a job.

use muster_storage::{StorageError, Transaction};

/// Puts this document in place of the job's meta data.
pub(crate) async fn write_meta_data(
    transaction: &mut Transaction,
    job: i64,
    document: &str,
) -> Result<(), StorageError> {
    let sql = "UPDATE job SET meta_data = $2 WHERE id = $1";
    transaction
        .execute(sql, &[job.into(), document.into()])
        .await?;
    Ok(())
}
