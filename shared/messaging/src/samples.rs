//! Metric samples that came over HTTP, on their way into their stream.

use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use muster_contract::{headers, producers::WRITTEN_METRICS};

use crate::{
    CommandClient, SendError, header_map,
    sending::{Refusal, stored},
};

impl CommandClient {
    /// Puts metric samples in line protocol into their stream. Once this has come back they are stored there, until the archive
    /// has them in its tables. `cluster` is where those were measured that name none.
    ///
    /// # Errors
    /// They may not be stored; sent again they are none the more.
    pub async fn store_samples(
        &self,
        lines: Bytes,
        cluster: Option<&str>,
        deadline: Duration,
    ) -> Result<(), SendError> {
        let mut map = HeaderMap::new();
        if let Some(cluster) = cluster {
            header_map::set(&mut map, headers::DEFAULT_CLUSTER, cluster.to_owned());
        }
        let publication = stored(self.broker(), WRITTEN_METRICS.to_owned(), map, lines);
        match tokio::time::timeout(deadline, publication).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Refusal::Full)) => Err(SendError::StreamFull),
            Ok(Err(Refusal::TooLarge)) => Err(SendError::TooLarge {
                limit: self.broker().body_limit(),
            }),
            Ok(Err(Refusal::NoStream | Refusal::Unknown)) | Err(_) => Err(SendError::BrokerAway),
        }
    }
}
