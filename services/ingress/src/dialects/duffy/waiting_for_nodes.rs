//! Commands that may wait for nodes. A client that goes away meanwhile leaves the queue.
//!
//! hyper drops the future of a request whose connection the client closes. What that drops here sees to it, in a task of its
//! own, that the session service has the request cancelled. If this process is killed there is nobody to do so: then the
//! request waits until its `wait_until`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use muster_contract::session::{CancelNodeRequest, CancelNodeRequestRefusal};
use muster_contract::{Command, Outcome};
use muster_messaging::SendOptions;
use tracing::{Instrument, Span, info, warn};
use uuid::Uuid;

use super::patience::Patience;
use crate::frame::{Caller, Failure, Idempotency, Ingress};

/// Pauses before a cancellation is sent again: commands of different kinds overtake each other, so that the one that is to
/// be cancelled may come later; and the broker may be away.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// Sends the command, which may wait for nodes, and waits for its outcome.
///
/// With an idempotency key the client may come back for the outcome, so that going away means nothing.
pub(super) async fn send_waiting<C: Command>(
    ingress: &Ingress,
    patience: Patience,
    caller: &Caller,
    idempotency: Idempotency,
    body: &Bytes,
    command: &C,
) -> Result<Outcome<C::Reply, C::Refusal>, Failure> {
    let leaves = patience.queues && !idempotency.is_given();
    let presence = leaves.then(|| Presence::of(ingress, caller));
    let result = ingress
        .send_within(patience.deadline, caller, idempotency, body, command)
        .await;
    if let Some(presence) = presence {
        presence.end();
    }
    result
}

/// That the client is there. Dropped before its end, it has gone away.
struct Presence(Option<Absence>);

impl Presence {
    fn of(ingress: &Ingress, caller: &Caller) -> Self {
        Self(Some(Absence {
            ingress: ingress.clone(),
            caller: Caller {
                principal: Arc::clone(&caller.principal),
                request: Arc::clone(&caller.request),
            },
            span: Span::current(),
        }))
    }

    fn end(mut self) {
        self.0 = None;
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        if let Some(absence) = self.0.take() {
            absence.begin();
        }
    }
}

/// What is to be done when the client has gone away.
struct Absence {
    ingress: Ingress,
    caller: Caller,
    span: Span,
}

impl Absence {
    fn begin(self) {
        let Some(command) = self.caller.request.command_id.get().copied() else {
            return;
        };
        let Ok(place) = Arc::clone(&self.ingress.cancellations).try_acquire_owned() else {
            warn!(target: "muster::ingress", %command, "too many clients went away at once: this one's request waits on");
            return;
        };
        let tasks = self.ingress.tasks.clone();
        let span = self.span.clone();
        let cancelling = async move {
            let _place = place;
            self.cancel(command).await;
        };
        tasks.spawn("cancellation", cancelling.instrument(span));
    }

    async fn cancel(self, command: Uuid) {
        let stop = self.ingress.tasks.token();
        let mut pauses = PAUSES.into_iter();
        loop {
            let problem = match self.try_to_cancel(command).await {
                Ok(outcome) => {
                    info!(target: "muster::ingress", %command, outcome, "a client went away while it waited for nodes");
                    return;
                }
                Err(problem) => problem,
            };
            let pause = pauses.next();
            let stopping = match pause {
                Some(pause) => stop
                    .run_until_cancelled(tokio::time::sleep(pause))
                    .await
                    .is_none(),
                None => true,
            };
            if stopping {
                warn!(target: "muster::ingress", %command, problem, "a client went away, its request waits on");
                return;
            }
        }
    }

    /// What came of it, or why it has to be tried again.
    async fn try_to_cancel(&self, command: Uuid) -> Result<&'static str, String> {
        let options = SendOptions {
            id: self.ingress.environment.ids.next(),
            correlation_id: self.caller.request.correlation_id,
            principal: self.caller.principal.as_ref().clone(),
            fingerprint: None,
            deadline: self.ingress.limits.command,
        };
        let cancel = CancelNodeRequest { command };
        match self.ingress.commands.send(&cancel, options).await {
            Ok(Outcome::Done(())) => Ok("cancelled"),
            Ok(Outcome::Refused(CancelNodeRequestRefusal::NotWaiting)) => {
                Ok("not waiting any more")
            }
            Ok(Outcome::Refused(CancelNodeRequestRefusal::NotYours)) => Ok("refused"),
            Ok(Outcome::Refused(CancelNodeRequestRefusal::Unknown)) => {
                Err("the command has not come".to_owned())
            }
            Err(error) => Err(error.to_string()),
        }
    }
}
