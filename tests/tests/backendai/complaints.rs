//! What is left of the tables of complaints (`api/backendai.md` §8): a long history, and lists.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use muster_contract::session::{ComputeSessionFilter, ComputeSessionStatus, ListComputeSessions};
use serde_json::json;

use crate::{
    house::{House, Rules, on_both},
    site::SHELL,
};

/// Sessions that are over.
const HISTORY: usize = 200;

on_both!(a_history_is_listed_page_by_page, Rules::EMPTY);

async fn a_history_is_listed_page_by_page(house: &mut House) -> Result<()> {
    let alice = house.alice();
    stream::iter(0..HISTORY)
        .map(|number| {
            let alice = alice.clone();
            async move {
                let name = format!("history-{number}");
                let more = json!({ "enqueueOnly": true });
                alice.created(&name, SHELL, more, "PENDING").await?;
                alice.destroy(&name).await
            }
        })
        .buffer_unordered(16)
        .try_for_each(async |_| Ok(()))
        .await?;
    alice
        .created("alive", SHELL, json!({ "enqueueOnly": true }), "PENDING")
        .await?;
    let list = async |statuses: &[ComputeSessionStatus], offset, limit| {
        let question = ListComputeSessions {
            filter: ComputeSessionFilter {
                owner: Some(alice.access_key().to_owned()),
                statuses: Some(statuses.to_vec()),
                ..ComputeSessionFilter::default()
            },
            order: Vec::new(),
            offset,
            limit,
            with_containers: true,
        };
        house.caller.ask(&question).await
    };
    let dead = [
        ComputeSessionStatus::Terminated,
        ComputeSessionStatus::Cancelled,
    ];
    let mut ids = std::collections::BTreeSet::new();
    for page in 0..5 {
        let found = list(&dead, page * 50, 50).await?;
        ensure!(found.total == HISTORY as u64, "{}", found.total);
        let count = if page < 4 { 50 } else { 0 };
        ensure!(found.sessions.len() == count, "{}", found.sessions.len());
        let changed: Vec<i64> = found
            .sessions
            .iter()
            .map(|session| session.status_changed_at)
            .collect();
        ensure!(changed.is_sorted_by(|a, b| a >= b), "{changed:?}");
        ids.extend(found.sessions.iter().map(|session| session.id));
    }
    ensure!(ids.len() == HISTORY);
    let living = list(&[ComputeSessionStatus::Pending], 0, 20).await?;
    ensure!(living.total == 1 && living.sessions.len() == 1);
    ensure!(list(&dead, 0, 0).await?.sessions.is_empty());
    Ok(())
}

on_both!(an_answer_needs_no_half_second);

/// The original sleeps for half a second after each start.
async fn an_answer_needs_no_half_second(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let mut fastest = Duration::MAX;
    for number in 0..5 {
        let began = Instant::now();
        let name = format!("fast-{number}");
        alice.created(&name, SHELL, json!({}), "RUNNING").await?;
        alice.destroy(&name).await?;
        fastest = fastest.min(began.elapsed());
    }
    // Of a real process, with its end; a busy machine has five tries.
    ensure!(fastest < Duration::from_millis(743), "{fastest:?}");
    Ok(())
}
