//! Many at once on one session (`api/backendai.md` §8).

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use futures_util::future::join_all;
use muster_contract::session::ComputeSessionStatus;
use reqwest::Method;
use serde_json::json;

use crate::{
    house::{House, Rules, on_both},
    site::SHELL,
};

/// As many as were measured with the original.
const CREATES: usize = 12;
const DESTROYS: usize = 8;

on_both!(concurrent_creates_make_one_session);

async fn concurrent_creates_make_one_session(house: &mut House) -> Result<()> {
    let alice = house.alice();
    for round in 0..3 {
        let name = format!("at-once-{round}");
        let asking = (0..CREATES).map(|_| alice.create(&name, SHELL, json!({})));
        let (mut ids, mut created) = (BTreeSet::new(), 0);
        for answer in join_all(asking).await {
            let answer = answer?;
            ensure!(
                [200, 201].contains(&answer.status.as_u16()),
                "{} {}",
                answer.status,
                answer.text()
            );
            let told = answer.json()?;
            ensure!(
                (answer.status == 201) == (told["created"] == true),
                "{told}"
            );
            ids.insert(told["sessionId"].to_string());
            created += usize::from(answer.status == 201);
        }
        ensure!(ids.len() == 1 && created == 1, "{ids:?}, {created} created");
        ensure!(house.living().await?.len() == 1);
        alice.destroy(&name).await?;
    }
    house.all_is_free(&[]).await
}

on_both!(concurrent_destroys_never_5xx);

async fn concurrent_destroys_never_5xx(house: &mut House) -> Result<()> {
    let alice = house.alice();
    for round in 0..3 {
        let name = format!("ends-{round}");
        let id = alice.created_id(&name, SHELL, json!({}), "RUNNING").await?;
        let path = format!("/session/{id}");
        let destroys = (0..DESTROYS).map(|_| alice.call(Method::DELETE, &path, None));
        let mut done = 0;
        for answer in join_all(destroys).await {
            let answer = answer?;
            match answer.status.as_u16() {
                200 => {
                    ensure!(
                        answer.json()?["stats"]["status"] == "terminated",
                        "{}",
                        answer.text()
                    );
                    done += 1;
                }
                // It came when all was over.
                404 => {}
                _ => anyhow::bail!("{} {}", answer.status, answer.text()),
            }
        }
        ensure!(done > 0);
        let over = house.find(&alice, &id).await?;
        ensure!(over.status == ComputeSessionStatus::Terminated, "{over:?}");
        house.all_is_free(&[&id]).await?;
    }
    Ok(())
}

on_both!(an_end_at_any_moment_of_a_start_ends_it);

/// The original answers 403 to a destroy that comes while a session is prepared.
async fn an_end_at_any_moment_of_a_start_ends_it(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let mut ids = Vec::new();
    for delay in [0, 1, 2, 4, 8, 16, 32, 64, 128, 256] {
        let name = format!("moment-{delay}");
        let more = json!({ "enqueueOnly": true });
        ids.push(alice.created_id(&name, SHELL, more, "PENDING").await?);
        // Not to wait for a state, but to come at different moments.
        tokio::time::sleep(std::time::Duration::from_millis(delay)).await;
        let statistics = alice.destroy(&name).await?;
        ensure!(
            statistics["status"] == "terminated" || statistics["status"] == "cancelled",
            "{statistics}"
        );
    }
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    house.all_is_free(&ids).await
}

/// Room for one of the two names at a time only.
const ONE_AT_A_TIME: Rules = Rules {
    agents: &[("a1", "cpu=1,mem=4g")],
    ..Rules::USUAL
};

on_both!(names_are_made_and_ended_by_everybody_at_once, ONE_AT_A_TIME);

async fn names_are_made_and_ended_by_everybody_at_once(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let worker = async |number: usize| -> Result<()> {
        for round in 0..6 {
            let name = format!("shared-{}", (number + round) % 2);
            let more = json!({ "maxWaitSeconds": 5 });
            let answer = alice.create(&name, SHELL, more).await?;
            ensure!(answer.status.is_success(), "{}", answer.text());
            let path = format!("/session/{name}");
            let answer = alice.call(Method::DELETE, &path, None).await?;
            ensure!(
                [200, 404].contains(&answer.status.as_u16()),
                "{} {}",
                answer.status,
                answer.text()
            );
        }
        Ok(())
    };
    for result in join_all((0..6).map(worker)).await {
        result?;
    }
    for session in house.living().await? {
        let path = format!("/session/{}", session.id);
        alice.call(Method::DELETE, &path, None).await?;
    }
    house.all_is_free(&[]).await
}
