//! What is told over web sockets.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::{
    DORA, EVE, PATHS, text,
    web_socket::{APOLLO, Socket, TRANSPORT},
};
use crate::{
    house::House,
    site::{ALICE, BOB, NOBODY, ROOT, SHELL},
};

const CHANGES: &str = "subscription($name: String, $status: String) { compute_session_changed(name: $name, status: $status) { \
    name status access_key containers { role agent } } }";

/// Most subscriptions of one socket.
const LIMIT: usize = 16;

fn changed(told: &Value) -> &Value {
    &told["data"]["compute_session_changed"]
}

/// From the first status to the last, at both paths.
pub(super) async fn both_protocols(house: &House) -> Result<()> {
    let api = house.alice();
    for (number, (names, path)) in [
        (TRANSPORT, PATHS[0]),
        (APOLLO, PATHS[1]),
        (TRANSPORT, PATHS[1]),
    ]
    .into_iter()
    .enumerate()
    {
        let mut socket = Socket::open(house, ALICE, path, names).await?;
        let name = format!("listened-{number}");
        socket
            .subscribe("s", CHANGES, json!({ "name": name }))
            .await?;
        // Answered after the subscription is there: what is said over one socket is taken in order.
        socket
            .subscribe("q", "{ keypair { user_id } }", json!({}))
            .await?;
        let told = socket.next("q").await?;
        ensure!(
            told["data"]["keypair"]["user_id"] == "compute-alice",
            "{told}"
        );
        let told = socket.hear().await?;
        ensure!(told["type"] == "complete" && told["id"] == "q", "{told}");
        api.created(&name, SHELL, json!({}), "RUNNING").await?;
        api.destroy(&name).await?;
        let mut statuses = Vec::new();
        while statuses.last().is_none_or(|last| last != "TERMINATED") {
            let told = socket.next("s").await?;
            let session = changed(&told);
            ensure!(session["name"] == name.as_str(), "{told}");
            if session["status"] == "RUNNING" {
                // What a user may not see is not told either.
                ensure!(
                    session["containers"][0] == json!({ "role": "master", "agent": null }),
                    "{told}"
                );
            }
            statuses.push(text(&session["status"]));
        }
        statuses.dedup();
        for status in ["PENDING", "PREPARING", "RUNNING", "TERMINATING"] {
            ensure!(statuses.iter().any(|one| one == status), "{statuses:?}");
        }
        socket.stop("s").await?;
        let told = socket.hear().await?;
        ensure!(told["type"] == "complete" && told["id"] == "s", "{told}");
    }
    Ok(())
}

/// One who may see nothing of it hears nothing before what is his own.
pub(super) async fn each_is_told_what_it_may_see(house: &House) -> Result<()> {
    let mut sockets = Vec::new();
    for (key, sees) in [
        (ALICE, &["told-alice"][..]),
        (BOB, &["told-bob"]),
        (EVE, &["told-eve"]),
        (DORA, &["told-alice", "told-bob"]),
        (ROOT, &["told-alice", "told-bob", "told-eve"]),
    ] {
        let mut socket = Socket::open(house, key, PATHS[1], TRANSPORT).await?;
        socket
            .subscribe("s", CHANGES, json!({ "status": "RUNNING,SCHEDULED" }))
            .await?;
        socket
            .subscribe("q", "{ keypair { user_id } }", json!({}))
            .await?;
        socket.next("q").await?;
        socket.hear().await?;
        sockets.push((key, socket, sees));
    }
    for (key, name, group, domain) in [
        (EVE, "told-eve", "gamma", "elsewhere"),
        (ALICE, "told-alice", "alpha", "default"),
        (BOB, "told-bob", "beta", "default"),
    ] {
        let more = json!({ "group": group, "domain": domain });
        house.api(key).created(name, SHELL, more, "RUNNING").await?;
    }
    for (key, mut socket, sees) in sockets {
        let mut heard = Vec::new();
        for _ in sees {
            let told = socket.next("s").await?;
            heard.push(text(&changed(&told)["name"]));
            let sees_agents = changed(&told)["containers"][0]["agent"].is_string();
            ensure!(sees_agents == (key == ROOT), "{told}");
        }
        heard.sort();
        ensure!(heard == sees, "{}: {heard:?}", key.access_key);
        let refused = "subscription { compute_session_changed(access_key: \"AKIAUNKNOWN\", domain_name: \"nowhere\") { id } }";
        if key != ROOT {
            socket.subscribe("r", refused, json!({})).await?;
            let told = socket.hear().await?;
            ensure!(told.to_string().contains("Forbidden operation."), "{told}");
        }
    }
    Ok(())
}

pub(super) async fn limits(house: &House) -> Result<()> {
    let mut socket = Socket::open(house, ALICE, PATHS[1], TRANSPORT).await?;
    for number in 0..LIMIT {
        socket
            .subscribe(&format!("s{number}"), CHANGES, json!({ "name": "nobody" }))
            .await?;
    }
    socket.subscribe("more", CHANGES, json!({})).await?;
    let told = socket.hear().await?;
    // They are begun in no order: any of them may be the one too many.
    ensure!(told.to_string().contains("at most 16"), "{told}");
    // Who signs with no key, speaks no protocol that there is, or says nothing sensible gets no further.
    ensure!(
        Socket::connect(house, NOBODY, PATHS[1], "graphql-transport-ws", TRANSPORT)
            .await
            .is_err()
    );
    ensure!(
        Socket::connect(house, ALICE, PATHS[1], "chat", TRANSPORT)
            .await
            .is_err()
    );
    ensure!(
        Socket::connect(house, ALICE, PATHS[1], "", TRANSPORT)
            .await
            .is_err()
    );
    let both = "chat, graphql-transport-ws, graphql-ws";
    let mut socket = Socket::connect(house, ALICE, PATHS[1], both, TRANSPORT).await?;
    socket.subscribe("s", CHANGES, json!({})).await?;
    ensure!(socket.hear().await.is_err());
    let mut socket = Socket::open(house, ALICE, PATHS[1], TRANSPORT).await?;
    socket.say(json!("nonsense")).await?;
    ensure!(socket.hear().await.is_err());
    Ok(())
}
