//! The scaling groups of the site.

use muster_platform::site::{DEFAULT_SCALING_GROUP, ScalingGroup, Scheduler};
use muster_storage::{StorageError, Transaction};
use sqlx::FromRow;

use super::of_json;
use crate::store::unreadable;

#[derive(Debug, FromRow)]
struct Row {
    name: String,
    scheduler: String,
    projects: Option<String>,
}

const GROUPS: &str = "SELECT name, scheduler, projects FROM scaling_group ORDER BY place";

/// Every scheduler with its name in the table.
const SCHEDULERS: [(Scheduler, &str); 3] = [
    (Scheduler::Fifo, "fifo"),
    (Scheduler::Lifo, "lifo"),
    (Scheduler::Drf, "drf"),
];

/// Its name in the table.
pub(super) fn scheduler_name(scheduler: Scheduler) -> &'static str {
    let mut names = SCHEDULERS.into_iter();
    let found = names.find(|(other, _)| *other == scheduler);
    found.map(|(_, name)| name).unwrap_or_default()
}

/// All groups, in the order of the site file; the one that is always there if the site names none.
pub(crate) async fn groups(
    transaction: &mut Transaction,
) -> Result<Vec<ScalingGroup>, StorageError> {
    let rows: Vec<Row> = transaction.fetch_all(GROUPS, &[]).await?;
    if rows.is_empty() {
        return Ok(vec![ScalingGroup {
            name: DEFAULT_SCALING_GROUP.to_owned(),
            scheduler: Scheduler::default(),
            projects: None,
        }]);
    }
    rows.into_iter().map(group).collect()
}

fn group(row: Row) -> Result<ScalingGroup, StorageError> {
    let mut schedulers = SCHEDULERS.into_iter();
    let scheduler = schedulers.find(|(_, name)| *name == row.scheduler);
    let projects = row.projects.as_deref();
    Ok(ScalingGroup {
        scheduler: scheduler
            .map(|(scheduler, _)| scheduler)
            .ok_or_else(|| unreadable("scheduler", &row.scheduler))?,
        projects: projects
            .map(|text| of_json("list of projects", text))
            .transpose()?,
        name: row.name,
    })
}
