//! A GraphQL client over a web socket.

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use muster_testkit::DEADLINE;
use muster_tests::backendai::{KeyPair, VERSION, headers};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest as _, http::HeaderName},
};

use crate::house::House;

/// An open socket.
pub(super) struct Socket {
    stream: WebSocketStream<TcpStream>,
    names: Names,
}

/// How messages are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) protocol: &'static str,
    subscribe: &'static str,
    next: &'static str,
    stop: &'static str,
}

/// Of today's clients.
pub(super) const TRANSPORT: Names = Names {
    protocol: "graphql-transport-ws",
    subscribe: "subscribe",
    next: "next",
    stop: "complete",
};

/// Of Apollo's clients before.
pub(super) const APOLLO: Names = Names {
    protocol: "graphql-ws",
    subscribe: "start",
    next: "data",
    stop: "stop",
};

impl Socket {
    /// A socket at this path, before anything is said.
    pub(super) async fn connect(
        house: &House,
        key: KeyPair,
        path: &str,
        protocol: &str,
        names: Names,
    ) -> Result<Self> {
        let address = house.client.address();
        let mut request = format!("ws://{address}{path}").into_client_request()?;
        let host = address.to_string();
        let signed = headers(
            &key,
            "GET",
            path,
            &host,
            "application/octet-stream",
            VERSION,
        );
        for (name, value) in signed {
            let name: HeaderName = name.parse()?;
            request.headers_mut().insert(name, value.parse()?);
        }
        if !protocol.is_empty() {
            let headers = request.headers_mut();
            headers.insert("Sec-WebSocket-Protocol", protocol.parse()?);
        }
        let stream = TcpStream::connect(address).await?;
        let (stream, response) = client_async(request, stream).await?;
        let spoken = response.headers().get("Sec-WebSocket-Protocol");
        let spoken = spoken.and_then(|spoken| spoken.to_str().ok());
        ensure!(spoken == Some(names.protocol), "{spoken:?}");
        Ok(Self { stream, names })
    }

    /// One that is ready.
    pub(super) async fn open(
        house: &House,
        key: KeyPair,
        path: &str,
        names: Names,
    ) -> Result<Self> {
        let mut socket = Self::connect(house, key, path, names.protocol, names).await?;
        socket
            .say(json!({ "type": "connection_init", "payload": {} }))
            .await?;
        let told = socket.hear().await?;
        ensure!(told["type"] == "connection_ack", "{told}");
        Ok(socket)
    }

    pub(super) async fn say(&mut self, message: Value) -> Result<()> {
        Ok(self.stream.send(Message::text(message.to_string())).await?)
    }

    pub(super) async fn subscribe(
        &mut self,
        id: &str,
        query: &str,
        variables: Value,
    ) -> Result<()> {
        let kind = self.names.subscribe;
        let payload = json!({ "query": query, "variables": variables });
        self.say(json!({ "id": id, "type": kind, "payload": payload }))
            .await
    }

    pub(super) async fn stop(&mut self, id: &str) -> Result<()> {
        let kind = self.names.stop;
        self.say(json!({ "id": id, "type": kind })).await
    }

    /// The next message; not one that only says that the other is there.
    pub(super) async fn hear(&mut self) -> Result<Value> {
        loop {
            let frame = tokio::time::timeout(DEADLINE, self.stream.next()).await?;
            match frame.context("the socket is closed")?? {
                Message::Text(text) => return Ok(serde_json::from_str(text.as_str())?),
                Message::Close(frame) => bail!("closed: {frame:?}"),
                _ => {}
            }
        }
    }

    /// What is told of a subscription or a query.
    pub(super) async fn next(&mut self, id: &str) -> Result<Value> {
        let told = self.hear().await?;
        ensure!(
            told["id"] == id && told["type"] == self.names.next,
            "{told}"
        );
        Ok(told["payload"].clone())
    }
}
