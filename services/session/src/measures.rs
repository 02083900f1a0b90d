//! Levels of sessions, for metrics: how many are not over, by kind and state.

use std::collections::BTreeMap;

use muster_messaging::Measure;
use muster_platform::Timestamp;
use muster_storage::{Database, StorageError};
use muster_telemetry::{
    metrics::{LevelMetrics, Reading},
    names::{self, metric},
};

/// What is over is in no index that these use.
const NODE_SESSIONS: &str =
    "SELECT state, COUNT(*) FROM node_session WHERE ended_at IS NULL GROUP BY state";

const COMPUTE_SESSIONS: &str =
    "SELECT status, COUNT(*) FROM compute_session WHERE terminated_at IS NULL GROUP BY status";

/// A run that is on is always due some time.
const JOB_SESSIONS: &str =
    "SELECT status, COUNT(*) FROM job_session WHERE due_at IS NOT NULL GROUP BY status";

/// Each kind with its statement, and a state that is told even when no session is in it.
const KINDS: [(&str, &str, &str); 3] = [
    ("node", NODE_SESSIONS, "active"),
    ("job", JOB_SESSIONS, "running"),
    ("compute", COMPUTE_SESSIONS, "RUNNING"),
];

/// What sessions there are.
pub(crate) struct SessionLevels(pub(crate) Database);

impl Measure for SessionLevels {
    async fn measure(&self, levels: &LevelMetrics, _now: Timestamp) -> Result<(), StorageError> {
        let mut readings = Vec::new();
        for (kind, sql, usual) in KINDS {
            let rows: Vec<(String, i64)> = self.0.fetch_all(sql, &[]).await?;
            let mut states = BTreeMap::from([(usual.to_owned(), 0)]);
            states.extend(rows);
            for (state, sessions) in states {
                let labels = [
                    (names::MUSTER_SESSION_KIND, kind),
                    (names::MUSTER_SESSION_STATE, state.as_str()),
                ];
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "counts are far below 2^53, up to which it is exact"
                )]
                readings.push(Reading::new(labels, sessions as f64));
            }
        }
        levels.set(metric::MUSTER_SESSIONS, readings);
        Ok(())
    }
}
