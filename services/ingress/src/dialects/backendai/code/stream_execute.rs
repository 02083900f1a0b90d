//! `GET /stream/session/{session}/execute`: code over a web socket, which is what `backend.ai run` uses.
//!
//! The first frame is a request like those of `POST /session/{session}`; then come results, until the code is over. A client that goes
//! away has it interrupted.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use futures_util::{SinkExt, StreamExt};
use muster_contract::agent::CodeMode;
use muster_contract::session::ComputeSessionReference;
use serde_json::json;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use super::super::body::object;
use super::super::call::Call;
use super::super::description::{AnyFailure, OwnerParameter, SessionFailure, SessionParameter};
use super::super::live::place;
use super::request::CodeRequest;
use super::run::{CodeResult, FINISHED, Target, WAITING_INPUT};
use crate::frame::{Failure, Ingress, WebSocket, WebSocketRequest};

/// How often code that goes on counts as a use of its session.
const USE_INTERVAL: Duration = Duration::from_secs(30);

/// Runs code in a session, over a web socket
///
/// The first frame is a request as in `POST /session/{session}`, without `runId`. Then come results until one is `finished`; after one
/// that is `waiting-input` the client sends a line. What fails is a frame with `status` `error` and `msg`.
#[utoipa::path(
    get,
    path = "/stream/session/{session}/execute",
    operation_id = "stream_execute",
    tag = "code",
    params(SessionParameter, OwnerParameter),
    responses((status = 101, description = "A web socket"), SessionFailure, AnyFailure),
)]
pub(super) async fn stream_execute(
    State(ingress): State<Ingress>,
    call: Call,
    request: WebSocketRequest,
) -> Result<Response, Failure> {
    let session = call.session(&ingress)?;
    let target = Target::of(&ingress, &call, session.clone()).await?;
    let place = place(&ingress)?;
    let run = ingress.environment.ids.next().simple().to_string();
    Ok(request.accept(move |socket, stop| async move {
        let _place = place;
        let mut talk = Talk {
            ingress,
            call,
            session,
            target,
            run,
            socket,
        };
        talk.hold(&stop).await;
    }))
}

struct Talk {
    ingress: Ingress,
    call: Call,
    session: ComputeSessionReference,
    target: Target,
    run: String,
    socket: WebSocket,
}

/// Why a talk is over before the code is.
enum Over {
    /// The client went away.
    Gone,
    /// Something failed, which the client is told.
    Failed(Failure),
}

impl From<Failure> for Over {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Talk {
    async fn hold(&mut self, stop: &CancellationToken) {
        let over = match stop.run_until_cancelled(self.run_code()).await {
            Some(Ok(())) => None,
            Some(Err(over)) => Some(over),
            None => Some(Over::Gone),
        };
        match over {
            None => {}
            Some(Over::Gone) => self.interrupt().await,
            Some(Over::Failed(failure)) => {
                tracing::info!(target: "muster::ingress", error = %failure.for_the_log(), "code over a web socket");
                let frame = json!({"status": "error", "msg": failure.message()});
                // Who is not there need not be told.
                let _ = self.socket.send(Message::text(frame.to_string())).await;
            }
        }
        let _ = self.socket.close(None).await;
    }

    /// From the first frame to the last.
    async fn run_code(&mut self) -> Result<(), Over> {
        let first = tokio::time::timeout(self.ingress.limits.reading, self.text()).await;
        let first = first.map_err(|_| Failure::invalid("there was no code in time"))??;
        let mut mode = CodeRequest::of_frame(&object(first.as_bytes())?)?.mode;
        let mut used = Instant::now();
        loop {
            let result = self.step(mode).await?;
            let frame = serde_json::to_string(&result)
                .map_err(|error| Failure::broken(error.to_string()))?;
            let sent = self.socket.send(Message::text(frame)).await;
            sent.map_err(|_| Over::Gone)?;
            mode = match result.status {
                FINISHED => return Ok(()),
                WAITING_INPUT => CodeMode::Input {
                    text: self.text().await?,
                },
                _ => CodeMode::Continue,
            };
            if used.elapsed() >= USE_INTERVAL {
                let session = self.session.clone();
                self.target = Target::of(&self.ingress, &self.call, session).await?;
                used = Instant::now();
            }
        }
    }

    /// One question to the agent, unless the client goes away meanwhile.
    async fn step(&mut self, mode: CodeMode) -> Result<CodeResult, Over> {
        let asking = self.target.execute(&self.ingress, &self.run, mode);
        tokio::pin!(asking);
        loop {
            tokio::select! {
                result = &mut asking => return Ok(result?),
                frame = self.socket.next() => match frame {
                    Some(Ok(frame)) if !frame.is_close() => {}
                    _ => return Err(Over::Gone),
                },
            }
        }
    }

    /// The next text that the client sends.
    async fn text(&mut self) -> Result<String, Over> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
                Some(Ok(frame)) if !frame.is_close() => {}
                _ => return Err(Over::Gone),
            }
        }
    }

    async fn interrupt(&self) {
        let interrupted = self
            .target
            .execute(&self.ingress, &self.run, CodeMode::Interrupt);
        if let Err(failure) = interrupted.await {
            tracing::info!(target: "muster::ingress", error = %failure.for_the_log(), "code whose client went away goes on");
        }
    }
}
