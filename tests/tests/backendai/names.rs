//! `x-1` is not `x-10` (`api/backendai.md` §8, `exact_name_is_not_a_prefix` and `match_endpoint`).

use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::json;

use crate::{
    house::{House, on_both},
    site::SHELL,
};

on_both!(an_exact_name_is_no_prefix);

async fn an_exact_name_is_no_prefix(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let ten = alice
        .created_id("prefixtest-10", SHELL, json!({}), "RUNNING")
        .await?;
    // Creating never takes a session whose name only begins like that.
    let one = alice
        .created_id("prefixtest-1", SHELL, json!({}), "RUNNING")
        .await?;
    ensure!(one != ten);
    // What is exact comes first.
    let seen = house.find(&alice, "prefixtest-1").await?;
    ensure!(seen.id.to_string() == one);
    // Several begin like that: none is meant.
    let problem = alice
        .refused(
            Method::DELETE,
            "/session/prefixtest",
            None,
            404,
            "too-many-sessions-matched",
        )
        .await?;
    let matches = problem["data"]["matches"].as_array().map(Vec::len);
    ensure!(matches == Some(2), "{problem}");
    for name in ["prefixtest-10", "prefixtest-1"] {
        let path = format!("/session/{name}");
        alice.expect(Method::GET, &path, None, 200).await?;
    }
    alice.destroy("prefixtest-1").await?;
    // Destroyed was the one that was named.
    let seen = alice.get("/session/prefixtest-10").await?;
    ensure!(seen["status"] == "RUNNING", "{seen}");
    Ok(())
}

on_both!(what_begins_like_that_is_found);

async fn what_begins_like_that_is_found(house: &mut House) -> Result<()> {
    let (alice, bob) = (house.alice(), house.bob());
    let mut ids = Vec::new();
    for name in ["match-a", "match-b", "other"] {
        let more = json!({ "enqueueOnly": true });
        ids.push(alice.created_id(name, SHELL, more, "PENDING").await?);
    }
    let found = alice.get("/session/_/match?id=match-").await?;
    let mut names: Vec<&str> = found["matches"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["name"].as_str())
        .collect();
    names.sort_unstable();
    ensure!(names == ["match-a", "match-b"], "{found}");
    let found = alice.get("/session/_/match?id=other").await?;
    ensure!(
        found["matches"][0]["id"] == ids[2] && found["matches"][0]["status"].is_string(),
        "{found}"
    );
    let by_id = alice
        .get(&format!("/session/_/match?id={}", ids[0]))
        .await?;
    ensure!(by_id["matches"][0]["name"] == "match-a", "{by_id}");
    // Others', and a wildcard of the database, are nothing.
    for (api, prefix) in [(&bob, "match-"), (&alice, "%25"), (&alice, "match_")] {
        let found = api.get(&format!("/session/_/match?id={prefix}")).await?;
        ensure!(found == json!({ "matches": [] }), "{prefix}: {found}");
    }
    Ok(())
}
