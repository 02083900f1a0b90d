//! Parts and agents die between any two steps of a session's life: it goes on to its end, forwards or backwards, and the slots
//! add up.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use muster_contract::session::{ComputeSession, ComputeSessionStatus};
use muster_platform::{Ids as _, RandomIds};
use muster_testkit::{DEADLINE, eventually};
use muster_tests::{
    Answer, Engine, Process,
    backendai::Api,
    containers::processes_of,
    killing,
    null_agent::NullAgent,
    setup::{Mode, Setup, stopped_at},
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{task::JoinHandle, time::Instant};

use crate::{
    house::{House, Rules, on_both, run},
    site::{ALICE, BOB, CAROL, PYTHON, SHELL},
};

/// Between which a command's effect, its answer and its events could part.
const BREAKPOINTS: [&str; 4] = [
    "before-commit",
    "after-commit",
    "after-acknowledgement",
    "before-publication",
];

/// A call that is on its way while parts die.
fn calling(
    api: &Api,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> JoinHandle<Result<Answer>> {
    let (api, path) = (api.clone(), path.to_owned());
    tokio::spawn(async move { api.call(method, &path, body.as_ref()).await })
}

/// A session is made, started anew and ended, with this part killed each time at this breakpoint while it works on it: each
/// call is answered, and took effect once.
async fn killed_at(house: &mut House, part: Process, breakpoint: &str) -> Result<()> {
    let alice = house.alice();
    let name = format!("killed-{breakpoint}");
    let path = format!("/session/{name}");

    house.restart_with_breakpoint(part, breakpoint).await?;
    let body = json!({ "name": name, "image": SHELL });
    let creating = calling(&alice, Method::POST, "/session", Some(body));
    stopped_at(&mut house.system, part, breakpoint).await?;
    house.system.restart(part).await?;
    let told = creating.await??;
    ensure!(told.status == 201, "{} {}", told.status, told.text());
    ensure!(told.json()?["status"] == "RUNNING", "{}", told.text());
    let session = house.find(&alice, &name).await?;
    let id = session.id.to_string();
    ensure!(session.containers.len() == 1, "{session:?}");
    let processes = processes_of(&id);
    ensure!(!processes.is_empty());
    house.slots_add_up().await?;

    if part == Process::Session {
        house.restart_with_breakpoint(part, breakpoint).await?;
        let restarting = calling(&alice, Method::PATCH, &path, None);
        stopped_at(&mut house.system, part, breakpoint).await?;
        house.system.restart(part).await?;
        let told = restarting.await??;
        ensure!(told.status == 204, "{} {}", told.status, told.text());
        ensure!(processes_of(&id) != processes);
    }

    // Slots that are given back while nobody waits for any are told to nobody: there is nothing to publish.
    if part == Process::NodeAllocation && breakpoint == "before-publication" {
        alice.destroy(&name).await?;
        return house.all_is_free(&[&id]).await;
    }

    house.restart_with_breakpoint(part, breakpoint).await?;
    let ending = calling(&alice, Method::DELETE, &path, None);
    stopped_at(&mut house.system, part, breakpoint).await?;
    house.system.restart(part).await?;
    let told = ending.await??;
    ensure!(told.status == 200, "{} {}", told.status, told.text());
    house.all_is_free(&[&id]).await
}

on_both!(
    the_session_service_is_killed_at_each_step,
    Rules::USUAL,
    Parts
);

async fn the_session_service_is_killed_at_each_step(house: &mut House) -> Result<()> {
    killed_at_each(house, Process::Session).await
}

on_both!(node_allocation_is_killed_at_each_step, Rules::USUAL, Parts);

async fn node_allocation_is_killed_at_each_step(house: &mut House) -> Result<()> {
    killed_at_each(house, Process::NodeAllocation).await
}

async fn killed_at_each(house: &mut House, part: Process) -> Result<()> {
    for breakpoint in BREAKPOINTS {
        killed_at(house, part, breakpoint)
            .await
            .context(breakpoint)?;
    }
    let letters = house.system.cli(&["dead-letters", "list"]).await?;
    let letters = String::from_utf8_lossy(&letters.stdout).into_owned();
    ensure!(
        letters.lines().all(|line| !line.contains("muster.")),
        "{letters}"
    );
    Ok(())
}

/// Moments after the call at which somebody dies, in milliseconds.
const MOMENTS: [u64; 6] = [0, 5, 20, 50, 120, 300];

on_both!(an_agent_is_killed_at_each_step);

async fn an_agent_is_killed_at_each_step(house: &mut House) -> Result<()> {
    let alice = house.alice();
    for moment in MOMENTS {
        let name = format!("agent-{moment}");
        let path = format!("/session/{name}");
        let body = json!({ "name": name, "image": PYTHON });
        let creating = calling(&alice, Method::POST, "/session", Some(body));
        agent_dies_after(house, moment).await?;
        let told = creating.await??;
        ensure!(told.status == 201, "{} {}", told.status, told.text());
        let session = house.find(&alice, &name).await?;
        ensure!(
            session.status == ComputeSessionStatus::Running,
            "{moment}: {session:?}"
        );
        let id = session.id.to_string();
        let url = House::service_url(&session, "http")?;
        ensure!(reqwest::get(&url).await?.status() == 200, "{moment}: {url}");

        let restarting = calling(&alice, Method::PATCH, &path, None);
        agent_dies_after(house, moment).await?;
        let told = restarting.await??;
        ensure!(told.status == 204, "{} {}", told.status, told.text());
        ensure!(reqwest::get(&url).await?.status() == 200, "{moment}: {url}");

        let ending = calling(&alice, Method::DELETE, &path, None);
        agent_dies_after(house, moment).await?;
        let told = ending.await??;
        ensure!(told.status == 200, "{} {}", told.status, told.text());
        house.all_is_free(&[&id]).await?;
    }
    Ok(())
}

async fn agent_dies_after(house: &mut House, moment: u64) -> Result<()> {
    // Not to wait for a state, but to come at different moments.
    tokio::time::sleep(Duration::from_millis(moment)).await;
    house.kill_agent("a1")?;
    house.start_agent("a1", "cpu=4,mem=4g").await
}

/// How long the load and the killing last, unless [`SECONDS_VARIABLE`] says something else.
const DURATION: Duration = Duration::from_secs(20);

/// Seconds of load and killing, for a long run.
const SECONDS_VARIABLE: &str = "MUSTER_TEST_CHAOS_SECONDS";

/// Runs one case again: the seed that a failed run has printed.
const SEED_VARIABLE: &str = "MUSTER_TEST_SEED";

/// Callers at once.
const CALLERS: usize = 24;

/// What has to succeed in spite of it all, so that the test says something.
const LEAST_DONE: usize = 20;

/// How long a caller goes on after the end to know what became of its last request.
const END_DEADLINE: Duration = Duration::from_mins(1);

/// Agents that run nothing, in this process: they live, while everything else dies.
const CHAOS: Rules = Rules {
    settings: &[
        ("MUSTER__SESSION__COMPUTE_START_LIMIT", "20s"),
        ("MUSTER__SESSION__COMPUTE_STOP_LIMIT", "5s"),
        ("MUSTER__INGRESS__COMMAND_DEADLINE", "5s"),
    ],
    ..Rules::EMPTY
};

async fn everything_is_killed(house: &mut House) -> Result<()> {
    let (seed, duration) = (seed()?, duration()?);
    say(&format!("{SEED_VARIABLE}={seed}, {duration:?}"));
    let mut agents = Vec::new();
    for name in crate::site::AGENTS {
        let slots = [("cpu", "4"), ("mem", "100000000000")];
        agents.push(house.null_agent(name, &slots).await?);
    }
    let end = Instant::now() + duration;
    let callers: Vec<_> = (0..CALLERS)
        .map(|number| {
            let key = [ALICE, BOB, CAROL][number % 3];
            let random = StdRng::seed_from_u64(seed.wrapping_add(number as u64));
            tokio::spawn(load(house.api(key), number, random, end))
        })
        .collect();
    let random = StdRng::seed_from_u64(seed);
    let kills = killing::until(end, &mut house.system, random).await?;
    let mut done = Done::default();
    for caller in callers {
        let one = caller.await??;
        done.created += one.created;
        done.restarted += one.restarted;
        done.destroyed += one.destroyed;
        done.unanswered += one.unanswered;
    }
    say(&format!("{kills:?}; {done:?}"));
    ensure!(
        done.created >= LEAST_DONE && done.destroyed >= LEAST_DONE,
        "{done:?}"
    );
    comes_to_rest(house, &agents).await
}

/// What is left is ended, and then nothing is left.
async fn comes_to_rest(house: &House, agents: &[NullAgent]) -> Result<()> {
    house.slots_add_up().await?;
    for session in house.living().await? {
        let key = [ALICE, BOB, CAROL]
            .into_iter()
            .find(|key| key.access_key == session.owner);
        let key = key.with_context(|| format!("whose is this: {session:?}"))?;
        let path = format!("/session/{}", session.id);
        let answer = house.api(key).call(Method::DELETE, &path, None).await?;
        ensure!(
            [200, 404].contains(&answer.status.as_u16()),
            "{} {}",
            answer.status,
            answer.text()
        );
    }
    house.all_is_free(&[]).await?;
    for agent in agents {
        // What was lost is ended as well, later.
        eventually(DEADLINE, "every container to be ended", async || {
            agent.running().is_empty().then_some(())
        })
        .await?;
        agent.check()?;
    }
    let over = [
        ComputeSessionStatus::Terminated,
        ComputeSessionStatus::Cancelled,
    ];
    for session in house.sessions(&over).await? {
        check_over(&session)?;
    }
    Ok(())
}

/// A session that is over agrees with itself.
fn check_over(session: &ComputeSession) -> Result<()> {
    let ran = session.started_at.is_some();
    let agrees = match session.status {
        ComputeSessionStatus::Terminated => ran && session.terminated_at.is_some(),
        _ => !ran,
    };
    let containers = session.containers.iter();
    let are_over = containers.clone().all(|one| one.status.is_over());
    let has_all = session.containers.is_empty()
        || session.containers.len() == usize::try_from(session.cluster_size)?;
    ensure!(agrees && are_over && has_all, "{session:#?}");
    Ok(())
}

/// What one caller has seen.
#[derive(Debug, Default)]
struct Done {
    created: usize,
    restarted: usize,
    destroyed: usize,
    unanswered: usize,
}

async fn load(api: Api, number: usize, mut random: StdRng, end: Instant) -> Result<Done> {
    let mut done = Done::default();
    let mut round = 0;
    while Instant::now() < end {
        round += 1;
        let name = format!("chaos-{number}-{round}");
        let size = random.random_range(1..4);
        let body = json!({
            "name": name, "image": SHELL, "maxWaitSeconds": 10,
            "enqueueOnly": random.random_bool(0.3),
            "config": { "clusterSize": size, "resources": { "cpu": "1" } },
        });
        let (answer, tries) = ask(&api, Method::POST, "/session", Some(&body), end).await?;
        done.unanswered += tries;
        let Some(answer) = answer else { break };
        ensure!(
            [200, 201].contains(&answer.status.as_u16()),
            "{} {}",
            answer.status,
            answer.text()
        );
        done.created += 1;
        if random.random_bool(0.2) {
            let path = format!("/session/{name}");
            let (answer, tries) = ask(&api, Method::PATCH, &path, None, end).await?;
            done.unanswered += tries;
            let Some(answer) = answer else { break };
            done.restarted += usize::from(answer.status == 204);
        }
        let path = format!("/session/{name}");
        let (answer, tries) = ask(&api, Method::DELETE, &path, None, end).await?;
        done.unanswered += tries;
        let Some(answer) = answer else { break };
        // Not there any more: an earlier request that was not answered has ended it, or it came to nothing.
        ensure!(
            [200, 404].contains(&answer.status.as_u16()),
            "{} {}",
            answer.status,
            answer.text()
        );
        done.destroyed += 1;
    }
    Ok(done)
}

/// Asks until there is an answer; how often there was none.
async fn ask(
    api: &Api,
    method: Method,
    path: &str,
    body: Option<&Value>,
    end: Instant,
) -> Result<(Option<Answer>, usize)> {
    let mut tries = 0;
    while Instant::now() < end + END_DEADLINE {
        match api.call(method.clone(), path, body).await {
            Ok(answer) if !answer.status.is_server_error() => return Ok((Some(answer), tries)),
            Ok(answer) if [503, 504].contains(&answer.status.as_u16()) => {}
            // A restart that came to nothing is 500 with the original, too.
            Ok(answer) if method == Method::PATCH => return Ok((Some(answer), tries)),
            Ok(answer) => bail!("{method} {path}: {} {}", answer.status, answer.text()),
            // The connection broke, or there was none.
            Err(_) => {}
        }
        tries += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok((None, tries))
}

fn duration() -> Result<Duration> {
    match std::env::var(SECONDS_VARIABLE) {
        Ok(seconds) => Ok(Duration::from_secs(
            seconds.parse().context(SECONDS_VARIABLE)?,
        )),
        Err(_) => Ok(DURATION),
    }
}

fn seed() -> Result<u64> {
    match std::env::var(SEED_VARIABLE) {
        Ok(seed) => seed.parse().context(SEED_VARIABLE),
        Err(_) => Ok(RandomIds.next().as_u64_pair().1),
    }
}

#[expect(clippy::print_stderr, reason = "for whoever looks at the test")]
fn say(text: &str) {
    eprintln!("{text}");
}

async fn chaos_on(engine: Engine) -> Result<()> {
    let mode = Mode::Parts;
    let body = async |house: &mut House| everything_is_killed(house).await;
    run(
        Setup { engine, mode },
        "compute_sessions_under_chaos",
        CHAOS,
        body,
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn compute_sessions_under_chaos_on_sqlite_alone() -> Result<()> {
    chaos_on(Engine::Sqlite).await
}

#[tokio::test(flavor = "multi_thread")]
async fn compute_sessions_under_chaos_on_postgresql_alone() -> Result<()> {
    chaos_on(Engine::Postgres).await
}
