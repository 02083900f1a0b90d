//! Waiting for slots (`api/backendai.md` §3 and §8): who waits says for what, nobody waits for nothing, and nobody hides others.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use muster_contract::session::ComputeSessionStatus;
use muster_tests::backendai::{Api, is_problem};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    house::{House, Rules, on_both},
    site::{BOB, CAROL, PYTHON, SHELL},
};

/// Sessions that wait, as in the measurement of the original.
const QUEUED: usize = 400;

/// How many callers.
const CALLERS: usize = 16;

/// How many of them have room at a time.
const ROOM: usize = 40;

/// The longest that nothing may happen while some wait and there is room; the original stands still for half a minute. Long
/// enough for a machine that is busy with other tests.
const LONGEST_IDLE: Duration = Duration::from_secs(5);

fn enqueue(slots: &Value) -> Value {
    json!({ "enqueueOnly": true, "config": { "resources": slots } })
}

async fn queued(api: &Api, name: &str, slots: Value) -> Result<String> {
    api.created_id(name, SHELL, enqueue(&slots), "PENDING")
        .await
}

on_both!(four_hundred_that_wait_run_as_there_is_room, Rules::EMPTY);

async fn four_hundred_that_wait_run_as_there_is_room(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let make = |number: usize| {
        let alice = alice.clone();
        async move { queued(&alice, &format!("queued-{number}"), json!({ "cpu": "1" })).await }
    };
    let ids: Vec<String> = stream::iter(0..QUEUED)
        .map(make)
        .buffer_unordered(CALLERS)
        .try_collect()
        .await?;
    let room = ROOM.to_string();
    let agent = house
        .null_agent("a1", &[("cpu", room.as_str()), ("mem", "1000000000000")])
        .await?;

    // As many as there is room for run; each that is ended makes room for the next.
    let mut ended = 0;
    let mut last = Instant::now();
    while ended < QUEUED {
        let running = house.sessions(&[ComputeSessionStatus::Running]).await?;
        ensure!(running.len() <= ROOM, "{} run", running.len());
        ensure!(
            agent.used().fits_in(&house.agents().await?["a1"].available),
            "{:?}",
            agent.used()
        );
        let expected = ROOM.min(QUEUED - ended);
        if running.len() < expected {
            ensure!(
                last.elapsed() < LONGEST_IDLE,
                "{} instead of {expected} run, {ended} have ended",
                running.len()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        }
        stream::iter(&running)
            .map(|session| alice.destroy(&session.name))
            .buffer_unordered(CALLERS)
            .try_for_each(async |_| Ok(()))
            .await?;
        ended += running.len();
        last = Instant::now();
    }
    ensure!(ids.len() == QUEUED);
    agent.check()?;
    ensure!(agent.running().is_empty(), "{:?}", agent.running());
    house.all_is_free(&[]).await
}

on_both!(what_has_no_room_hides_nobody);

async fn what_has_no_room_hides_nobody(house: &mut House) -> Result<()> {
    let alice = house.alice();
    alice
        .created(
            "half",
            SHELL,
            json!({ "config": { "resources": { "cpu": "3" } } }),
            "RUNNING",
        )
        .await?;
    // There is room for one core; the first in the queue wants three.
    queued(&alice, "large", json!({ "cpu": "3" })).await?;
    house
        .wait_for_reason(&alice, "large", "no-available-instances")
        .await?;
    let more = json!({ "config": { "resources": { "cpu": "1" } } });
    alice.created("small", SHELL, more, "RUNNING").await?;
    // And it is not forgotten.
    alice.destroy("half").await?;
    house
        .wait_for(&alice, "large", ComputeSessionStatus::Running)
        .await?;
    house.slots_add_up().await
}

on_both!(what_can_never_be_is_refused_at_the_door);

/// The original takes 100,000 cores and 900 TiB, and lets it wait for ever; the seed promises 406.
async fn what_can_never_be_is_refused_at_the_door(house: &mut House) -> Result<()> {
    let alice = house.alice();
    for (image, resources, status) in [
        (SHELL, json!({ "cpu": "100000", "mem": "900t" }), 406),
        (SHELL, json!({ "cpu": "5" }), 406),
        // More than the image may have, and less than it needs.
        (PYTHON, json!({ "cpu": "65" }), 400),
        (PYTHON, json!({ "cpu": "1", "mem": "1m" }), 400),
        // Nobody has such a slot.
        (SHELL, json!({ "cpu": "1", "warp.drive": "1" }), 400),
    ] {
        let more = json!({ "config": { "resources": resources } });
        let answer = alice.create("absurd", image, more.clone()).await?;
        ensure!(
            answer.status == status,
            "{more}: {} {}",
            answer.status,
            answer.text()
        );
        ensure!(answer.json()?["type"].is_string(), "{}", answer.text());
    }
    ensure!(house.living().await?.is_empty());
    // The name was never taken.
    let more = json!({ "config": { "resources": { "cpu": 4, "mem": "0.5g" } } });
    alice.created("absurd", SHELL, more, "RUNNING").await?;
    Ok(())
}

/// Limits of each kind, on a site with plenty of room.
const LIMITS: Rules = Rules {
    site: r#"
[[resource_policy]]
name = "default"
compute_sessions = 3
slots = { cpu = "4" }
containers_per_session = 2
[[domain]]
name = "default"
quota = { slots = { cpu = "10" } }
"#,
    agents: &[("a1", "cpu=64,mem=64g")],
    ..Rules::USUAL
};

on_both!(who_has_as_much_as_may_be_waits_and_says_so, LIMITS);

async fn who_has_as_much_as_may_be_waits_and_says_so(house: &mut House) -> Result<()> {
    let (alice, carol, bob) = (house.alice(), house.api(CAROL), house.api(BOB));
    let cores = |cores: u32| json!({ "config": { "resources": { "cpu": cores.to_string() } } });
    // Slots of a key.
    alice.created("first", SHELL, cores(3), "RUNNING").await?;
    queued(&alice, "second", json!({ "cpu": "2" })).await?;
    let reason = "out-of-resource (keypair resource quota exceeded)";
    house.wait_for_reason(&alice, "second", reason).await?;
    // Others are not concerned.
    carol.created("first", SHELL, cores(4), "RUNNING").await?;
    // Of the domain: ten cores, seven of them are lent.
    queued(&bob, "first", json!({ "cpu": "4" })).await?;
    let reason = "out-of-resource (domain resource quota exceeded)";
    house.wait_for_reason(&bob, "first", reason).await?;
    // What is given back is somebody else's.
    carol.destroy("first").await?;
    house
        .wait_for(&bob, "first", ComputeSessionStatus::Running)
        .await?;
    alice.destroy("first").await?;
    house
        .wait_for(&alice, "second", ComputeSessionStatus::Running)
        .await?;
    // How many.
    for name in ["third", "fourth"] {
        alice.created(name, SHELL, cores(1), "RUNNING").await?;
    }
    queued(&alice, "fifth", json!({ "cpu": "0" })).await?;
    let reason = "out-of-resource (keypair";
    house.wait_for_reason(&alice, "fifth", reason).await?;
    alice.destroy("third").await?;
    house
        .wait_for(&alice, "fifth", ComputeSessionStatus::Running)
        .await?;
    // What would be too much even if there were nothing else.
    for (body, status) in [
        (cores(5), 406),
        (json!({ "config": { "clusterSize": 3 } }), 400),
    ] {
        let answer = alice.create("never", SHELL, body.clone()).await?;
        ensure!(
            answer.status.is_client_error()
                && (answer.status == status || answer.status == 412 || answer.status == 406),
            "{body}: {} {}",
            answer.status,
            answer.text()
        );
    }
    house.slots_add_up().await
}

on_both!(
    whom_no_group_of_agents_is_open_waits_for_nobody,
    Rules {
        site: "[[scaling_group]]\nname = \"default\"\n[[scaling_group]]\nname = \"gpu\"\nprojects = [\"beta\"]\n",
        ..Rules::USUAL
    }
);

async fn whom_no_group_of_agents_is_open_waits_for_nobody(house: &mut House) -> Result<()> {
    for group in ["gpu", "nowhere"] {
        let body = json!({ "name": "group", "image": SHELL, "config": { "scalingGroup": group } });
        let answer = house
            .alice()
            .call(Method::POST, "/session", Some(&body))
            .await?;
        ensure!(answer.status == 404, "{} {}", answer.status, answer.text());
        is_problem(&answer, "scaling-group-not-found")?;
    }
    let more = json!({ "config": { "scalingGroup": "default" } });
    house
        .alice()
        .created("group", SHELL, more, "RUNNING")
        .await?;
    // Nobody is there of this one, but there may be.
    let more = json!({ "enqueueOnly": true, "config": { "scalingGroup": "gpu" } });
    house.bob().created("group", SHELL, more, "PENDING").await?;
    house
        .wait_for_reason(&house.bob(), "group", "no-available-instances")
        .await
}
