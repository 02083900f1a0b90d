//! Parts die between any two of the steps that belong together.

use anyhow::{Context as _, Result, ensure};
use muster_contract::Service;
use muster_testkit::{DEADLINE, eventually};
use muster_tests::{Answer, Process, client::send, setup::stopped_at};
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinHandle;

use super::used;
use crate::house::{ALPHA, House, METAL, on_both_in_parts, short};

/// The parts that a request for nodes goes through.
const SERVICES: [Process; 2] = [Process::Session, Process::NodeAllocation];

/// A call that is on its way while parts die.
fn calling(house: &House, path: String) -> JoinHandle<Result<Answer>> {
    let client = house.client.clone();
    tokio::spawn(async move { send(client.anonymous(Method::GET, &path)).await })
}

/// Hosts and session of an answer.
fn lent(answer: &Answer) -> Result<(Vec<String>, String)> {
    let told = answer.json()?;
    let hosts = told["hosts"].as_array().with_context(|| answer.text())?;
    let hosts = hosts.iter().filter_map(|host| host.as_str());
    let ssid = told["ssid"].as_str().with_context(|| answer.text())?;
    Ok((
        hosts.map(|host| short(host).to_owned()).collect(),
        ssid.to_owned(),
    ))
}

/// A get and a done, with this part killed each time at this breakpoint while it works on them: both are answered, and
/// took effect once.
async fn killed_at(house: &mut House, part: Process, breakpoint: &str) -> Result<()> {
    let before = used_by_all(house).await?;
    house.restart_with_breakpoint(part, breakpoint).await?;
    let asking = calling(house, format!("/Node/get?key={ALPHA}&count=5"));
    stopped_at(&mut house.system, part, breakpoint).await?;
    // Whole or not at all, also at this moment.
    let deployed = house.count("Deployed").await?;
    ensure!(deployed == 0 || deployed == 5, "{deployed}");
    house.system.restart(part).await?;
    let (hosts, ssid) = lent(&asking.await??)?;
    ensure!(hosts.len() == 5, "{hosts:?}");
    let held = house.held(ALPHA).await?;
    ensure!(held.len() == 5 && hosts.iter().all(|host| held.get(host) == Some(&ssid)));

    house.restart_with_breakpoint(part, breakpoint).await?;
    let giving_back = calling(house, format!("/Node/done?key={ALPHA}&ssid={ssid}"));
    stopped_at(&mut house.system, part, breakpoint).await?;
    house.system.restart(part).await?;
    let answer = giving_back.await??;
    ensure!(answer.json()? == json!("Done"), "{}", answer.text());
    house.all_ready().await?;
    ensure!(used_by_all(house).await? == before + 5);
    Ok(())
}

async fn used_by_all(house: &House) -> Result<i64> {
    let mut all = 0;
    for number in 1..=METAL {
        all += used(house, &format!("n{number}.dusty")).await?;
    }
    Ok(all)
}

on_both_in_parts!(a_request_is_met_whole_or_not_at_all);

async fn a_request_is_met_whole_or_not_at_all(house: &mut House) -> Result<()> {
    for part in SERVICES {
        killed_at(house, part, "before-commit").await?;
    }
    Ok(())
}

on_both_in_parts!(what_was_committed_and_not_published_is_published);

async fn what_was_committed_and_not_published_is_published(house: &mut House) -> Result<()> {
    for part in SERVICES {
        killed_at(house, part, "after-acknowledgement").await?;
    }
    Ok(())
}

on_both_in_parts!(what_was_committed_and_not_acknowledged_takes_effect_once);

async fn what_was_committed_and_not_acknowledged_takes_effect_once(
    house: &mut House,
) -> Result<()> {
    for part in SERVICES {
        killed_at(house, part, "after-commit").await?;
    }
    Ok(())
}

on_both_in_parts!(the_inventory_is_never_behind_an_answer);

/// Whoever answers for the inventory is killed right after each answer, or everybody else is.
async fn the_inventory_is_never_behind_an_answer(house: &mut House) -> Result<()> {
    for victims in [
        &[Process::NodeAllocation][..],
        &[Process::Session, Process::JobArchive(0)],
    ] {
        let (hosts, ssid) = house.nodes(ALPHA, "count=3").await?;
        let (gone, kept) = (short(&hosts[0]), short(&hosts[1]));
        away_and_back(house, victims, async |house| {
            let rows = house.inventory().await?;
            ensure!(
                rows[gone][5] == "Deployed" && rows[gone][6] == *ssid,
                "{rows:?}"
            );
            ensure!(house.held(ALPHA).await?.len() == 3);
            Ok(())
        })
        .await?;

        let shrink = format!("/Node/done?key={ALPHA}&ssid={ssid}&node={gone}");
        house.expect(&shrink, 200, json!("Done")).await?;
        away_and_back(house, victims, async |house| {
            ensure!(house.inventory().await?[gone][5] == "Ready");
            ensure!(house.held(ALPHA).await?.len() == 2);
            Ok(())
        })
        .await?;

        let fail = format!("/Node/fail?key={ALPHA}&ssid={ssid}");
        house.expect(&fail, 200, json!("Done")).await?;
        away_and_back(house, victims, async |house| {
            ensure!(house.inventory().await?[kept][5] == "Fail");
            Ok(())
        })
        .await?;

        house.done(ALPHA, &ssid).await?;
        away_and_back(house, victims, async |house| house.all_ready().await).await?;
    }
    Ok(())
}

/// Kills the parts, looks, and starts them; whoever answers for the inventory is started before the look.
async fn away_and_back(
    house: &mut House,
    victims: &[Process],
    look: impl AsyncFnOnce(&House) -> Result<()>,
) -> Result<()> {
    for victim in victims {
        house.system.kill(*victim)?;
    }
    let answers = victims.contains(&Process::NodeAllocation);
    if answers {
        house.system.start(Process::NodeAllocation).await?;
    }
    look(house).await?;
    for victim in victims {
        if *victim != Process::NodeAllocation {
            house.system.start(*victim).await?;
        }
    }
    Ok(())
}

on_both_in_parts!(a_done_that_was_not_answered_is_done);

/// Giving back does not depend on who takes back: it is begun, and goes on when that one can.
async fn a_done_that_was_not_answered_is_done(house: &mut House) -> Result<()> {
    let nats = house.system.nats().await?;
    for away in SERVICES {
        let (_, ssid) = house.nodes(ALPHA, &format!("count={METAL}")).await?;
        house.system.kill(away)?;
        let before = commands_of_sessions(&nats).await?;
        let giving_back = calling(house, format!("/Node/done?key={ALPHA}&ssid={ssid}"));
        let on_its_way = async || (commands_of_sessions(&nats).await.ok()? > before).then_some(());
        eventually(DEADLINE, "the command to be on its way", on_its_way).await?;
        // The client goes away, and nobody asks again.
        giving_back.abort();
        house.system.start(away).await?;
        let ready = async || house.all_ready().await.ok();
        eventually(DEADLINE, "every node to be ready", ready).await?;
    }
    Ok(())
}

/// How many commands the session service was ever sent.
async fn commands_of_sessions(nats: &async_nats::Client) -> Result<u64> {
    let jetstream = async_nats::jetstream::new(nats.clone());
    let stream = jetstream.get_stream(Service::Session.command_stream());
    Ok(stream.await?.cached_info().state.last_sequence)
}
