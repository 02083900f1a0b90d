//! A network that breaks: a TCP proxy in front of NATS or PostgreSQL.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Result;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

use crate::background::Background;

/// What one read takes, in bytes.
const BUFFER_SIZE: usize = 16 * 1024;

/// Forwards connections to a server until told otherwise. Its port stays the same.
#[derive(Debug)]
pub struct ChaosProxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    connections: Arc<AtomicUsize>,
    _background: Background,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Forward,
    Blackhole,
    Cut,
}

#[derive(Debug, Clone, Copy)]
struct State {
    mode: Mode,
    /// Connections of an earlier generation are closed.
    generation: u64,
}

impl ChaosProxy {
    /// Starts one in front of `target`, forwarding.
    pub fn start(target: SocketAddr) -> Result<Self> {
        let (state, watched) = watch::channel(State {
            mode: Mode::Forward,
            generation: 0,
        });
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let (background, address) = Background::serve("chaos proxy", move |listener| {
            accept(listener, target, watched, counted)
        })?;
        Ok(Self {
            address,
            state,
            connections,
            _background: background,
        })
    }

    /// Where to connect instead of the target.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Closes all connections, and new ones as soon as they are made, until
    /// [`resume`](Self::resume).
    pub fn cut(&self) {
        self.state.send_modify(|state| {
            state.mode = Mode::Cut;
            state.generation += 1;
        });
    }

    /// Closes all connections; new ones are forwarded.
    pub fn drop_connections(&self) {
        self.state.send_modify(|state| state.generation += 1);
    }

    /// Connections stay open and new ones can be made, but nothing passes any more in either
    /// direction, until [`resume`](Self::resume), when what was sent meanwhile arrives.
    pub fn blackhole(&self) {
        self.state.send_modify(|state| state.mode = Mode::Blackhole);
    }

    /// Forwards again.
    pub fn resume(&self) {
        self.state.send_modify(|state| state.mode = Mode::Forward);
    }
}

async fn accept(
    listener: TcpListener,
    target: SocketAddr,
    state: watch::Receiver<State>,
    connections: Arc<AtomicUsize>,
) {
    while let Ok((client, _)) = listener.accept().await {
        let current = *state.borrow();
        if current.mode == Mode::Cut {
            continue;
        }
        let mut state = state.clone();
        let connections = Arc::clone(&connections);
        connections.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(async move {
            let closed = {
                let mut state = state.clone();
                async move {
                    // An error means that the proxy itself is gone.
                    let other = |now: &State| now.generation != current.generation;
                    let _ = state.wait_for(other).await;
                }
            };
            tokio::select! {
                () = closed => {}
                // How a connection ends is its two ends' matter.
                _ = forward(client, target, &mut state) => {}
            }
            connections.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

async fn forward(
    client: TcpStream,
    target: SocketAddr,
    state: &mut watch::Receiver<State>,
) -> io::Result<()> {
    passing(state).await?;
    // A target that cannot be reached is for the client to see as a closed connection.
    let server = TcpStream::connect(target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    tokio::try_join!(
        pump(client_read, server_write, state.clone()),
        pump(server_read, client_write, state.clone()),
    )?;
    Ok(())
}

/// One direction, until its source is closed.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<State>,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_SIZE];
    loop {
        passing(&mut state).await?;
        let length = from.read(&mut buffer).await?;
        // What arrived while nothing passes waits here; the rest waits with its sender.
        passing(&mut state).await?;
        match buffer.get(..length) {
            Some([]) | None => return to.shutdown().await,
            Some(bytes) => to.write_all(bytes).await?,
        }
    }
}

async fn passing(state: &mut watch::Receiver<State>) -> io::Result<()> {
    let open = |now: &State| now.mode == Mode::Forward;
    match state.wait_for(open).await {
        Ok(_) => Ok(()),
        Err(gone) => Err(io::Error::other(gone)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{DEADLINE, eventually};

    /// A server that sends back what it gets.
    fn echo() -> (Background, SocketAddr) {
        Background::serve("echo", |listener| async move {
            while let Ok((mut client, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = client.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        })
        .unwrap()
    }

    async fn exchange(client: &mut TcpStream) -> io::Result<()> {
        client.write_all(b"ping").await?;
        let mut answer = [0; 4];
        client.read_exact(&mut answer).await?;
        assert_eq!(&answer, b"ping");
        Ok(())
    }

    #[tokio::test]
    async fn forwards_cuts_and_resumes() {
        let (_server, target) = echo();
        let proxy = ChaosProxy::start(target).unwrap();
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        exchange(&mut client).await.unwrap();
        assert_eq!(proxy.connections(), 1);

        proxy.cut();
        assert!(exchange(&mut client).await.is_err());
        let mut refused = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(exchange(&mut refused).await.is_err());
        eventually(DEADLINE, "no connections", async || {
            (proxy.connections() == 0).then_some(())
        })
        .await
        .unwrap();

        proxy.resume();
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        exchange(&mut client).await.unwrap();
    }

    #[tokio::test]
    async fn drops_connections_once() {
        let (_server, target) = echo();
        let proxy = ChaosProxy::start(target).unwrap();
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        exchange(&mut client).await.unwrap();
        proxy.drop_connections();
        assert_eq!(client.read(&mut [0; 4]).await.unwrap_or(0), 0);
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        exchange(&mut client).await.unwrap();
    }

    #[tokio::test]
    async fn a_blackhole_holds_back_and_loses_nothing() {
        let (_server, target) = echo();
        let proxy = ChaosProxy::start(target).unwrap();
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        exchange(&mut client).await.unwrap();
        proxy.blackhole();
        // The proxy is waiting to read; the look at the state after it decides.
        let held = tokio::time::timeout(Duration::from_millis(100), exchange(&mut client)).await;
        assert!(held.is_err(), "nothing may come back");
        proxy.resume();
        let mut answer = [0; 4];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"ping");
    }
}
