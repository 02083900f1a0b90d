//! What happens to sessions, as it is told to those who listen (`GET /events/session`).

use anyhow::{Context as _, Result, ensure};
use muster_testkit::DEADLINE;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    house::{House, on_both},
    site::SHELL,
};

/// One event: its name and its data.
type Told = (String, Value);

/// What has come whole so far.
fn events(text: &str) -> Vec<Told> {
    let Some((whole, _)) = text.rsplit_once("\n\n") else {
        return Vec::new();
    };
    let blocks = whole.split("\n\n");
    let events = blocks.filter_map(|block| {
        let field = |name: &str| {
            let mut lines = block.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        let data = serde_json::from_str(field("data")?).ok()?;
        Some((field("event")?.to_owned(), data))
    });
    events.collect()
}

on_both!(who_listens_is_told);

async fn who_listens_is_told(house: &mut House) -> Result<()> {
    let (alice, bob) = (house.alice(), house.bob());
    let path = "/events/session?name=*&group=*";
    let mut stream = alice.request(Method::GET, path, None).send().await?;
    ensure!(stream.status() == 200, "{}", stream.status());
    let kind = stream.headers().get("content-type");
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    ensure!(kind.starts_with("text/event-stream"), "{kind}");

    // Another's is nothing for her.
    bob.created("secret", SHELL, json!({}), "RUNNING").await?;
    let id = alice
        .created_id("watched", SHELL, json!({}), "RUNNING")
        .await?;
    alice.destroy("watched").await?;
    let mut text = String::new();
    let seen = tokio::time::timeout(DEADLINE, async {
        loop {
            let chunk = stream.chunk().await?.context("the stream has ended")?;
            text += &String::from_utf8_lossy(&chunk);
            let seen = events(&text);
            if seen.iter().any(|(name, _)| name == "session_terminated") {
                return anyhow::Ok(seen);
            }
        }
    })
    .await
    .with_context(|| text.clone())??;
    let names: Vec<&str> = seen.iter().map(|(name, _)| name.as_str()).collect();
    for name in [
        "session_enqueued",
        "session_started",
        "session_terminating",
        "session_terminated",
    ] {
        ensure!(names.contains(&name), "{name}: {names:?}");
    }
    for (name, data) in &seen {
        ensure!(
            data["sessionName"] == "watched"
                && data["sessionId"] == id
                && data["ownerAccessKey"] == alice.access_key(),
            "{name}: {data}"
        );
    }
    let (_, last) = seen.last().context("nothing")?;
    ensure!(last["reason"] == "user-requested", "{last}");
    Ok(())
}
