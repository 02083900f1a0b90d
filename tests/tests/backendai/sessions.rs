//! The life of a session through the REST API (`api/backendai.md` §2).

use anyhow::{Context as _, Result, ensure};
use muster_contract::session::ComputeSessionStatus;
use muster_tests::containers::processes_of;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    house::{House, Rules, on_both},
    site::{BROKEN, PYTHON, ROOT, SHELL},
};

/// Keys of version 1 of a container's statistics.
const STATISTICS: [&str; 9] = [
    "cpu_used",
    "mem_max_bytes",
    "mem_cur_bytes",
    "net_rx_bytes",
    "net_tx_bytes",
    "io_read_bytes",
    "io_write_bytes",
    "io_max_scratch_size",
    "io_cur_scratch_size",
];

/// What the manager's code and the seed say of a session, together.
const INFORMATION: [&str; 20] = [
    "domainName",
    "groupId",
    "userId",
    "lang",
    "image",
    "registry",
    "tag",
    "containerId",
    "occupiedSlots",
    "occupiedShares",
    "environ",
    "status",
    "statusInfo",
    "age",
    "creationTime",
    "terminationTime",
    "numQueriesExecuted",
    "lastStat",
    "memoryLimit",
    "cpuCreditUsed",
];

on_both!(a_session_lives);

async fn a_session_lives(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let more = json!({
        "tag": "mine",
        "config": { "resources": { "cpu": "2", "mem": "256m" }, "environ": { "A": "B" } },
    });
    let told = alice.created("mysess-01", PYTHON, more, "RUNNING").await?;
    // Every name that any client looks for it under.
    let id = told["sessionId"].as_str().context("no id")?.to_owned();
    for (key, value) in [
        ("sessionName", "mysess-01"),
        ("sessId", "mysess-01"),
        ("kernelId", "mysess-01"),
    ] {
        ensure!(told[key] == value, "{key}: {told}");
    }
    let ports = &told["servicePorts"];
    ensure!(*ports == told["service_ports"], "{told}");
    ensure!(
        ports[0]["name"] == "http" && ports[0]["protocol"] == "http",
        "{told}"
    );
    ensure!(ports[0]["ports"] == json!([8000]), "{told}");

    let session = house.find(&alice, &id).await?;
    let url = House::service_url(&session, "http")?;
    ensure!(reqwest::get(&url).await?.status() == 200, "{url}");

    // Again: it is the same, whatever else is said of it.
    let more = json!({ "config": { "resources": { "cpu": "4" } } });
    let again = alice.create("mysess-01", PYTHON, more).await?;
    ensure!(again.status == 200, "{}", again.text());
    let again = again.json()?;
    ensure!(
        again["created"] == false && again["sessionId"] == id && again["status"] == "RUNNING",
        "{again}"
    );

    let seen = alice.get("/session/mysess-01").await?;
    for key in INFORMATION {
        ensure!(seen.get(key).is_some(), "{key}: {seen}");
    }
    ensure!(
        seen["tag"] == "mine" && seen["status"] == "RUNNING" && seen["memoryLimit"] == 262_144,
        "{seen}"
    );
    ensure!(seen["environ"].to_string().contains('B'), "{seen}");
    ensure!(seen["terminationTime"].is_null(), "{seen}");
    let queries = seen["numQueriesExecuted"].as_i64();
    let seen = alice.get(&format!("/session/{id}")).await?;
    ensure!(
        seen["numQueriesExecuted"].as_i64() == queries.map(|queries| queries + 1),
        "{seen}"
    );

    let statistics = alice.destroy("mysess-01").await?;
    ensure!(statistics["status"] == "terminated", "{statistics}");
    ensure!(statistics.get("version").is_none(), "{statistics}");
    for key in STATISTICS {
        ensure!(statistics[key].is_u64(), "{key}: {statistics}");
    }
    let path = "/session/mysess-01";
    for method in [Method::GET, Method::DELETE, Method::PATCH] {
        alice
            .refused(method, path, None, 404, "session-not-found")
            .await?;
    }
    let over = house.find(&alice, &id).await?;
    ensure!(over.status == ComputeSessionStatus::Terminated, "{over:?}");
    ensure!(
        over.status_info.as_deref() == Some("user-requested"),
        "{over:?}"
    );
    // Its name is free again.
    let second = alice
        .created_id("mysess-01", SHELL, json!({}), "RUNNING")
        .await?;
    ensure!(second != id);
    alice.destroy(&second).await?;
    house.all_is_free(&[&id, &second]).await
}

on_both!(each_form_of_create_is_understood);

async fn each_form_of_create_is_understood(house: &mut House) -> Result<()> {
    let alice = house.alice();
    // The seed's names, the old ones, and no name at all; what no release of ours knows is ignored.
    let bodies = [
        (
            "/session",
            json!({ "clientSessionToken": "form-1", "lang": "python" }),
        ),
        (
            "/session/create",
            json!({ "name": "form-2", "image": "python:3.6-ubuntu18.04", "architecture": "x86_64" }),
        ),
        (
            "/kernel",
            json!({ "clientSessionToken": "form-3", "lang": PYTHON, "enqueueOnly": "false" }),
        ),
        (
            "/kernel/create",
            json!({ "clientSessionToken": "form-4", "image": PYTHON, "startupCommand": "any help text", "config": {
                "mount_options": {}, "mount_ids": [], "mount_id_map": {}, "mounts": null, "environ": null,
                "resources": null, "scalingGroup": null, "preopen_ports": [], "clusterSize": null,
            } }),
        ),
        (
            "/session",
            json!({ "image": PYTHON, "group": "default", "domain": "default" }),
        ),
    ];
    for (path, body) in bodies {
        let told = alice
            .expect(Method::POST, path, Some(&body), 201)
            .await
            .with_context(|| body.to_string())?
            .json()?;
        ensure!(told["status"] == "RUNNING", "{body}: {told}");
        let name = told["sessionName"].as_str().context("no name")?;
        alice.destroy(name).await?;
    }
    Ok(())
}

on_both!(one_that_exists_is_not_made_again);

async fn one_that_exists_is_not_made_again(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let id = alice
        .created_id("taken", SHELL, json!({}), "RUNNING")
        .await?;
    for (image, more) in [
        (SHELL, json!({ "reuseIfExists": false })),
        (PYTHON, json!({})),
    ] {
        let answer = alice.create("taken", image, more).await?;
        ensure!(answer.status == 400, "{}", answer.text());
        let problem = muster_tests::backendai::is_problem(&answer, "session-already-exists")?;
        ensure!(problem["data"]["existingSessionId"] == id, "{problem}");
    }
    // Somebody else's name is somebody else's.
    let other = house.bob();
    let others = other
        .created_id("taken", SHELL, json!({}), "RUNNING")
        .await?;
    ensure!(others != id);
    Ok(())
}

on_both!(what_is_only_queued_is_answered_at_once, Rules::EMPTY);

async fn what_is_only_queued_is_answered_at_once(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let more = json!({ "enqueueOnly": true });
    let told = alice.created("later", SHELL, more, "PENDING").await?;
    ensure!(told["servicePorts"] == json!([]), "{told}");
    // Who waits is told when his time is over; the session goes on.
    let more = json!({ "maxWaitSeconds": 1 });
    let told = alice.created("patience", SHELL, more, "TIMEOUT").await?;
    let id = told["sessionId"].as_str().context("no id")?.to_owned();
    house
        .wait_for_reason(&alice, "later", "no-available-instances")
        .await?;
    let again = alice.create("patience", SHELL, json!({ "enqueueOnly": true }));
    let again = again.await?;
    ensure!(again.status == 200, "{}", again.text());
    ensure!(again.json()?["status"] == "PENDING", "{}", again.text());

    house.start_agent("a1", "cpu=4,mem=4g").await?;
    for name in ["later", id.as_str()] {
        house
            .wait_for(&alice, name, ComputeSessionStatus::Running)
            .await?;
        alice.destroy(name).await?;
    }
    house.all_is_free(&[&id]).await
}

on_both!(one_that_waits_can_be_ended, Rules::EMPTY);

async fn one_that_waits_can_be_ended(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let more = json!({ "enqueueOnly": true });
    let id = alice.created_id("waits", SHELL, more, "PENDING").await?;
    // Somebody waits for it, too.
    let waiting = {
        let alice = alice.clone();
        tokio::spawn(async move {
            let more = json!({ "maxWaitSeconds": 5 });
            alice.create("waits", SHELL, more).await
        })
    };
    let statistics = alice.destroy("waits").await?;
    ensure!(statistics["status"] == "cancelled", "{statistics}");
    let told = waiting.await??.json()?;
    // It may have come after the end: then it has waited for a new one of that name.
    ensure!(
        told["status"] == "CANCELLED" || told["sessionId"] != id,
        "{told}"
    );
    let over = house.find(&alice, &id).await?;
    ensure!(over.status == ComputeSessionStatus::Cancelled, "{over:?}");
    Ok(())
}

on_both!(a_restart_keeps_what_is_kept);

async fn a_restart_keeps_what_is_kept(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let id = alice
        .created_id("again", PYTHON, json!({}), "RUNNING")
        .await?;
    let before = house.find(&alice, &id).await?;
    let processes = processes_of(&id);
    ensure!(!processes.is_empty());
    alice
        .expect(Method::PATCH, "/session/again", None, 204)
        .await?;
    let after = house.find(&alice, &id).await?;
    ensure!(after.status == ComputeSessionStatus::Running, "{after:?}");
    ensure!(
        (after.created_at, after.started_at) == (before.created_at, before.started_at),
        "{after:?}"
    );
    let ports = |session: &muster_contract::session::ComputeSession| {
        let ports = &session.containers[0].service_ports;
        ports.iter().map(|port| port.host_port).collect::<Vec<_>>()
    };
    ensure!(ports(&after) == ports(&before), "{after:?}");
    ensure!(after.containers[0].id == before.containers[0].id);
    // The processes are others.
    let now = processes_of(&id);
    ensure!(
        !now.is_empty() && now.iter().all(|pid| !processes.contains(pid)),
        "{processes:?} {now:?}"
    );
    let url = House::service_url(&after, "http")?;
    ensure!(reqwest::get(&url).await?.status() == 200, "{url}");
    alice.destroy("again").await?;
    house.all_is_free(&[&id]).await
}

on_both!(what_it_wrote_can_be_read_afterwards);

async fn what_it_wrote_can_be_read_afterwards(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let more = json!({ "config": { "environ": { "GREETING": "good morning" } } });
    let id = alice.created_id("writes", SHELL, more, "RUNNING").await?;
    let logs = async |name: &str| -> Result<String> {
        let told = alice.get(&format!("/session/{name}/logs")).await?;
        let logs = told["result"]["logs"].as_str();
        Ok(logs.with_context(|| told.to_string())?.to_owned())
    };
    let said = "up with good morning";
    muster_testkit::eventually(muster_testkit::DEADLINE, "the log", async || {
        logs("writes").await.ok()?.contains(said).then_some(())
    })
    .await?;
    alice.destroy("writes").await?;
    for name in ["writes", id.as_str()] {
        let text = logs(name).await?;
        ensure!(text.contains(said), "{text}");
    }
    Ok(())
}

on_both!(what_cannot_start_says_why);

async fn what_cannot_start_says_why(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let answer = alice.create("broken", BROKEN, json!({})).await?;
    ensure!(answer.status == 201, "{}", answer.text());
    let told = answer.json()?;
    ensure!(
        told["status"] == "CANCELLED" || told["status"] == "ERROR",
        "{told}"
    );
    let id = told["sessionId"].as_str().context("no id")?.to_owned();
    let over = house
        .wait_for(&alice, &id, ComputeSessionStatus::Cancelled)
        .await?;
    let info = over.status_info.unwrap_or_default();
    ensure!(info.starts_with("failed-to-start"), "{info}");
    house.all_is_free(&[&id]).await?;
    // And the next one has room.
    let next = alice
        .created_id("broken", SHELL, json!({}), "RUNNING")
        .await?;
    alice.destroy(&next).await.map(|_| ())
}

on_both!(code_is_run_in_it);

async fn code_is_run_in_it(house: &mut House) -> Result<()> {
    let alice = house.alice();
    alice.created("code", PYTHON, json!({}), "RUNNING").await?;
    let run = async |code: &str| run_to_end(&alice, "code", code).await;
    let (text, status) = run("a = 6 * 7\nprint('it is', a)").await?;
    ensure!(text.contains("it is 42"), "{text} {status}");
    // The state stays from one to the next.
    let (text, _) = run("print(a + 1)").await?;
    ensure!(text.contains("43"), "{text}");
    let (text, status) = run("import sys; sys.stderr.write('oh no'); 1 / 0").await?;
    ensure!(
        text.contains("oh no") && text.contains("ZeroDivisionError"),
        "{text} {status}"
    );
    // A restart forgets.
    alice
        .expect(Method::PATCH, "/session/code", None, 204)
        .await?;
    let (text, _) = run("print(a)").await?;
    ensure!(text.contains("NameError"), "{text}");

    alice.created("lines", SHELL, json!({}), "RUNNING").await?;
    let (text, _) = run_to_end(&alice, "lines", "echo $((40 + 2))").await?;
    ensure!(text.contains("42"), "{text}");
    Ok(())
}

/// Runs code in a session: all that it wrote, and the last answer.
async fn run_to_end(
    api: &muster_tests::backendai::Api,
    session: &str,
    code: &str,
) -> Result<(String, Value)> {
    let path = format!("/session/{session}");
    let mut body = json!({ "mode": "query", "code": code, "runId": null });
    let mut text = String::new();
    loop {
        let answer = api.expect(Method::POST, &path, Some(&body), 200).await?;
        let result = answer.json()?["result"].take();
        for item in result["console"].as_array().into_iter().flatten() {
            text += item[1].as_str().unwrap_or_default();
        }
        match result["status"].as_str() {
            Some("continued") => {
                body = json!({ "mode": "continue", "code": "", "runId": result["runId"] });
            }
            Some("finished") => return Ok((text, result)),
            _ => anyhow::bail!("{result}"),
        }
    }
}

on_both!(somebody_elses_session_is_not_there);

async fn somebody_elses_session_is_not_there(house: &mut House) -> Result<()> {
    let (alice, bob, root) = (house.alice(), house.bob(), house.api(ROOT));
    let id = alice
        .created_id("private", SHELL, json!({}), "RUNNING")
        .await?;
    for name in ["private", id.as_str()] {
        let path = format!("/session/{name}");
        for method in [Method::GET, Method::DELETE, Method::PATCH] {
            bob.refused(method, &path, None, 404, "session-not-found")
                .await?;
        }
        let logs = format!("{path}/logs");
        bob.refused(Method::GET, &logs, None, 404, "session-not-found")
            .await?;
    }
    // In somebody's name only for administrators.
    let named = format!("/session/private?owner_access_key={}", alice.access_key());
    let answer = bob.call(Method::GET, &named, None).await?;
    ensure!(answer.status == 403, "{} {}", answer.status, answer.text());
    root.expect(Method::GET, &named, None, 200).await?;
    let forced = "/session/private?forced=true";
    let answer = alice.call(Method::DELETE, forced, None).await?;
    ensure!(answer.status == 403, "{} {}", answer.status, answer.text());
    let forced = format!("{forced}&owner_access_key={}", alice.access_key());
    root.expect(Method::DELETE, &forced, None, 200).await?;
    house
        .wait_for(&alice, &id, ComputeSessionStatus::Terminated)
        .await?;
    house.all_is_free(&[&id]).await
}
