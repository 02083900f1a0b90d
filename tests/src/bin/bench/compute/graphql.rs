//! Lists over GraphQL, with ever more sessions that are over; pages deep in them; and the containers of one large session.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hyper::StatusCode;
use serde_json::{Value, json};

use super::{
    super::system::{Engine, Muster},
    caller::{AsyncRound, Caller, go_round},
    history,
    lists::{LISTS, QUERY},
    pairs::both,
};

/// Sessions of a page.
const PAGE: usize = 20;

/// Callers at once.
const CALLERS: usize = 16;

/// Sessions that are over: as many as the original was measured with, and more. Then come as many as are asked for.
const SIZES: [usize; 2] = [160, 10_000];

/// Containers of the large session.
const CONTAINERS: usize = 1_000;

/// How long these may take to start.
const START: u32 = 120;

const CONTAINERS_QUERY: &str = "query($limit: Int!, $offset: Int!, $id: ID!) { compute_container_list(limit: $limit, \
    offset: $offset, session_id: $id) { items { id role agent status occupied_slots live_stat } total_count } }";

/// Where the next page begins.
#[derive(Debug, Clone, Copy)]
enum Offset {
    /// At the beginning, always.
    First,
    /// Where the one before ended; each caller for itself.
    Next,
    /// Anywhere.
    Any,
}

/// Page after page of a list.
#[derive(Clone)]
struct Pages {
    query: &'static str,
    list: &'static str,
    variables: Value,
    offset: Offset,
    total: usize,
}

impl AsyncRound<1> for Pages {
    async fn run(&self, caller: &mut Caller, number: usize, turn: u64) -> Result<[u64; 1]> {
        let pages = self.total / PAGE;
        let turn = usize::try_from(turn)?;
        let page = match self.offset {
            Offset::First => 0,
            Offset::Next => (number * pages / CALLERS + turn) % pages,
            // Far from the one before, and each once in a while.
            Offset::Any => (number + 1) * (turn + 1) * 7_919 % pages,
        };
        let mut body = json!({ "query": self.query, "variables": self.variables });
        if let Some(variables) = body.pointer_mut("/variables") {
            variables["offset"] = (page * PAGE).into();
            variables["limit"] = PAGE.into();
        }
        let path = "/admin/graphql".to_owned();
        let answer = caller.call("POST", path, Some(&body)).await?;
        let text = String::from_utf8_lossy(&answer.body);
        ensure!(answer.status == StatusCode::OK, "{}: {text}", answer.status);
        let told: Value = serde_json::from_slice(&answer.body)?;
        let items = told.pointer(&format!("/{}/items", self.list));
        let items = items.and_then(Value::as_array);
        ensure!(items.map(Vec::len) == Some(PAGE), "{text}");
        Ok([answer.microseconds])
    }
}

/// Prints the tables.
pub(super) async fn measure(
    engine: Engine,
    muster: &Muster,
    duration: Duration,
    sessions: usize,
) -> Result<()> {
    let mut caller = Caller::open(muster.address).await?;
    for number in 0..PAGE {
        caller.create(&format!("lives-{number}"), json!({})).await?;
    }
    println!(
        "GraphQL on {}: compute_session_list, pages of {PAGE} as `backend.ai ps` asks for them, {CALLERS} callers\n",
        engine.name()
    );
    println!("| sessions that are over | which | pages/s | p50 / p99 |\n|---|---|---|---|");
    let [(_, living), (_, over)] = LISTS;
    let mut there = 0;
    for size in SIZES.into_iter().chain([sessions]) {
        if size <= there {
            continue;
        }
        history::add(muster, size - there).await?;
        there = size;
        for (which, status, offset, total) in [
            ("that live", living, Offset::First, PAGE),
            ("over, the first page", over, Offset::First, size),
            ("over, page after page", over, Offset::Next, size),
            ("over, any page", over, Offset::Any, size),
        ] {
            let pages = Pages {
                query: QUERY,
                list: "compute_session_list",
                variables: json!({ "status": status, "access_key": null }),
                offset,
                total,
            };
            let seen = go_round(muster.address, CALLERS, duration, pages).await?;
            println!(
                "| {size} | {which} | **{:.0}** | {} |",
                seen.rate(),
                both(&seen, 0)
            );
        }
    }
    containers(engine, muster, duration, &mut caller).await
}

async fn containers(
    engine: Engine,
    muster: &Muster,
    duration: Duration,
    caller: &mut Caller,
) -> Result<()> {
    let more = json!({ "clusterSize": CONTAINERS, "maxWaitSeconds": START });
    let told = caller.create("large", more).await?;
    ensure!(told.status == "RUNNING", "{told:?}");
    let query = json!({ "query": "{ compute_session(sess_id: \"large\") { id } }" });
    let path = "/admin/graphql".to_owned();
    let answer = caller.call("POST", path, Some(&query)).await?;
    let told: Value = serde_json::from_slice(&answer.body)?;
    let id = told.pointer("/compute_session/id");
    let pages = Pages {
        query: CONTAINERS_QUERY,
        list: "compute_container_list",
        variables: json!({ "id": id.context("no such session")? }),
        offset: Offset::Next,
        total: CONTAINERS,
    };
    let seen = go_round(muster.address, CALLERS, duration, pages).await?;
    println!(
        "\nGraphQL on {}: compute_container_list, {CONTAINERS} containers of one session, {PAGE} a page, {CALLERS} callers\n",
        engine.name()
    );
    println!(
        "| pages/s | p50 / p99 |\n|---|---|\n| **{:.0}** | {} |\n",
        seen.rate(),
        both(&seen, 0)
    );
    caller.destroy("large").await.map(|_| ())
}
