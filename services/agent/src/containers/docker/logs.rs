//! What a container has written, from Docker.

use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::TryStreamExt as _;
use muster_contract::agent::LOG_LIMIT;
use uuid::Uuid;

use super::engine::{Engine, EngineError, name};

/// Lines that are asked for; the end of them is shown.
const LINES: &str = "20000";

impl Engine {
    /// The end of what its main process wrote, in bytes: at most [`LOG_LIMIT`].
    pub(in crate::containers) async fn logs(
        &self,
        container: Uuid,
    ) -> Result<Vec<u8>, EngineError> {
        let options = LogsOptionsBuilder::default()
            .stdout(true)
            .stderr(true)
            .tail(LINES);
        let mut pieces = self.client.logs(&name(container), Some(options.build()));
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.try_next().await? {
            bytes.extend_from_slice(&piece.into_bytes());
            if bytes.len() > 2 * LOG_LIMIT {
                bytes.drain(..bytes.len() - LOG_LIMIT);
            }
        }
        bytes.drain(..bytes.len().saturating_sub(LOG_LIMIT));
        Ok(bytes)
    }
}
