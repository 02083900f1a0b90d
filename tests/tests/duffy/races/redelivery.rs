//! Every message comes again, later.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use async_nats::{HeaderMap, Message};
use futures_util::StreamExt as _;
use muster_contract::{Service, headers, topology::EVENT_STREAM};
use muster_platform::{Ids as _, RandomIds};
use muster_testkit::{DEADLINE, eventually};

use crate::house::{ALPHA, BETA, House, METAL, NODES, on_both};

/// How long nothing may come before it is taken that all has come.
const QUIET: Duration = Duration::from_millis(500);

on_both!(what_comes_again_changes_nothing);

/// What services tell each other about a session that has ended comes again when its nodes are another's: as it was, and
/// as if it were new.
async fn what_comes_again_changes_nothing(house: &mut House) -> Result<()> {
    let nats = house.system.nats().await?;
    let commands = nats.subscribe("muster.cmd.node-allocation.v1.>").await?;
    let events = nats.subscribe("muster.evt.node-allocation.v1.>").await?;
    nats.flush().await?;
    let mut told = futures_util::stream::select(commands, events);

    let (hosts, ssid) = house.nodes(ALPHA, "count=2").await?;
    house.nodes(ALPHA, &format!("count=2&ssid={ssid}")).await?;
    let shrink = format!("/Node/done?key={ALPHA}&ssid={ssid}&node={}", hosts[0]);
    house.expect(&shrink, 200, "Done".into()).await?;
    let fail = format!("/Node/fail?key={ALPHA}&ssid={ssid}");
    house.expect(&fail, 200, "Done".into()).await?;
    house.done(ALPHA, &ssid).await?;
    let mut messages = Vec::new();
    while let Ok(message) = tokio::time::timeout(QUIET, told.next()).await {
        messages.push(message.context("the subscription has ended")?);
    }
    // Allocate, allocate, release, hold, release; and an answer to each.
    ensure!(messages.len() == 10, "{messages:#?}");

    // All nodes are beta's now.
    let (_, betas) = house.nodes(BETA, &format!("count={METAL}")).await?;
    for as_new in [false, true] {
        for message in &messages {
            again(&nats, message, as_new).await?;
        }
        let settled = async || {
            let jetstream = async_nats::jetstream::new(nats.clone());
            for service in [Service::Session, Service::NodeAllocation] {
                let stream = jetstream.get_stream(service.command_stream());
                let stream = stream.await.ok()?;
                if stream.cached_info().state.messages > 0 {
                    return None;
                }
            }
            let events = jetstream.get_stream(EVENT_STREAM).await.ok()?;
            let consumer = events.consumer_info(Service::Session.name()).await.ok()?;
            (consumer.num_pending == 0 && consumer.num_ack_pending == 0).then_some(())
        };
        eventually(DEADLINE, "all that came again to be settled", settled).await?;
        let held = house.held(BETA).await?;
        ensure!(
            held.len() == METAL && held.values().all(|ssid| *ssid == betas),
            "{held:?}"
        );
        ensure!(house.held(ALPHA).await?.is_empty());
        ensure!(house.count("Deployed").await? == METAL);
    }
    let letters = house.system.cli(&["dead-letters", "list"]).await?;
    let letters = String::from_utf8_lossy(&letters.stdout).into_owned();
    ensure!(
        letters.lines().all(|line| !line.contains("muster.")),
        "{letters}"
    );
    house.done(BETA, &betas).await?;
    ensure!(house.count("Ready").await? == NODES);
    Ok(())
}

/// Publishes a message once more; the broker takes it for another, and `as_new` the service too.
async fn again(nats: &async_nats::Client, message: &Message, as_new: bool) -> Result<()> {
    let mut fresh = HeaderMap::new();
    let before = message.headers.clone().unwrap_or_default();
    for (name, values) in before.iter() {
        for value in values {
            fresh.append(name.clone(), value.clone());
        }
    }
    let id = RandomIds.next().to_string();
    if as_new {
        fresh.insert(headers::MESSAGE_ID, id.as_str());
    }
    fresh.insert(async_nats::header::NATS_MESSAGE_ID, id.as_str());
    let jetstream = async_nats::jetstream::new(nats.clone());
    let subject = message.subject.clone();
    let published = jetstream.publish_with_headers(subject, fresh, message.payload.clone());
    published.await?.await?;
    Ok(())
}
