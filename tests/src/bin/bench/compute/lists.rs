//! The list that `backend.ai ps` asks for, where a hundred thousand sessions are over.

use std::time::Duration;

use anyhow::{Result, ensure};
use hyper::StatusCode;
use serde_json::{Value, json};

use super::{
    super::system::{Engine, Muster},
    caller::{AsyncRound, Caller, go_round},
    history,
    pairs::both,
};

/// Sessions that live.
const LIVING: usize = 20;

/// Callers at once.
const CALLERS: [usize; 2] = [1, 16];

/// As the client sends it.
pub(super) const QUERY: &str = "query($limit:Int!, $offset:Int!, $status: String, $access_key: String) { \
    compute_session_list( limit:$limit, offset:$offset, status:$status, access_key:$access_key) { \
    items { name access_key id image type status status_info status_changed result } total_count } }";

/// `ps` and `ps --dead`.
pub(super) const LISTS: [(&str, &str); 2] = [
    (
        "living",
        "PENDING,PREPARING,PULLING,RUNNING,RESTARTING,TERMINATING,RESIZING,SUSPENDED,ERROR",
    ),
    ("over", "CANCELLED,TERMINATED"),
];

#[derive(Clone)]
struct List {
    body: Value,
    count: usize,
}

impl AsyncRound<1> for List {
    async fn run(&self, caller: &mut Caller, _: usize, _: u64) -> Result<[u64; 1]> {
        let path = "/admin/graphql".to_owned();
        let answer = caller.call("POST", path, Some(&self.body)).await?;
        let text = String::from_utf8_lossy(&answer.body);
        ensure!(answer.status == StatusCode::OK, "{}: {text}", answer.status);
        let told: Value = serde_json::from_slice(&answer.body)?;
        let items = told.pointer("/compute_session_list/items");
        let items = items.and_then(Value::as_array);
        ensure!(items.map(Vec::len) == Some(self.count), "{text}");
        Ok([answer.microseconds])
    }
}

/// Prints the table.
pub(super) async fn measure(
    engine: Engine,
    muster: &Muster,
    duration: Duration,
    sessions: usize,
) -> Result<()> {
    let mut caller = Caller::open(muster.address).await?;
    for number in 0..LIVING {
        caller.create(&format!("lives-{number}"), json!({})).await?;
    }
    history::add(muster, sessions).await?;
    println!(
        "Compute sessions on {}: compute_session_list, {LIVING} of {LIVING} that live and of {sessions} that are over\n",
        engine.name()
    );
    println!("| list | callers | lists/s | p50 / p99 |\n|---|---|---|---|");
    for (name, status) in LISTS {
        for callers in CALLERS {
            let variables =
                json!({ "limit": LIVING, "offset": 0, "status": status, "access_key": null });
            let list = List {
                body: json!({ "query": QUERY, "variables": variables }),
                count: LIVING,
            };
            let seen = go_round(muster.address, callers, duration, list).await?;
            println!(
                "| {name} | {callers} | **{:.0}** | {} |",
                seen.rate(),
                both(&seen, 0)
            );
        }
    }
    println!();
    Ok(())
}
