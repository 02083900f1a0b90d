//! `GET /admin/graphql` and `GET /admin/gql`: GraphQL over a web socket, for subscriptions.
//!
//! Both protocols that there are: `graphql-transport-ws`, of today's clients, and `graphql-ws`, of those of Apollo before.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::Data;
use async_graphql::http::{
    ALL_WEBSOCKET_PROTOCOLS, WebSocket as GraphQlSocket, WebSocketProtocols, WsMessage,
};
use axum::extract::State;
use axum::response::Response;
use futures_util::{SinkExt, Stream, StreamExt, future, stream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_util::sync::CancellationToken;

use super::super::call::Call;
use super::super::description::AnyFailure;
use super::super::live::place;
use super::loading::sessions;
use super::reading::Asking;
use super::schema::SCHEMA;
use crate::frame::{Failure, Ingress, WebSocket, WebSocketRequest};

/// What a client is told that does not begin: of `graphql-transport-ws`.
const NOT_BEGUN: (u16, &str) = (4408, "Connection initialisation timeout");

/// What a client is told when the process stops: RFC 6455, 7.4.1.
const GOING_AWAY: (u16, &str) = (1001, "going away");

/// Listens to sessions
///
/// A web socket of the sub-protocol `graphql-transport-ws` or `graphql-ws`, with the schema's subscriptions and queries.
#[utoipa::path(
    get,
    path = "/admin/gql",
    operation_id = "graphql_web_socket",
    tag = "graphql",
    responses((status = 101, description = "A web socket"), AnyFailure),
)]
pub(super) async fn open(
    State(ingress): State<Ingress>,
    call: Call,
    mut request: WebSocketRequest,
) -> Result<Response, Failure> {
    let protocol = request
        .speak(&ALL_WEBSOCKET_PROTOCOLS)
        .and_then(|name| name.parse::<WebSocketProtocols>().ok())
        .ok_or_else(|| {
            Failure::invalid("the web socket has to speak graphql-transport-ws or graphql-ws")
        })?;
    let place = place(&ingress)?;
    let patience = ingress.limits.reading;
    let asking = Arc::new(Asking::new(ingress, call.caller, call.pair));
    Ok(request.accept(move |socket, stop| async move {
        let _place = place;
        talk(socket, stop, protocol, asking, patience).await;
    }))
}

async fn talk(
    socket: WebSocket,
    stop: CancellationToken,
    protocol: WebSocketProtocols,
    asking: Arc<Asking>,
    patience: Duration,
) {
    let (mut to_client, frames) = socket.split();
    let texts = Box::pin(texts(frames));
    let (first, rest) = match tokio::time::timeout(patience, texts.into_future()).await {
        Ok((Some(first), rest)) => (first, rest),
        Ok((None, _)) => return,
        Err(_) => return close(&mut to_client, NOT_BEGUN).await,
    };
    let mut data = Data::default();
    data.insert(sessions(&asking));
    data.insert(asking);
    let said = stream::iter([first]).chain(rest);
    let talk = GraphQlSocket::new(SCHEMA.clone(), said, protocol).connection_data(data);
    let mut talk = std::pin::pin!(talk);
    loop {
        let Some(message) = stop.run_until_cancelled(talk.next()).await else {
            return close(&mut to_client, GOING_AWAY).await;
        };
        match message {
            Some(WsMessage::Text(text)) => {
                if to_client.send(Message::text(text)).await.is_err() {
                    return;
                }
            }
            Some(WsMessage::Close(code, reason)) => {
                return close(&mut to_client, (code, &reason)).await;
            }
            None => {
                // Who is not there need not be told.
                let _ = to_client.close().await;
                return;
            }
        }
    }
}

/// What the client says, until it goes away.
fn texts<E: Send>(
    frames: impl Stream<Item = Result<Message, E>> + Send,
) -> impl Stream<Item = String> + Send {
    frames
        .take_while(|frame| future::ready(frame.as_ref().is_ok_and(|frame| !frame.is_close())))
        .filter_map(|frame| {
            future::ready(match frame {
                Ok(Message::Text(text)) => Some(text.as_str().to_owned()),
                _ => None,
            })
        })
}

async fn close(to_client: &mut (impl SinkExt<Message> + Unpin), (code, reason): (u16, &str)) {
    let frame = CloseFrame {
        code: code.into(),
        reason: reason.into(),
    };
    let _ = to_client.send(Message::Close(Some(frame))).await;
    let _ = to_client.close().await;
}
