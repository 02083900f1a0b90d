//! Who sees what: each role x each query x its own, one of its domain, a foreign one; each argument and order key.

use anyhow::{Result, ensure};
use muster_tests::backendai::{Api, KeyPair};
use serde_json::{Value, json};

use super::{DORA, EVE, Told, ask, data, text};
use crate::{
    house::House,
    site::{ALICE, BOB, CAROL, ROOT, SHELL},
};

/// What is said to those who ask for what they may not see.
const FORBIDDEN: &str = "Forbidden operation.";

/// Whose sessions there are, and what they are called.
const OWNERS: [(KeyPair, &str); 4] = [
    (ALICE, "of-alice"),
    (CAROL, "of-carol"),
    (BOB, "of-bob"),
    (EVE, "of-eve"),
];

/// Who asks, and which of the sessions it sees.
const CALLERS: [(KeyPair, &[&str]); 6] = [
    (ALICE, &["of-alice"]),
    (CAROL, &["of-carol"]),
    (BOB, &["of-bob"]),
    (EVE, &["of-eve"]),
    (DORA, &["of-alice", "of-bob", "of-carol"]),
    (ROOT, &["of-alice", "of-bob", "of-carol", "of-eve"]),
];

const LIST: &str = "query($domain: String, $group: String, $ak: String, $status: String, $agent: String, $filter: String) { \
    compute_session_list(limit: 20, offset: 0, domain_name: $domain, group_id: $group, access_key: $ak, status: $status, \
    agent: $agent, filter: $filter) { total_count items { name } } }";

/// The sessions, each with its id.
pub(super) struct People {
    sessions: Vec<(&'static str, String)>,
}

impl People {
    pub(super) async fn of(house: &House) -> Result<Self> {
        let mut sessions = Vec::new();
        for (key, name) in OWNERS {
            let project = if key == EVE {
                "gamma"
            } else if key == BOB {
                "beta"
            } else {
                "alpha"
            };
            let domain = if key == EVE { "elsewhere" } else { "default" };
            let more =
                json!({ "group": project, "domain": domain, "config": { "clusterSize": 2 } });
            let api = house.api(key);
            let id = api.created_id(name, SHELL, more, "RUNNING").await?;
            sessions.push((name, id));
        }
        Ok(Self { sessions })
    }
}

pub(super) async fn each_sees_what_it_may(house: &House, people: &People) -> Result<()> {
    for (key, seen) in CALLERS {
        let api = house.api(key);
        let is_root = key == ROOT;
        for (name, id) in &people.sessions {
            let sees = seen.contains(name);
            let what = format!("{} and {name}", key.access_key);
            let query = "query($id: UUID!) { compute_session(id: $id) { name agent agent_ids container_id containers { id agent container_id } } }";
            let told = data(&api, query, json!({ "id": id })).await?;
            let session = &told["compute_session"];
            ensure!(session.is_null() != sees, "{what}: {told}");
            let containers = session["containers"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            if sees {
                ensure!(containers.len() == 2, "{what}: {told}");
                let hidden = [
                    &session["agent"],
                    &session["agent_ids"],
                    &session["container_id"],
                ];
                let of_containers = containers
                    .iter()
                    .flat_map(|one| [&one["agent"], &one["container_id"]]);
                ensure!(
                    hidden
                        .into_iter()
                        .chain(of_containers)
                        .all(|one| one.is_null() != is_root),
                    "{what}: {told}"
                );
            }
            // The main container has the id of its session.
            let query = "query($id: UUID!) { compute_container(id: $id) { id session_id role } }";
            let told = data(&api, query, json!({ "id": id })).await?;
            ensure!(
                told["compute_container"].is_null() != sees,
                "{what}: {told}"
            );
            let query = "query($id: ID!) { compute_container_list(limit: 20, offset: 0, session_id: $id) { total_count items { agent } } }";
            let told = data(&api, query, json!({ "id": id })).await?;
            let count = if sees { 2 } else { 0 };
            ensure!(
                told["compute_container_list"]["total_count"] == count,
                "{what}: {told}"
            );
            let by_name = "query($n: String!) { compute_session(sess_id: $n) { id } }";
            let told = data(&api, by_name, json!({ "n": name })).await?;
            ensure!(told["compute_session"].is_null() != sees, "{what}: {told}");
        }
        let told = ask(&api, LIST, json!({})).await?;
        ensure!(names(&told)? == seen, "{}: {told:?}", key.access_key);
    }
    Ok(())
}

fn names(told: &Told) -> Result<Vec<String>> {
    let list = &told.data["compute_session_list"];
    let items = list["items"].as_array().cloned().unwrap_or_default();
    let mut names: Vec<String> = items.iter().map(|item| text(&item["name"])).collect();
    ensure!(
        told.errors.is_empty() && list["total_count"] == names.len(),
        "{told:?}"
    );
    names.sort();
    Ok(names)
}

/// What somebody gets.
enum Gets {
    Only(&'static [&'static str]),
    Forbidden,
}
use Gets::{Forbidden, Only};

const NONE: &[&str] = &[];
const ALL: &[&str] = &["of-alice", "of-bob", "of-carol", "of-eve"];
const DOMAIN: &[&str] = &["of-alice", "of-bob", "of-carol"];

/// What is asked for, and what alice, the administrator of her domain, and the one of all get.
fn arguments() -> Vec<(Value, [Gets; 3])> {
    let alice = ALICE.access_key;
    let eve = EVE.access_key;
    let of_alice: &[&str] = &["of-alice"];
    vec![
        (
            json!({ "ak": alice }),
            [Only(of_alice), Only(of_alice), Only(of_alice)],
        ),
        (
            json!({ "ak": BOB.access_key }),
            [Forbidden, Only(&["of-bob"]), Only(&["of-bob"])],
        ),
        (
            json!({ "ak": eve }),
            [Forbidden, Only(NONE), Only(&["of-eve"])],
        ),
        (
            json!({ "ak": "AKIAUNKNOWNUNKNOWN00" }),
            [Forbidden, Only(NONE), Only(NONE)],
        ),
        (
            json!({ "domain": "default" }),
            [Only(of_alice), Only(DOMAIN), Only(DOMAIN)],
        ),
        (
            json!({ "domain": "elsewhere" }),
            [Forbidden, Forbidden, Only(&["of-eve"])],
        ),
        (
            json!({ "group": "alpha" }),
            [
                Only(of_alice),
                Only(&["of-alice", "of-carol"]),
                Only(&["of-alice", "of-carol"]),
            ],
        ),
        (
            json!({ "group": "beta" }),
            [Only(NONE), Only(&["of-bob"]), Only(&["of-bob"])],
        ),
        (
            json!({ "group": "gamma" }),
            [Only(NONE), Only(NONE), Only(&["of-eve"])],
        ),
        (
            json!({ "status": "RUNNING" }),
            [Only(of_alice), Only(DOMAIN), Only(ALL)],
        ),
        (
            json!({ "status": "PENDING,SCHEDULED" }),
            [Only(NONE), Only(NONE), Only(NONE)],
        ),
        (
            json!({ "status": "RUNNING_DEGRADED,SCHEDULED" }),
            [Only(NONE), Only(NONE), Only(NONE)],
        ),
        (
            json!({ "status": "RUNNING_DEGRADED, RUNNING" }),
            [Only(of_alice), Only(DOMAIN), Only(ALL)],
        ),
        (json!({ "agent": "a9" }), [Forbidden, Forbidden, Only(NONE)]),
        (
            json!({ "filter": "agent_ids contains \"a\"" }),
            [Forbidden, Forbidden, Only(ALL)],
        ),
        (
            json!({ "filter": "name like \"of-%\"" }),
            [Only(of_alice), Only(DOMAIN), Only(ALL)],
        ),
        (
            json!({ "filter": "name like \"OF-%\"" }),
            [Only(NONE), Only(NONE), Only(NONE)],
        ),
        (
            json!({ "filter": "name ilike \"OF-%\" & status == \"running\"" }),
            [Only(of_alice), Only(DOMAIN), Only(ALL)],
        ),
        (
            json!({ "filter": "name == \"of-eve\" | name == \"of-bob\"" }),
            [Only(NONE), Only(&["of-bob"]), Only(&["of-bob", "of-eve"])],
        ),
        (
            json!({ "filter": "!(name in [\"of-eve\", \"of-bob\"]) & cluster_size >= 2" }),
            [
                Only(of_alice),
                Only(&["of-alice", "of-carol"]),
                Only(&["of-alice", "of-carol"]),
            ],
        ),
        (
            json!({ "filter": "created_at > \"2020-01-01\" & terminated_at is null" }),
            [Only(of_alice), Only(DOMAIN), Only(ALL)],
        ),
        (
            json!({ "filter": "group_name == \"gamma\"", "ak": null }),
            [Only(NONE), Only(NONE), Only(&["of-eve"])],
        ),
    ]
}

pub(super) async fn arguments_and_orders(house: &House) -> Result<()> {
    let callers = [ALICE, DORA, ROOT].map(|key| house.api(key));
    for (variables, expected) in arguments() {
        for (api, gets) in callers.iter().zip(expected) {
            let told = ask(api, LIST, variables.clone()).await?;
            let what = format!("{} with {variables}", api.access_key());
            match gets {
                Only(expected) => ensure!(names(&told)? == expected, "{what}: {told:?}"),
                Forbidden => ensure!(told.errors == [FORBIDDEN], "{what}: {told:?}"),
            }
        }
    }
    project_by_its_id(&callers[2]).await?;
    orders(&callers[2]).await?;
    pages(&callers[2]).await
}

/// What is shown as an id is taken as one.
async fn project_by_its_id(root: &Api) -> Result<()> {
    let query = "{ compute_session_list(limit: 1, offset: 0, filter: \"name == \\\"of-eve\\\"\") { items { group_id user_id } } }";
    let told = data(root, query, json!(null)).await?;
    let item = &told["compute_session_list"]["items"][0];
    let by_group = ask(root, LIST, json!({ "group": item["group_id"] })).await?;
    ensure!(names(&by_group)? == ["of-eve"], "{by_group:?}");
    let filter = format!("user_id == {}", item["user_id"]);
    let by_user = ask(root, LIST, json!({ "filter": filter })).await?;
    ensure!(names(&by_user)? == ["of-eve"], "{by_user:?}");
    Ok(())
}

async fn orders(root: &Api) -> Result<()> {
    let query = "query($order: String, $key: String, $asc: Boolean) { compute_session_list(limit: 20, offset: 0, order: $order, \
        order_key: $key, order_asc: $asc) { items { name } } }";
    let sorted = async |variables: Value| -> Result<Vec<String>> {
        let told = data(root, query, variables).await?;
        let items = told["compute_session_list"]["items"].as_array().cloned();
        Ok(items
            .unwrap_or_default()
            .iter()
            .map(|item| text(&item["name"]))
            .collect())
    };
    let by_time = ["of-alice", "of-carol", "of-bob", "of-eve"];
    for (variables, first) in [
        (json!({ "order": "created_at" }), by_time[0]),
        (json!({ "order": "-created_at" }), by_time[3]),
        (json!({ "key": "created_at" }), by_time[0]),
        (json!({ "key": "created_at", "asc": false }), by_time[3]),
        (json!({ "key": "name", "asc": true }), "of-alice"),
        (json!({ "order": "-name" }), "of-eve"),
        (json!({ "order": "-domain_name,+name" }), "of-eve"),
        (json!({ "order": "group_name, -name" }), "of-carol"),
        (
            json!({ "order": null, "key": "status_changed", "asc": true }),
            "of-alice",
        ),
    ] {
        let found = sorted(variables.clone()).await?;
        ensure!(
            found.len() == 4 && found[0] == first,
            "{variables}: {found:?}"
        );
    }
    for key in [
        "id",
        "name",
        "type",
        "image",
        "tag",
        "domain_name",
        "group_name",
        "user_email",
        "access_key",
        "status",
        "status_info",
        "status_changed",
        "created_at",
        "terminated_at",
        "starts_at",
        "startup_command",
        "result",
        "scaling_group",
        "cluster_size",
        "cluster_mode",
    ] {
        for order in [format!("+{key}"), format!("-{key}")] {
            let found = sorted(json!({ "order": order })).await?;
            ensure!(found.len() == 4, "{order}: {found:?}");
        }
    }
    let told = ask(root, query, json!({ "key": "secret_key" })).await?;
    ensure!(told.errors == ["secret_key"], "{told:?}");
    Ok(())
}

async fn pages(root: &Api) -> Result<()> {
    let query = "query($limit: Int!, $offset: Int!) { compute_session_list(limit: $limit, offset: $offset, order: \"name\") { \
        total_count items { name } } }";
    for (limit, offset, expected) in [
        (0, 0, Some(NONE)),
        (2, 0, Some(&["of-alice", "of-bob"])),
        (2, 2, Some(&["of-carol", "of-eve"])),
        (2, 3, Some(&["of-eve"])),
        (2, 4, Some(NONE)),
        (100, i32::MAX, Some(NONE)),
        (101, 0, None),
        (-1, 0, None),
        (1, -1, None),
        (i32::MAX, 0, None),
    ] as [(i32, i32, Option<&[&str]>); 10]
    {
        let told = ask(root, query, json!({ "limit": limit, "offset": offset })).await?;
        let list = &told.data["compute_session_list"];
        let Some(expected) = expected else {
            ensure!(told.errors.len() == 1, "{limit} {offset}: {told:?}");
            continue;
        };
        let items = list["items"].as_array().cloned().unwrap_or_default();
        let names: Vec<String> = items.iter().map(|item| text(&item["name"])).collect();
        ensure!(
            names == expected && list["total_count"] == 4,
            "{limit} {offset}: {told:?}"
        );
    }
    // No number of GraphQL's is so large.
    let told = ask(
        root,
        query,
        json!({ "limit": 1, "offset": 2_147_483_648_i64 }),
    )
    .await?;
    ensure!(told.errors.len() == 1, "{told:?}");
    Ok(())
}
