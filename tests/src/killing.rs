//! Kills one part after the other, in random order, while others use them.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use rand::{Rng as _, rngs::StdRng, seq::SliceRandom as _};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use crate::{Process, System};

/// Between two kills, and from a kill to the next start, in milliseconds.
const PAUSES: std::ops::Range<u64> = 200..1_200;
const OUTAGES: std::ops::Range<u64> = 0..500;

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Part(Process),
    /// The server alone; the part that looks after it starts it again.
    NatsServer,
}

/// Kills each part as often as each other, in random order, until the time has come. At the end all of them run. How
/// often what was killed.
pub async fn until(
    end: Instant,
    system: &mut System,
    mut random: StdRng,
) -> Result<BTreeMap<String, usize>> {
    let parts = system.names();
    let mut victims: Vec<Victim> = parts.iter().copied().map(Victim::Part).collect();
    victims.push(Victim::NatsServer);
    let mut kills = BTreeMap::new();
    loop {
        victims.shuffle(&mut random);
        for victim in victims.clone() {
            sleep(Duration::from_millis(random.random_range(PAUSES))).await;
            if Instant::now() >= end {
                for part in parts {
                    system.ready(part).await?;
                }
                return Ok(kills);
            }
            kill(victim, system, &mut random).await?;
            *kills.entry(format!("{victim:?}")).or_insert(0) += 1;
        }
    }
}

async fn kill(victim: Victim, system: &mut System, random: &mut StdRng) -> Result<()> {
    let Victim::Part(part) = victim else {
        // It may be on its way up just now.
        let pid = system.nats_pid().ok();
        let pid = pid.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        if let Some(pid) = pid {
            let _ = kill_process(pid, Signal::KILL);
        }
        return Ok(());
    };
    system.kill(part)?;
    sleep(Duration::from_millis(random.random_range(OUTAGES))).await;
    system.start(part).await
}
