//! `start_job` and `stop_job` of the same job, one after the other: pairs a second.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use hdrhistogram::Histogram;

use super::super::{
    figures::{median, milliseconds},
    jobs,
    load::{Connection, histogram, quantile},
    processes,
    system::{Database, Engine, Muster, TOKEN},
};

/// Pairs before anything is counted.
const WARM_UP: Duration = Duration::from_secs(2);

/// How long each job is said to have run, in seconds.
const RUN: i64 = 600;

/// Counts the jobs, so that each is new.
static NEXT: AtomicI64 = AtomicI64::new(1);

struct Lived {
    elapsed: Duration,
    starts: Histogram<u64>,
    stops: Histogram<u64>,
}

/// Prints the table of one engine.
pub(crate) async fn measure(
    engine: Engine,
    connections: &[usize],
    rounds: usize,
    duration: Duration,
) -> Result<()> {
    println!(
        "start_job and stop_job on {}: {rounds} rounds of {duration:?}, medians (pairs/s: minimum and maximum too)\n",
        engine.name()
    );
    println!("| connections | pairs/s | start p50 / p99 | stop p50 / p99 | processor µs/pair |");
    println!("|---|---|---|---|---|");
    for connections in connections {
        let (mut rates, mut processor, mut times) =
            (Vec::new(), Vec::new(), [const { Vec::new() }; 4]);
        for _ in 0..rounds {
            let muster = Muster::start(Database::new(engine).await?).await?;
            live(muster.address, *connections, WARM_UP).await?;
            let serving = muster.processes();
            let before = processes::processor_seconds(&serving)?;
            let lived = live(muster.address, *connections, duration).await?;
            let used = processes::processor_seconds(&serving)? - before;
            ensure!(!lived.stops.is_empty(), "no job has stopped");
            #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 pairs")]
            let pairs = lived.stops.len() as f64;
            rates.push(pairs / lived.elapsed.as_secs_f64());
            processor.push(used * 1_000_000.0 / pairs);
            let quantiles = [
                (&lived.starts, 0.5),
                (&lived.starts, 0.99),
                (&lived.stops, 0.5),
                (&lived.stops, 0.99),
            ];
            for (times, (latencies, share)) in times.iter_mut().zip(quantiles) {
                times.push(quantile(latencies, share));
            }
        }
        let lowest = rates.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = rates.iter().copied().fold(0.0, f64::max);
        let [start50, start99, stop50, stop99] = times.map(|times| milliseconds(median(times)));
        println!(
            "| {connections} | **{:.0}** ({lowest:.0}-{highest:.0}) | {start50} / {start99} | {stop50} / {stop99} | {:.0} |",
            median(rates),
            median(processor),
        );
    }
    println!();
    Ok(())
}

async fn live(address: SocketAddr, connections: usize, duration: Duration) -> Result<Lived> {
    let stop = Arc::new(AtomicBool::new(false));
    let started = Instant::now();
    let tasks: Vec<_> = (0..connections)
        .map(|_| tokio::spawn(one_connection(address, stop.clone())))
        .collect();
    tokio::time::sleep(duration).await;
    stop.store(true, Ordering::Relaxed);
    let (mut starts, mut stops) = (histogram()?, histogram()?);
    for task in tasks {
        let (started, stopped) = task.await??;
        starts.add(started)?;
        stops.add(stopped)?;
    }
    Ok(Lived {
        elapsed: started.elapsed(),
        starts,
        stops,
    })
}

async fn one_connection(
    address: SocketAddr,
    stop: Arc<AtomicBool>,
) -> Result<(Histogram<u64>, Histogram<u64>)> {
    let mut connection = Connection::open(address).await?;
    let (mut starts, mut stops) = (histogram()?, histogram()?);
    while !stop.load(Ordering::Relaxed) {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let start_time = 1_700_000_000 + number;
        let body = jobs::start(number, start_time);
        let path = "/api/jobs/start_job/".to_owned();
        let answer = connection.send("POST", path, body, TOKEN).await?;
        ensure!(
            answer.status == 201,
            "{}",
            String::from_utf8_lossy(&answer.body)
        );
        starts.record(answer.microseconds)?;
        let body = format!(
            r#"{{"jobId":{number},"cluster":"{}","startTime":{start_time},"stopTime":{},"jobState":"completed"}}"#,
            jobs::CLUSTER,
            start_time + RUN
        );
        let path = "/api/jobs/stop_job/".to_owned();
        let answer = connection.send("POST", path, body, TOKEN).await?;
        ensure!(
            answer.status == 200,
            "{}",
            String::from_utf8_lossy(&answer.body)
        );
        stops.record(answer.microseconds)?;
    }
    Ok((starts, stops))
}
