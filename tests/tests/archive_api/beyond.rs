//! What clients use beyond the Swagger text of 2023, and who may do what.

mod files;
mod jobs;
mod nodes;
mod tags;
mod users;

use anyhow::{Result, ensure};
use muster_tests::Answer;
use serde_json::Value;

use super::house::House;

#[tokio::test]
async fn what_todays_clients_use_besides() -> Result<()> {
    let house = House::open().await?;
    let mut failed = Vec::new();
    for (what, result) in [
        ("tags", tags::tags(&house).await),
        ("tags at once", tags::tags_at_once(&house).await),
        ("tags of all jobs", tags::tags_of_all_jobs(&house).await),
        ("archive files", files::files(&house).await),
        ("deleting", jobs::deleting(&house).await),
        ("one job", jobs::one_job(&house).await),
        ("meta data", jobs::meta_data(&house).await),
        ("clusters", nodes::clusters(&house).await),
        ("nodes", nodes::nodes(&house).await),
        ("machines", nodes::machines(&house).await),
        ("users", users::users(&house).await),
        ("users' own", users::users_own(&house).await),
    ] {
        if let Err(error) = result {
            failed.push(format!("{what}: {error:#}"));
        }
    }
    ensure!(failed.is_empty(), "{failed:#?}");
    Ok(())
}

pub(super) fn expect(answer: &Answer, status: u16) -> Result<Value> {
    ensure!(
        answer.status == status,
        "{} instead of {status}: {}",
        answer.status,
        answer.text()
    );
    answer.json()
}

/// Answered with this status and error.
pub(super) fn refused(answer: &Answer, status: u16, error: &str) -> Result<()> {
    let body = expect(answer, status)?;
    ensure!(
        body["error"]
            .as_str()
            .is_some_and(|text| text.contains(error)),
        "{body}"
    );
    Ok(())
}
