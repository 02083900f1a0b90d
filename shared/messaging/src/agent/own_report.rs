//! A report that no order asked for: something has ended by itself.

use async_nats::HeaderMap;
use muster_contract::{Report, headers};
use tokio_util::sync::CancellationToken;
use tracing::Span;
use uuid::Uuid;

use super::{
    AgentBroker, ReportError,
    order_at_hand::{body_of, store},
};
use crate::{header_map, spans};

impl AgentBroker {
    /// Says something that no order asked for, until the broker has stored it or `stop`. `id` is its identity: the same whenever it is
    /// said again, so that it counts once.
    ///
    /// # Errors
    /// The broker has not stored it; it is to be said again.
    pub async fn report<R: Report>(
        &self,
        id: Uuid,
        report: &R,
        stop: &CancellationToken,
    ) -> Result<(), ReportError> {
        let body = body_of(self, report)?;
        let subject = R::subject(self.agent());
        // It is the first of whatever comes of it.
        let correlation = id.to_string();
        let span = spans::send_report(&Span::none(), &subject, id, Some(&correlation));
        let mut map = HeaderMap::new();
        header_map::set(&mut map, headers::MESSAGE_ID, id.to_string());
        header_map::set(&mut map, headers::SCHEMA, R::schema());
        header_map::set(&mut map, headers::CORRELATION_ID, correlation);
        spans::inject(&span, &mut map);
        store(self, subject, map, body, stop).await
    }
}
