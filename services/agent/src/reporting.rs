//! Reports containers that have ended by themselves.

use std::sync::Arc;

use muster_contract::agent::ContainerEnded;
use muster_messaging::{AgentBroker, ReportError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use uuid::Uuid;

use crate::containers::{Containers, EndedByItself};

/// Of a container there is one such report.
const OWN_END: &[u8] = b"ended by itself";

/// So many at once wait for the broker.
const AT_ONCE: usize = 32;

/// Until `stop`. What is not reported by then, the agent after this one reports.
pub(crate) async fn report_ends(
    broker: AgentBroker,
    containers: Arc<Containers>,
    mut ended: EndedByItself,
    stop: CancellationToken,
) {
    let mut reporting = JoinSet::new();
    while let Some(Some(container)) = stop.run_until_cancelled(ended.recv()).await {
        if reporting.len() >= AT_ONCE {
            reporting.join_next().await;
        }
        while reporting.try_join_next().is_some() {}
        let (broker, containers, stop) = (broker.clone(), containers.clone(), stop.clone());
        reporting.spawn(async move { report(&broker, &containers, container, &stop).await });
    }
    while reporting.join_next().await.is_some() {}
}

async fn report(
    broker: &AgentBroker,
    containers: &Containers,
    container: Uuid,
    stop: &CancellationToken,
) {
    let Some(report) = containers.ended(container).await else {
        return;
    };
    info!(target: "muster::agent", %container, end = ?report.end, "a container has ended by itself");
    match broker
        .report::<ContainerEnded>(id(container), &report, stop)
        .await
    {
        Ok(()) => containers.reported(container).await,
        Err(ReportError::Stopped) => {}
        Err(error) => error!(target: "muster::agent", %container, %error, "a report is not sent"),
    }
}

/// The identity of the report, the same whenever it is said.
fn id(container: Uuid) -> Uuid {
    Uuid::new_v5(&container, OWN_END)
}
