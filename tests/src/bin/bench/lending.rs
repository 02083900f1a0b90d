//! A site with nodes to lend, and clients that get one and give it back, over and over.

use std::{
    fs::OpenOptions,
    io::Write as _,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use hdrhistogram::Histogram;
use hyper::StatusCode;
use serde::Deserialize;

use super::{
    load::{Connection, histogram, quantile},
    system::TOKEN,
};

/// Key of the project that borrows.
pub(crate) const KEY: &str = "5a1e6c5e-9d3c-4c52-8f0b-6d0e1f2a3b4c";

/// Adds so many nodes of one pool to a site, for a project that may open as many sessions as it likes.
pub(crate) fn add_nodes(site: &Path, count: usize) -> Result<()> {
    let width = count.to_string().len();
    let mut site = OpenOptions::new().append(true).open(site)?;
    writeln!(
        site,
        "\n[[principal]]\nname = \"borrower\"\nproject = \"bench\"\nduffy_key = \"{KEY}\"\n\n\
         [[pool]]\nname = \"metal\"\nversion = \"7\"\narch = \"x86_64\"\nlifetime = \"6h\"\n\n\
         [[node]]\nhostname = \"n[{:0width$}-{count}].bench\"\npool = \"metal\"\nip = \"10.0.0.1\"\n\n\
         [duffy]\nrate_limit = 0",
        1
    )?;
    Ok(())
}

/// What clients saw.
pub(crate) struct Borrowed {
    pub(crate) pairs: u64,
    pub(crate) elapsed: Duration,
    get: Histogram<u64>,
    done: Histogram<u64>,
    pair: Histogram<u64>,
}

/// Two quantiles, in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quantiles {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

impl Borrowed {
    fn new() -> Result<Self> {
        Ok(Self {
            pairs: 0,
            elapsed: Duration::ZERO,
            get: histogram()?,
            done: histogram()?,
            pair: histogram()?,
        })
    }

    /// Pairs a second.
    pub(crate) fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 pairs")]
        let pairs = self.pairs as f64;
        pairs / self.elapsed.as_secs_f64()
    }

    /// Of `/Node/get`.
    pub(crate) fn get(&self) -> Quantiles {
        Quantiles::of(&self.get)
    }

    /// Of `/Node/done`.
    pub(crate) fn done(&self) -> Quantiles {
        Quantiles::of(&self.done)
    }

    /// Of both together.
    pub(crate) fn pair(&self) -> Quantiles {
        Quantiles::of(&self.pair)
    }
}

impl Quantiles {
    fn of(latencies: &Histogram<u64>) -> Self {
        Self {
            p50: quantile(latencies, 0.5),
            p99: quantile(latencies, 0.99),
        }
    }
}

/// So many clients borrow for so long, each the next node when it has given back the one before.
pub(crate) async fn borrow(
    address: SocketAddr,
    clients: usize,
    duration: Duration,
) -> Result<Borrowed> {
    let stop = Arc::new(AtomicBool::new(false));
    let started = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|_| tokio::spawn(one_client(address, stop.clone())))
        .collect();
    tokio::time::sleep(duration).await;
    stop.store(true, Ordering::Relaxed);
    let mut all = Borrowed::new()?;
    for task in tasks {
        let one = task.await??;
        all.pairs += one.pairs;
        all.get.add(one.get)?;
        all.done.add(one.done)?;
        all.pair.add(one.pair)?;
    }
    all.elapsed = started.elapsed();
    Ok(all)
}

async fn one_client(address: SocketAddr, stop: Arc<AtomicBool>) -> Result<Borrowed> {
    let mut connection = Connection::open(address).await?;
    let mut seen = Borrowed::new()?;
    while !stop.load(Ordering::Relaxed) {
        let (session, get) = get(&mut connection, 1).await?;
        let done = done(&mut connection, &session).await?;
        seen.pairs += 1;
        seen.get.record(get)?;
        seen.done.record(done)?;
        seen.pair.record(get + done)?;
    }
    Ok(seen)
}

#[derive(Deserialize)]
struct Lent {
    hosts: Vec<String>,
    ssid: String,
}

/// Gets nodes: the session, and how long it took in microseconds.
pub(crate) async fn get(connection: &mut Connection, count: usize) -> Result<(String, u64)> {
    let path = format!("/Node/get?key={KEY}&count={count}");
    let answer = connection.send("GET", path, String::new(), TOKEN).await?;
    let text = String::from_utf8_lossy(&answer.body);
    ensure!(answer.status == StatusCode::OK, "{}: {text}", answer.status);
    let lent: Lent = serde_json::from_slice(&answer.body)?;
    ensure!(lent.hosts.len() == count, "{text}");
    Ok((lent.ssid, answer.microseconds))
}

/// Gives a session back: how long it took in microseconds.
pub(crate) async fn done(connection: &mut Connection, session: &str) -> Result<u64> {
    let path = format!("/Node/done?key={KEY}&ssid={session}");
    let answer = connection.send("GET", path, String::new(), TOKEN).await?;
    let text = String::from_utf8_lossy(&answer.body);
    ensure!(
        answer.status == StatusCode::OK && text.trim() == "\"Done\"",
        "{}: {text}",
        answer.status
    );
    Ok(answer.microseconds)
}
