//! Races and failures that a real implementation must handle (`api/duffy.md` §7), each provoked through HTTP.
//!
//! | row of the table | test |
//! |---|---|
//! | double allocation | [`allocation`]`::no_node_is_lent_twice` |
//! | partial allocation | [`kills`]`::a_request_is_met_whole_or_not_at_all` |
//! | client dies between get and reply | [`clients`]`::nodes_of_a_client_that_went_away_are_in_its_inventory` |
//! | client retries because the answer is slow | [`clients`]`::tries_under_one_word_are_one_request` |
//! | reaper against done, done against growth | [`endings`]`::who_ends_a_session_first_does_not_matter`, `an_old_done_does_not_touch_who_has_the_node_now` |
//! | dual write of database and queue | [`kills`]`::what_was_committed_and_not_published_is_published` |
//! | redelivery | [`redelivery`]`::what_comes_again_changes_nothing`, [`kills`]`::what_was_committed_and_not_acknowledged_takes_effect_once` |
//! | quota race | [`allocation`]`::no_quota_is_exceeded_by_many_at_once` |
//! | stale read model | [`kills`]`::the_inventory_is_never_behind_an_answer` |
//! | id collisions, guessable ids | [`clients`]`::an_ssid_is_no_key` |
//! | alias traps | [`clients`]`::of_many_who_want_an_alias_one_gets_it` |
//! | fail for ever | [`endings`]`::nobody_keeps_more_failed_nodes_than_allowed` (that it ends after twelve hours: `domain/expiry.rs` of the session service) |
//! | name re-use | [`endings`]`::a_name_comes_back` |
//! | pool starvation by big requests | [`allocation`]`::a_big_request_is_not_starved_by_small_ones` |
//! | clock | [`endings`]`::a_session_ends_when_its_time_is_over` (by a clock that is set: `periodic/expire_sessions/tests.rs` of the session service) |
//! | teardown fails | [`kills`]`::a_done_that_was_not_answered_is_done` |
//!
//! What is about preparing, installing and wiping nodes ("same node always tried first", "lost provisioning task") is with
//! the hooks.

mod allocation;
mod clients;
mod endings;
mod kills;
mod redelivery;

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::future::join_all;
use serde_json::Value;

use crate::house::{House, short};

/// What a call for nodes came to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Lent {
    /// Short names, and the session.
    Nodes(Vec<String>, String),
    /// Why not.
    Refused(String),
}

/// Asks once for nodes.
async fn get(house: &House, key: &str, query: &str) -> Result<Lent> {
    let answer = house.get(&format!("/Node/get?key={key}&{query}")).await?;
    ensure!(
        answer.status == 200,
        "{query}: {} {}",
        answer.status,
        answer.text()
    );
    let Ok(Value::Object(lent)) = answer.json() else {
        return Ok(Lent::Refused(answer.text()));
    };
    let (Some(Value::Array(hosts)), Some(Value::String(ssid))) =
        (lent.get("hosts"), lent.get("ssid"))
    else {
        bail!("{lent:?}");
    };
    let hosts = hosts.iter().filter_map(Value::as_str);
    let hosts = hosts.map(|host| short(host).to_owned()).collect();
    Ok(Lent::Nodes(hosts, ssid.clone()))
}

/// So many ask for nodes at once: what those got who got any, and what the others were told.
async fn get_at_once(
    house: &House,
    key: &str,
    queries: &[&str],
) -> Result<(Vec<(Vec<String>, String)>, Vec<String>)> {
    let calls = queries.iter().map(|query| get(house, key, query));
    let (mut lent, mut refused) = (Vec::new(), Vec::new());
    for outcome in join_all(calls).await {
        match outcome? {
            Lent::Nodes(hosts, ssid) => lent.push((hosts, ssid)),
            Lent::Refused(why) => refused.push(why),
        }
    }
    Ok((lent, refused))
}

/// How often a node was lent so far.
async fn used(house: &House, host: &str) -> Result<i64> {
    let rows = house.inventory().await?;
    let row = rows.get(host).with_context(|| format!("no {host}"))?;
    row[4].as_i64().context("no number")
}
