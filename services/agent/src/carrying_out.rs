//! Carries out one order, from its delivery to its report.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use muster_contract::{
    Message as _,
    agent::{HookResult, RunNodeHook, RunSessionHook},
};
use muster_messaging::OrderAtHand;
use muster_telemetry::{names, propagation};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span, error, field, info, info_span, warn};
use uuid::Uuid;

use crate::{
    container_orders::ContainerOrders,
    hooks::{Ending, HookRun, HookRunner},
    orders::HookOrder,
    turns::Turns,
};

/// The trace, for programs that go on with it
/// (<https://opentelemetry.io/docs/specs/otel/context/env-carriers/>).
const TRACE_VARIABLE: &str = "TRACEPARENT";

/// Carries out orders.
pub(crate) struct CarryingOut {
    hooks: HookRunner,
    containers: ContainerOrders,
    turns: Turns,
    /// Orders that are being carried out.
    at_hand: Mutex<HashSet<Uuid>>,
    /// No new orders.
    stop: CancellationToken,
    /// Whatever still runs is ended.
    end: CancellationToken,
}

impl CarryingOut {
    /// With these hooks and containers.
    pub(crate) fn new(
        hooks: HookRunner,
        containers: ContainerOrders,
        stop: CancellationToken,
    ) -> Self {
        Self {
            hooks,
            containers,
            turns: Turns::default(),
            at_hand: Mutex::default(),
            stop,
            end: CancellationToken::new(),
        }
    }

    /// Ends whatever still runs; the orders are given back.
    pub(crate) fn end(&self) {
        self.end.cancel();
    }

    /// How many orders are being carried out, or wait for their turn.
    pub(crate) fn count(&self) -> usize {
        lock(&self.at_hand).len()
    }

    /// Carries it out. The place that it takes is only for hooks: a container that takes long to start must not keep others from being
    /// ended.
    pub(crate) async fn run(&self, order: OrderAtHand, place: OwnedSemaphorePermit) {
        let id = order.id();
        // Delivered once more while it is worked on, because the broker was away too long to hear of that. Left alone, it is
        // heard of by the first.
        let Some(_entry) = Entry::of(&self.at_hand, id) else {
            return;
        };
        if ContainerOrders::knows(order.schema()) {
            drop(place);
            let span = order.span().clone();
            self.containers.run(order).instrument(span).await;
        } else if order.schema() == RunNodeHook::schema() {
            self.run_hook::<RunNodeHook>(order).await;
        } else if order.schema() == RunSessionHook::schema() {
            self.run_hook::<RunSessionHook>(order).await;
        } else {
            order.discard("this agent does not know such orders").await;
        }
    }

    async fn run_hook<O: HookOrder>(&self, order: OrderAtHand) {
        let body: O = match order.decode() {
            Ok(body) => body,
            Err(error) => return order.discard(&format!("it cannot be read: {error}")).await,
        };
        let run = body.run(order.payload().to_vec());
        match self.run_program(&order, run).await {
            Ending::Finished(result) => {
                let report = body.finished(result);
                if let Err(error) = order.report(&report, &self.stop).await {
                    error!(target: "muster::agent", %error, "a report is not sent");
                }
            }
            Ending::TooLate => order.discard("its deadline is over").await,
            Ending::Stopped => order.give_back().await,
        }
    }

    async fn run_program(&self, order: &OrderAtHand, mut run: HookRun) -> Ending {
        let span = span(order.span(), &run);
        let trace = propagation::to_text(&propagation::context_of(&span)).traceparent;
        run.environment
            .extend(trace.map(|trace| (TRACE_VARIABLE, trace)));
        let started = Instant::now();
        let turn = self
            .end
            .run_until_cancelled(self.turns.take(&run.about))
            .await;
        let ending = match turn {
            Some(_turn) => {
                let running = self.hooks.run(&run, &self.end);
                running.instrument(span.clone()).await
            }
            None => Ending::Stopped,
        };
        let _entered = span.enter();
        log(&run, &ending, order.delivered(), started);
        if let Ending::Finished(HookResult::Failed { reason }) = &ending {
            span.record(names::field::STATUS_CODE, "error");
            span.record(names::field::STATUS_DESCRIPTION, reason);
            span.record(names::ERROR_TYPE, "hook");
            order.failed("hook", reason);
        }
        ending
    }
}

/// A program of the site that runs.
fn span(parent: &Span, run: &HookRun) -> Span {
    let span = info_span!(
        target: "muster::agent",
        parent: parent,
        "run",
        otel.name = field::Empty,
        otel.status_code = field::Empty,
        otel.status_description = field::Empty,
        error.r#type = field::Empty,
        muster.hook = run.program,
    );
    if !span.is_disabled() {
        span.record(names::field::NAME, names::span::run(run.program));
    }
    span
}

/// The one line of an order.
fn log(run: &HookRun, ending: &Ending, delivered: i64, started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    let (hook, order) = (run.program, run.order);
    let word = |name: &str| {
        let mut words = run.environment.iter();
        words
            .find(|(one, _)| *one == name)
            .map(|(_, word)| word.as_str())
    };
    let (attempt, node) = (word("MUSTER_ATTEMPT"), word("MUSTER_NODE"));
    let session = word("MUSTER_SESSION");
    match ending {
        Ending::Finished(HookResult::Succeeded) => {
            info!(target: "muster::agent", hook, %order, attempt, node, session, delivered, seconds, "a hook has succeeded");
        }
        Ending::Finished(HookResult::Failed { reason }) => {
            warn!(target: "muster::agent", hook, %order, attempt, node, session, delivered, seconds, reason, "a hook has failed");
        }
        Ending::TooLate => {
            warn!(target: "muster::agent", hook, %order, attempt, node, session, delivered, "an order came after its deadline");
        }
        Ending::Stopped => {
            warn!(target: "muster::agent", hook, %order, attempt, node, session, delivered, seconds, "a hook was ended because the agent stops");
        }
    }
}

/// An order in the set, taken out however the work on it ends.
struct Entry<'a> {
    set: &'a Mutex<HashSet<Uuid>>,
    id: Uuid,
}

impl<'a> Entry<'a> {
    /// `None` if it is there.
    fn of(set: &'a Mutex<HashSet<Uuid>>, id: Uuid) -> Option<Self> {
        lock(set).insert(id).then_some(Self { set, id })
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        lock(self.set).remove(&self.id);
    }
}

fn lock(set: &Mutex<HashSet<Uuid>>) -> MutexGuard<'_, HashSet<Uuid>> {
    // Nothing panics while holding the lock.
    set.lock().unwrap_or_else(PoisonError::into_inner)
}
