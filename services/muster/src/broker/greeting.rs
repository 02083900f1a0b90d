//! The line with which a NATS server greets everybody, also those it will not let in.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result};
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    net::TcpStream,
    time::timeout,
};

/// A server on this machine greets at once.
const GREETING_TIMEOUT: Duration = Duration::from_secs(1);
/// The longest greeting read, in bytes.
const GREETING_LIMIT: u64 = 64 * 1024;

/// What the server says of itself.
#[derive(Debug, Deserialize)]
pub(super) struct ServerInfo {
    pub(super) server_name: String,
    pub(super) version: String,
    #[serde(default)]
    pub(super) jetstream: bool,
}

/// Connects and reads the greeting.
pub(super) async fn read(address: SocketAddr) -> Result<ServerInfo> {
    let mut line = String::new();
    timeout(GREETING_TIMEOUT, async {
        let stream = TcpStream::connect(address).await?;
        BufReader::new(stream.take(GREETING_LIMIT))
            .read_line(&mut line)
            .await
    })
    .await??;
    let text = line.strip_prefix("INFO ").context("no NATS server")?;
    Ok(serde_json::from_str(text)?)
}

/// Major and minor of "2.15.1".
pub(super) fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
