//! Orders about containers, from their delivery to their report.

use std::{sync::Arc, time::Instant};

use muster_contract::{
    Message as _, Order, Report,
    agent::{
        ContainerEnd, ContainerEnded, ContainerStart, ContainerStarted, RestartContainer,
        StartContainer, StopContainer,
    },
};
use muster_messaging::OrderAtHand;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::containers::Containers;

/// Carries out orders about containers.
pub(crate) struct ContainerOrders {
    /// `None` = the agent runs none.
    pub(crate) containers: Option<Arc<Containers>>,
    /// To stop.
    pub(crate) stop: CancellationToken,
}

impl ContainerOrders {
    /// Whether it is one of them.
    pub(crate) fn knows(schema: &str) -> bool {
        schema == StartContainer::schema()
            || schema == RestartContainer::schema()
            || schema == StopContainer::schema()
    }

    /// Carries it out.
    pub(crate) async fn run(&self, order: OrderAtHand) {
        let schema = order.schema();
        if schema == StartContainer::schema() {
            self.start(order).await;
        } else if schema == RestartContainer::schema() {
            self.restart(order).await;
        } else {
            self.end(order).await;
        }
    }

    async fn start(&self, at_hand: OrderAtHand) {
        let Some((at_hand, order)) = decode::<StartContainer>(at_hand).await else {
            return;
        };
        let began = Instant::now();
        let started = match &self.containers {
            Some(containers) => containers.start(&order).await,
            None => {
                return self
                    .report_none(at_hand, order.order, order.container)
                    .await;
            }
        };
        // The turn is kept until the report is stored.
        let Some((result, _turn)) = started else {
            return at_hand.give_back().await;
        };
        let what = format!(
            "a container of {} for session {} was to be started",
            order.image.name, order.session
        );
        log(&at_hand, &what, order.container, &result, began);
        let report = ContainerStarted {
            order: order.order,
            container: order.container,
            result,
        };
        self.report(at_hand, &report).await;
    }

    async fn restart(&self, at_hand: OrderAtHand) {
        let Some((at_hand, order)) = decode::<RestartContainer>(at_hand).await else {
            return;
        };
        let began = Instant::now();
        let started = match &self.containers {
            Some(containers) => containers.restart(&order).await,
            None => {
                return self
                    .report_none(at_hand, order.order, order.container)
                    .await;
            }
        };
        let Some((result, _turn)) = started else {
            return at_hand.give_back().await;
        };
        log(
            &at_hand,
            "a container was to be started anew",
            order.container,
            &result,
            began,
        );
        let report = ContainerStarted {
            order: order.order,
            container: order.container,
            result,
        };
        self.report(at_hand, &report).await;
    }

    async fn end(&self, at_hand: OrderAtHand) {
        let Some((at_hand, order)) = decode::<StopContainer>(at_hand).await else {
            return;
        };
        let Some(containers) = &self.containers else {
            let report = ContainerEnded {
                order: Some(order.order),
                container: order.container,
                end: ContainerEnd::Unknown,
                usage: None,
                logs: String::new(),
            };
            self.report(at_hand, &report).await;
            return;
        };
        let began = Instant::now();
        let (report, _turn) = containers.stop(&order).await;
        let seconds = began.elapsed().as_secs_f64();
        info!(target: "muster::agent", container = %order.container, forced = order.forced, end = ?report.end, seconds, "a container was ended");
        if self.report(at_hand, &report).await.is_some() {
            containers.reported(order.container).await;
        }
    }

    async fn report_none(&self, at_hand: OrderAtHand, order: Uuid, container: Uuid) {
        let report = ContainerStarted {
            order,
            container,
            result: ContainerStart::Failed {
                reason: "this agent runs no containers".to_owned(),
            },
        };
        self.report(at_hand, &report).await;
    }

    /// `None` = the broker has not stored it; the order is delivered again.
    async fn report<R: Report>(&self, at_hand: OrderAtHand, report: &R) -> Option<()> {
        at_hand
            .report(report, &self.stop)
            .await
            .inspect_err(|error| error!(target: "muster::agent", %error, "a report is not sent"))
            .ok()
    }
}

async fn decode<O: Order>(at_hand: OrderAtHand) -> Option<(OrderAtHand, O)> {
    match at_hand.decode() {
        Ok(order) => Some((at_hand, order)),
        Err(error) => {
            at_hand
                .discard(&format!("it cannot be read: {error}"))
                .await;
            None
        }
    }
}

/// Says how it came out, in the log and in the order's span.
fn log(
    at_hand: &OrderAtHand,
    what: &str,
    container: Uuid,
    result: &ContainerStart,
    began: Instant,
) {
    let seconds = began.elapsed().as_secs_f64();
    match result {
        ContainerStart::Running { .. } => {
            info!(target: "muster::agent", %container, seconds, "{what}: it runs");
        }
        ContainerStart::Failed { reason } => {
            warn!(target: "muster::agent", %container, seconds, reason, "{what}: it does not run");
            at_hand.failed("container", reason);
        }
    }
}
