//! The legacy API of releases 1 and 2: every row of its tables.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::house::{
    ALPHA, BETA, GAMMA, GAMMAS_QUOTA, House, METAL, NOBODY, SUFFIX, on_both, short,
};

const INSUFFICIENT: &str = "Insufficient Nodes in READY State";

on_both!(nodes_are_lent_and_given_back);

async fn nodes_are_lent_and_given_back(house: &mut House) -> Result<()> {
    let (hosts, ssid) = house.nodes(ALPHA, "count=2").await?;
    ensure!(hosts.len() == 2, "{hosts:?}");
    ensure!(
        ssid.len() == 36
            && ssid
                .bytes()
                .all(|byte| b"0123456789abcdef-".contains(&byte)),
        "{ssid}"
    );
    // cico reads the inventory at once, and trusts it.
    let rows = house.inventory().await?;
    for host in &hosts {
        ensure!(host.ends_with(SUFFIX), "{host}");
        let row = &rows[short(host)];
        ensure!(row[0].is_i64() && row[2].is_string(), "{row:?}");
        ensure!(
            row[3] == "dusty" && row[4] == 1 && row[5] == "Deployed" && row[6] == *ssid,
            "{row:?}"
        );
        ensure!(
            row[7..12]
                == [
                    json!(null),
                    json!(null),
                    json!("7"),
                    json!("x86_64"),
                    json!(1)
                ],
            "{row:?}"
        );
        ensure!(row[12].is_i64() && row[13].is_null(), "{row:?}");
        // A short name is part of one full name alone.
        let alike = hosts.iter().filter(|full| full.contains(short(host)));
        ensure!(alike.count() == 1, "{hosts:?}");
    }
    let held = house.held(ALPHA).await?;
    ensure!(held.len() == 2 && held.values().all(|held| *held == ssid));
    ensure!(house.held(BETA).await?.is_empty());
    ensure!(house.held(NOBODY).await?.is_empty());

    house.done(ALPHA, &ssid).await?;
    ensure!(house.held(ALPHA).await?.is_empty());
    house.all_ready().await?;
    house
        .expect(
            &format!("/Node/done?key={ALPHA}&ssid={ssid}"),
            200,
            json!({"msg": "Session not in Prod"}),
        )
        .await
}

on_both!(keys_and_sessions_have_to_fit);

async fn keys_and_sessions_have_to_fit(house: &mut House) -> Result<()> {
    let invalid_key = json!({"msg": "Invalid duffy key"});
    let invalid_session = json!({"msg": "Invalid session ID"});
    for path in [
        "/Node/get",
        "/Node/get?key=",
        "/Node/get?count=1",
        "/Session/get?alias=x",
    ] {
        house.expect(path, 403, invalid_key.clone()).await?;
    }
    house
        .text(&format!("/Node/get?key={NOBODY}"), "Invalid duffy key")
        .await?;
    house
        .expect(
            &format!("/Session/get?key={NOBODY}"),
            403,
            invalid_key.clone(),
        )
        .await?;
    let (_, ssid) = house.nodes(ALPHA, "").await?;
    let strange = "0199c1a2-7c1e-7d3c-9f57-2b1e5a0c6f11";
    for call in ["Node/done", "Node/fail", "Session/done", "Node/done?node=x"] {
        let (call, rest) = call.split_once('?').unwrap_or((call, ""));
        // What shell scripts cut off, or mistype, does nothing.
        for query in [
            format!("key={ALPHA}"),
            format!("key={ALPHA}&ssid="),
            format!("key={ALPHA}&sside={ssid}"),
            format!("key={ALPHA}&ssid={strange}"),
            format!("key={ALPHA}&ssid=nobodys-alias"),
            format!("key={NOBODY}&ssid={strange}"),
            format!("key={NOBODY}&ssid=nobodys-alias"),
            format!("key={NOBODY}"),
        ] {
            let path = format!("/{call}?{query}&{rest}");
            house.expect(&path, 403, invalid_session.clone()).await?;
        }
        for key in [BETA, NOBODY] {
            let path = format!("/{call}?key={key}&ssid={ssid}&{rest}");
            house.expect(&path, 403, invalid_key.clone()).await?;
        }
        let path = format!("/{call}?ssid={ssid}&{rest}");
        house.expect(&path, 403, invalid_key.clone()).await?;
    }
    ensure!(house.held(ALPHA).await?.len() == 1);
    house.done(ALPHA, &ssid).await
}

on_both!(a_node_is_of_the_kind_that_was_asked_for);

async fn a_node_is_of_the_kind_that_was_asked_for(house: &mut House) -> Result<()> {
    for (query, prefix) in [
        ("", "n"),
        ("ver=7&arch=x86_64", "n"),
        // Ignored: no pool of that release has it.
        ("flavor=medium", "n"),
        ("ver=9-stream&flavor=large", "l1.large"),
        ("ver=8-stream&arch=aarch64", "c"),
        ("ver=8-stream&arch=aarch64&flavor=medium", "m1.medium"),
        ("exclude_host=n1.%25,n2%25,n3._usty,n4.dusty", "n"),
    ] {
        let (hosts, ssid) = house.nodes(ALPHA, query).await?;
        ensure!(
            hosts.len() == 1 && hosts[0].starts_with(prefix),
            "{query}: {hosts:?}"
        );
        if query.starts_with("exclude_host") {
            ensure!(
                ["n5", "n6", "n7", "n8"]
                    .iter()
                    .any(|name| hosts[0].starts_with(name)),
                "{hosts:?}"
            );
        }
        house.done(ALPHA, &ssid).await?;
    }
    for query in [
        "ver=6",
        "ver=9-stream",
        "ver=9-stream&flavor=small",
        "arch=aarch64",
        "arch=sparc",
        "ver=8-stream&arch=aarch64&flavor=huge",
        "exclude_host=%25",
        "exclude_host=n%25",
        "count=9",
        "count=10000",
    ] {
        let path = format!("/Node/get?key={ALPHA}&{query}");
        house.text(&path, INSUFFICIENT).await?;
    }
    house.all_ready().await
}

on_both!(between_a_minimum_and_a_maximum);

async fn between_a_minimum_and_a_maximum(house: &mut House) -> Result<()> {
    let (hosts, first) = house.nodes(ALPHA, "count=6").await?;
    ensure!(hosts.len() == 6);
    house
        .text(&format!("/Node/get?key={BETA}&count=4&min=3"), INSUFFICIENT)
        .await?;
    let (hosts, second) = house.nodes(BETA, "count=4&min=1").await?;
    ensure!(hosts.len() == METAL - 6, "{hosts:?}");
    let (hosts, third) = house.nodes(BETA, "count=4&min=0").await?;
    ensure!(hosts.is_empty(), "{hosts:?}");
    house.done(ALPHA, &first).await?;
    for ssid in [second, third] {
        house.done(BETA, &ssid).await?;
    }
    house.all_ready().await
}

on_both!(failed_nodes_are_kept_for_a_look);

async fn failed_nodes_are_kept_for_a_look(house: &mut House) -> Result<()> {
    let fail = |ssid: &str| format!("/Node/fail?key={ALPHA}&ssid={ssid}");
    let (hosts, first) = house.nodes(ALPHA, "count=5").await?;
    house.expect(&fail(&first), 200, json!("Done")).await?;
    let rows = house.inventory().await?;
    for host in &hosts {
        let row = &rows[short(host)];
        ensure!(row[5] == "Fail" && row[6] == *first, "{row:?}");
    }
    ensure!(house.held(ALPHA).await?.len() == 5);
    // It gets no others.
    house
        .expect(
            &format!("/Node/get?key={ALPHA}&ssid={first}"),
            200,
            json!({"msg": "Session not in Prod"}),
        )
        .await?;
    let (_, second) = house.nodes(ALPHA, "").await?;
    let answer = house.json(&fail(&second), 403).await?;
    let message = answer["msg"].as_str().unwrap_or_default();
    ensure!(
        message.starts_with("Exceeded maximum allowed fail nodes limit,")
            && message.ends_with("please release other machines to continue"),
        "{message}"
    );
    // Another project has its own.
    let (_, betas) = house.nodes(BETA, "").await?;
    house
        .expect(
            &format!("/Node/fail?key={BETA}&ssid={betas}"),
            200,
            json!("Done"),
        )
        .await?;
    house.done(BETA, &betas).await?;
    house.done(ALPHA, &first).await?;
    house.expect(&fail(&second), 200, json!("Done")).await?;
    house.done(ALPHA, &second).await?;
    // Over, it has no nodes to keep.
    house.expect(&fail(&second), 200, json!("Done")).await?;
    house.all_ready().await
}

on_both!(sessions_may_not_be_opened_too_often, "");

async fn sessions_may_not_be_opened_too_often(house: &mut House) -> Result<()> {
    // What is over does not count.
    for _ in 0..4 {
        let (_, ssid) = house.nodes(ALPHA, "").await?;
        house.done(ALPHA, &ssid).await?;
    }
    for _ in 0..6 {
        house.nodes(ALPHA, "").await?;
    }
    house
        .expect(
            &format!("/Node/get?key={ALPHA}"),
            429,
            json!(
                "Failed to allocate nodes: Rate limit exceeded: 6 sessions in the last 5 minutes"
            ),
        )
        .await?;
    let (_, ssid) = house.nodes(BETA, "").await?;
    house.done(BETA, &ssid).await
}

on_both!(a_quota_is_not_exceeded);

async fn a_quota_is_not_exceeded(house: &mut House) -> Result<()> {
    let (hosts, ssid) = house.nodes(GAMMA, &format!("count={GAMMAS_QUOTA}")).await?;
    ensure!(hosts.len() == GAMMAS_QUOTA);
    for query in ["", &format!("ssid={ssid}")] {
        let answer = house
            .json(&format!("/Node/get?key={GAMMA}&{query}"), 200)
            .await?;
        let text = answer.as_str().unwrap_or_default();
        ensure!(
            text == "Failed to allocate nodes: Quota exceeded: 1 wanted, 3 held, 3 allowed",
            "{answer}"
        );
    }
    house.done(GAMMA, &ssid).await?;
    let (_, ssid) = house.nodes(GAMMA, "").await?;
    house.done(GAMMA, &ssid).await
}

on_both!(a_dry_run_explains_and_does_nothing);

async fn a_dry_run_explains_and_does_nothing(house: &mut House) -> Result<()> {
    let dry = async |query: &str| {
        let path = format!("/Node/get?key={GAMMA}&dry_run=1&{query}");
        house.json(&path, 200).await
    };
    let told = dry("count=2").await?;
    ensure!(told["dry_run"] == true && told["granted"] == true, "{told}");
    ensure!(
        told["pools"] == json!(["metal-7-x86_64"]) && told["ready"] == METAL && told["quota"] == 3,
        "{told}"
    );
    for (query, part) in [
        ("count=9", ""),
        ("ver=6", "no pool"),
        ("count=4", "4 nodes wanted, 0 held, 3 allowed"),
    ] {
        let told = dry(query).await?;
        let reason = told["reason"].as_str().unwrap_or_default();
        ensure!(
            told["granted"] == false && reason.contains(part),
            "{query}: {told}"
        );
    }
    house.all_ready().await
}
