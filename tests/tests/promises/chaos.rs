//! Everything is killed at random under load, and every promise holds all the same (design §3):
//! whatever was answered with 2xx is there once, whatever is there was asked for, and every event is
//! published once to a consumer with an inbox.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use muster_platform::{Ids as _, RandomIds};
use muster_tests::{
    Process, System, SystemOptions,
    bookkeeping::{self, settled},
    events::EventConsumer,
    load::{Load, LoadOptions, Story, Told},
    on_setup,
    setup::Setup,
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep, timeout};

const CLIENTS: usize = 64;

/// How long the load and the killing last.
const DURATION: Duration = Duration::from_secs(30);

/// Between two kills, and from a kill to the next start, in milliseconds.
const PAUSES: std::ops::Range<u64> = 200..1_500;
const OUTAGES: std::ops::Range<u64> = 0..700;

/// All of it, with coming to rest and looking at every row.
const LIMIT: Duration = Duration::from_mins(4);

/// Requests that have to succeed in spite of it all, so that the test says something.
const LEAST_DONE: usize = 500;

/// Runs one case again: the seed that a failed run has printed.
const SEED_VARIABLE: &str = "MUSTER_TEST_SEED";

fn options(options: SystemOptions) -> SystemOptions {
    options.with("MUSTER__INGRESS__COMMAND_DEADLINE", "10s")
}

#[expect(clippy::print_stderr, reason = "for whoever looks at the failed test")]
async fn chaos_body(system: &mut System, _setup: Setup) -> Result<()> {
    let seed = match std::env::var(SEED_VARIABLE) {
        Ok(seed) => seed.parse().context(SEED_VARIABLE)?,
        Err(_) => RandomIds.next().as_u64_pair().1,
    };
    eprintln!("{SEED_VARIABLE}={seed}");
    let consumer = EventConsumer::start(system).await?;
    let load = Load::start(
        &system.alpha()?,
        LoadOptions {
            clients: CLIENTS,
            seed,
            first_job: 1,
        },
    );
    let kills = kill_at_random(system, StdRng::seed_from_u64(seed)).await?;
    let stories = timeout(LIMIT, load.finish()).await??;
    let dump = timeout(LIMIT, settled(system, &consumer)).await??;
    let done = count(&stories, |told| matches!(told, Told::Done(_)));
    let unknown = count(&stories, |told| *told == Told::Unknown);
    let turned_away = count(&stories, |told| *told == Told::NotDone);
    eprintln!(
        "{kills} kills; {done} requests done, {turned_away} turned away, {unknown} not answered; \
         {} rows, {} events",
        dump.rows("job").len(),
        consumer.events().len()
    );
    bookkeeping::check(&stories, &dump, &consumer)
        .with_context(|| format!("{SEED_VARIABLE}={seed}"))?;
    ensure!(done >= LEAST_DONE, "only {done} requests were done");
    Ok(())
}

fn count(stories: &[Story], what: impl Fn(&Told) -> bool) -> usize {
    let told = stories
        .iter()
        .flat_map(|story| story.start.told.iter().chain(&story.stop.told));
    told.filter(|told| what(told)).count()
}

/// Kills one process after another and starts it again; at the end all of them run.
async fn kill_at_random(system: &mut System, mut random: StdRng) -> Result<usize> {
    let processes = system.names();
    let end = Instant::now() + DURATION;
    let mut kills = 0;
    while Instant::now() < end {
        sleep(Duration::from_millis(random.random_range(PAUSES))).await;
        let victim = *processes.choose(&mut random).context("no process")?;
        let has_broker = matches!(victim, Process::Broker | Process::Everything);
        kills += 1;
        if has_broker && random.random_bool(0.5) {
            // nats-server alone; it may be on its way up just now.
            let pid = system
                .nats_pid()
                .ok()
                .and_then(|pid| i32::try_from(pid).ok());
            if let Some(pid) = pid.and_then(Pid::from_raw) {
                let _ = kill_process(pid, Signal::KILL);
            }
            continue;
        }
        system.kill(victim)?;
        sleep(Duration::from_millis(random.random_range(OUTAGES))).await;
        system.spawn(victim)?;
        // Sometimes the next one is killed while this one is still starting.
        if random.random_bool(0.7) {
            system.ready(victim).await?;
        }
    }
    for process in processes {
        system.ready(process).await?;
    }
    Ok(kills)
}

on_setup!(
    sqlite_in_parts_alone,
    SQLITE_IN_PARTS,
    chaos,
    options,
    chaos_body
);
on_setup!(
    postgres_in_parts_alone,
    POSTGRES_IN_PARTS,
    chaos,
    options,
    chaos_body
);
on_setup!(
    sqlite_in_one_process_alone,
    SQLITE_IN_ONE_PROCESS,
    chaos,
    options,
    chaos_body
);
on_setup!(
    postgres_in_one_process_alone,
    POSTGRES_IN_ONE_PROCESS,
    chaos,
    options,
    chaos_body
);
