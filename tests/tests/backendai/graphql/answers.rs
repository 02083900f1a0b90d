//! What is answered: the seed's own query, every field, both forms, and mistakes.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, ensure};
use muster_testkit::skip;
use muster_tests::backendai::Api;
use reqwest::Method;
use serde_json::{Value, json};

use super::{PATHS, ask, data, problem, text};
use crate::{
    house::House,
    site::{ALICE, CAROL, PYTHON, ROOT, SHELL},
};

/// The document that the schema is from.
const SEED: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../shared/seeds/003_28260cad24da5ce4.txt"
);

/// What stands indented after a line of the document that begins so.
fn block(document: &str, after: &str) -> Result<String> {
    let start = document
        .find(after)
        .with_context(|| format!("no {after:?}"))?;
    let rest = document.get(start..).unwrap_or_default();
    let lines = rest
        .lines()
        .skip_while(|line| !line.starts_with(".. code-block"));
    let lines = lines.skip(1);
    let block: Vec<&str> = lines
        .take_while(|line| line.is_empty() || line.starts_with("   "))
        .collect();
    Ok(block.join("\n"))
}

/// Its query with its variables is answered in its shape.
pub(super) async fn the_seeds_own_query(house: &House) -> Result<()> {
    if !Path::new(SEED).exists() {
        skip("the seed's own query", &format!("{SEED} is not there"));
        return Ok(());
    }
    let document = fs::read_to_string(SEED)?;
    let query = block(&document, "Query Example")?;
    let mut body: Value = serde_json::from_str(&block(&document, "API Parameters")?)?;
    let shape: Value = serde_json::from_str(&block(&document, "API Response")?)?;
    let root = house.api(ROOT);
    let more = json!({ "config": { "clusterSize": 3 }, "type": "interactive" });
    let carol = house.api(CAROL);
    carol.destroy("of-carol").await?;
    let id = carol
        .created_id("mysession", SHELL, more, "RUNNING")
        .await?;
    body["query"] = query.into();
    body["variables"]["ak"] = CAROL.access_key.into();
    let answer = root
        .expect(Method::POST, PATHS[0], Some(&body), 200)
        .await?;
    // Keys stand in the order in which they are asked for.
    let keys = |text: &str| -> Vec<String> {
        let parts = text.split('"').collect::<Vec<_>>();
        let pairs = parts.windows(2);
        let keys = pairs.filter(|pair| pair[1].trim_start().starts_with(':'));
        keys.map(|pair| pair[0].to_owned()).collect()
    };
    let written = document
        .split("API Response")
        .nth(1)
        .context("no answer in the document")?;
    ensure!(keys(&answer.text()) == keys(written), "{}", answer.text());
    let told = answer.json()?;
    same_shape(&shape, &told).with_context(|| answer.text())?;
    let session = &told["compute_session_list"]["items"][0];
    ensure!(
        session["id"] == id && session["name"] == "mysession",
        "{told}"
    );
    ensure!(session["containers"][0]["id"] == id, "{told}");
    let roles: Vec<String> = session["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|container| text(&container["role"]))
        .collect();
    ensure!(roles == ["master", "slave", "slave"], "{told}");
    carol.destroy("mysession").await.map(|_| ())
}

/// The same members of the same types; what is null in one may be anything.
fn same_shape(expected: &Value, told: &Value) -> Result<()> {
    match (expected, told) {
        (Value::Object(expected), Value::Object(told)) => {
            for (name, value) in expected {
                let member = told.get(name).with_context(|| format!("no {name}"))?;
                same_shape(value, member).with_context(|| name.clone())?;
            }
            ensure!(expected.len() == told.len(), "{told:?}");
        }
        (Value::Array(expected), Value::Array(told)) => {
            ensure!(expected.len() == told.len(), "{told:?}");
            for (expected, told) in expected.iter().zip(told) {
                same_shape(expected, told)?;
            }
        }
        (Value::Null, _) | (_, Value::Null) => {}
        (expected, told) => {
            let same = std::mem::discriminant(expected) == std::mem::discriminant(told);
            ensure!(same, "{told} instead of {expected}");
        }
    }
    Ok(())
}

/// Asks for all fields of the seed's two types, and of later ones.
const EVERY_FIELD: &str = "query($id: UUID!) { compute_session(id: $id) { \
        id name type tag image registry cluster_template domain_name group_name group_id user_email user_id access_key \
        created_user_email created_user_uuid status status_changed status_info created_at terminated_at startup_command result \
        resource_opts scaling_group service_ports mounts occupied_slots num_queries cluster_size cluster_mode preopen_ports \
        main_kernel_id session_id sess_id sess_type task_id last_updated status_updated agent_ids \
        containers { id role hostname session_id image registry status status_changed status_info created_at terminated_at agent \
            container_id resource_opts occupied_slots live_stat last_stat cluster_role cluster_idx cluster_hostname } \
        dependencies { id } } }";

/// All fields of the seed's two types, and what they have to be.
pub(super) async fn every_field_has_its_value(house: &House) -> Result<()> {
    let api = house.api(ALICE);
    let more = json!({
        "tag": "t1", "type": "batch", "startupCommand": "true", "group": "alpha", "domain": "default",
        "config": {
            "clusterSize": 2, "resources": { "cpu": "1", "mem": "128m" }, "resource_opts": { "shmem": "32m" }, "preopen_ports": [2000],
        },
    });
    let id = api
        .created_id("all-fields", PYTHON, more, "RUNNING")
        .await?;
    let root = house.api(ROOT);
    let told = data(&root, EVERY_FIELD, json!({ "id": id })).await?;
    let session = &told["compute_session"];
    let expected = json!({
        "id": id, "session_id": id, "task_id": id, "main_kernel_id": id, "name": "all-fields", "sess_id": "all-fields",
        "type": "batch", "sess_type": "batch", "tag": "t1", "image": PYTHON, "registry": "", "cluster_template": null,
        "domain_name": "default", "group_name": "alpha", "user_email": "compute-alice", "access_key": ALICE.access_key,
        "created_user_email": null, "created_user_uuid": null, "status": "RUNNING", "terminated_at": null,
        "startup_command": "true", "result": "UNDEFINED", "resource_opts": "{\"shmem\":\"32m\"}", "scaling_group": "default",
        "mounts": [], "occupied_slots": "{\"cpu\":\"2\",\"mem\":\"268435456\"}", "cluster_size": 2, "preopen_ports": [2000],
        "dependencies": [],
    });
    for (name, value) in expected.as_object().into_iter().flatten() {
        ensure!(session[name] == *value, "{name}: {told}");
    }
    for moment in [
        "created_at",
        "status_changed",
        "status_updated",
        "last_updated",
    ] {
        ensure!(text(&session[moment]).contains('T'), "{moment}: {told}");
    }
    for id in ["group_id", "user_id"] {
        ensure!(text(&session[id]).len() == 36, "{id}: {told}");
    }
    ensure!(session["num_queries"].is_i64(), "{told}");
    let ports: Value = serde_json::from_str(&text(&session["service_ports"]))?;
    ensure!(ports.is_array(), "{told}");
    let containers = session["containers"].as_array().context("no containers")?;
    let seen: Vec<[Value; 6]> = containers
        .iter()
        .map(|one| {
            [
                "role",
                "cluster_role",
                "hostname",
                "cluster_idx",
                "status",
                "occupied_slots",
            ]
            .map(|name| one[name].clone())
        })
        .collect();
    let slots = "{\"cpu\":\"1\",\"mem\":\"134217728\"}";
    ensure!(
        seen == [
            [
                json!("master"),
                json!("main"),
                json!("main1"),
                json!(1),
                json!("RUNNING"),
                json!(slots)
            ],
            [
                json!("slave"),
                json!("sub"),
                json!("sub1"),
                json!(1),
                json!("RUNNING"),
                json!(slots)
            ],
        ],
        "{told}"
    );
    for container in containers {
        ensure!(
            container["session_id"] == id && container["image"] == PYTHON,
            "{told}"
        );
        ensure!(
            container["agent"].is_string() && container["container_id"].is_string(),
            "{told}"
        );
    }
    containers_page_by_page(&api, &id).await?;
    api.destroy("all-fields").await?;
    let told = data(&root, EVERY_FIELD, json!({ "id": id })).await?;
    let session = &told["compute_session"];
    ensure!(
        session["status"] == "TERMINATED" && session["terminated_at"].is_string(),
        "{told}"
    );
    Ok(())
}

async fn containers_page_by_page(api: &Api, id: &str) -> Result<()> {
    let query = "query($limit: Int!, $offset: Int!, $id: ID!, $role: String) { \
        compute_container_list(limit: $limit, offset: $offset, session_id: $id, role: $role) { total_count items { hostname } } }";
    for (limit, offset, role, hostnames, total) in [
        (1, 0, None, vec!["main1"], 2),
        (1, 1, None, vec!["sub1"], 2),
        (100, 2, None, vec![], 2),
        (0, 0, None, vec![], 2),
        (100, 0, Some("master"), vec!["main1"], 1),
        (100, 0, Some("slave"), vec!["sub1"], 1),
        (100, 0, Some("sub"), vec!["sub1"], 1),
        (100, 0, Some("ps"), vec![], 0),
    ] {
        let variables = json!({ "limit": limit, "offset": offset, "id": id, "role": role });
        let told = data(api, query, variables).await?;
        let list = &told["compute_container_list"];
        let items = list["items"].as_array().cloned().unwrap_or_default();
        let found: Vec<String> = items.iter().map(|item| text(&item["hostname"])).collect();
        ensure!(
            found == hostnames && list["total_count"] == total,
            "{limit} {offset} {role:?}: {told}"
        );
    }
    for (limit, offset, id) in [(101, 0, id), (-1, 0, id), (1, -1, id), (1, 0, "x")] {
        let variables = json!({ "limit": limit, "offset": offset, "id": id });
        ensure!(ask(api, query, variables).await?.errors.len() == 1);
    }
    Ok(())
}

/// What is bare at one path has `data` around it at the other.
pub(super) async fn both_forms(house: &House) -> Result<()> {
    let api = house.alice();
    // No variables at all; the answer is in the order asked, under the names asked.
    let body = json!({ "query": "{ keypair { user_id is_admin mine: access_key is_active secret_key } }" });
    let inner = format!(
        "{{\"keypair\":{{\"user_id\":\"compute-alice\",\"is_admin\":false,\"mine\":\"{}\",\"is_active\":true,\"secret_key\":null}}}}",
        ALICE.access_key
    );
    let bare = api.expect(Method::POST, PATHS[0], Some(&body), 200).await?;
    ensure!(bare.text() == inner, "{}", bare.text());
    let wrapped = api.expect(Method::POST, PATHS[1], Some(&body), 200).await?;
    ensure!(
        wrapped.text() == format!("{{\"data\":{inner}}}"),
        "{}",
        wrapped.text()
    );
    let query = "query($ak: String) { keypair(access_key: $ak) { user_id } }";
    for (caller, sees) in [(house.api(ROOT), true), (house.bob(), false)] {
        let told = data(&caller, query, json!({ "ak": ALICE.access_key })).await?;
        ensure!(told["keypair"].is_null() != sees, "{told}");
    }
    let named = json!({ "query": "query a { a: keypair { user_id } } query b { b: keypair { user_id } }", "operationName": "b" });
    let told = api
        .expect(Method::POST, PATHS[0], Some(&named), 200)
        .await?
        .json()?;
    ensure!(told["b"].is_object() && told["a"].is_null(), "{told}");
    // The schema is there for whoever asks, and tools can learn it.
    let served = house
        .client
        .anonymous(Method::GET, "/openapi/backendai.graphql")
        .send()
        .await?
        .text()
        .await?;
    let committed = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../services/ingress/graphql/backendai.graphql"
    );
    ensure!(served == fs::read_to_string(committed)?, "{served}");
    let told = data(&api, INTROSPECTION, json!(null)).await?;
    ensure!(
        text(&told["__schema"]["subscriptionType"]["name"]) == "Subscription",
        "{told}"
    );
    Ok(())
}

/// As deep as what tools send.
const INTROSPECTION: &str = "{ __schema { queryType { name } subscriptionType { name } types { kind name fields { name args { name type { \
    kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } } } } }";

/// What sessions depend on.
pub(super) async fn dependencies_come_level_by_level(house: &House) -> Result<()> {
    let api = house.alice();
    let mut before: Vec<String> = Vec::new();
    for name in ["first", "second", "third"] {
        let more = json!({ "enqueueOnly": true, "dependencies": before, "group": "alpha" });
        let answer = api.create(name, SHELL, more).await?;
        ensure!(answer.status == 201, "{}", answer.text());
        before.push(name.to_owned());
    }
    let query = "{ compute_session_list(limit: 10, offset: 0, filter: \"name == \\\"third\\\"\") { items { name dependencies { name status \
        containers { role } dependencies { name dependencies { name } } } } } }";
    let told = data(&api, query, json!(null)).await?;
    let mut third = told["compute_session_list"]["items"][0]["dependencies"].clone();
    if let Some(dependencies) = third.as_array_mut() {
        dependencies.sort_by_key(|one| text(&one["name"]));
    }
    ensure!(
        third[0]["name"] == "first" && third[1]["name"] == "second",
        "{told}"
    );
    ensure!(
        third[1]["dependencies"] == json!([{ "name": "first", "dependencies": [] }]),
        "{told}"
    );
    ensure!(third[0]["containers"].is_array(), "{told}");
    for name in ["third", "second", "first"] {
        api.destroy(name).await?;
    }
    Ok(())
}

/// Each gets an error in the form of its path, and nothing else happens.
pub(super) async fn mistakes(house: &House) -> Result<()> {
    let api = house.alice();
    let list =
        |arguments: &str| format!("{{ compute_session_list({arguments}) {{ items {{ name }} }} }}");
    let deep = format!(
        "{{ compute_session(id: \"12c45b55-ce3c-418d-9c58-223bbba307f1\") {{ {} id {} }} }}",
        "dependencies {".repeat(20),
        "}".repeat(20)
    );
    let wide: Vec<String> = (0..300)
        .map(|number| {
            format!("a{number}: compute_session_list(limit: 100, offset: 0) {{ items {{ id }} }}")
        })
        .collect();
    let wide = wide.join(" ");
    for query in [
        "{".to_owned(),
        "{ nothing }".to_owned(),
        "mutation { x }".to_owned(),
        "subscription { compute_session_changed { id } }".to_owned(),
        "{ compute_session { name } }".to_owned(),
        "{ compute_session(id: \"x\") { name } }".to_owned(),
        list("limit: 1"),
        list("limit: \"1\", offset: 0"),
        list("limit: 1, offset: 0, filter: \"name = 1\""),
        list("limit: 1, offset: 0, filter: \"secret == 1\""),
        list("limit: 1, offset: 0, filter: \"name == \\\"\\u0000\\\"\""),
        list("limit: 1, offset: 0, order: \"name,,\""),
        list("limit: 1, offset: 0, order: \"agent\""),
        deep,
        format!("{{ {wide} }}"),
    ] {
        let told = problem(&api, &json!({ "query": query })).await?;
        let data = told["data"].as_array().cloned().unwrap_or_default();
        ensure!(
            !data.is_empty() && data[0]["message"].is_string(),
            "{query}: {told}"
        );
        let told = ask(&api, &query, json!(null)).await?;
        ensure!(!told.errors.is_empty(), "{query}: {told:?}");
    }
    for body in [
        json!({}),
        json!({ "query": 1 }),
        json!({ "query": "{ keypair { user_id } }", "operationName": 1 }),
    ] {
        for path in PATHS {
            api.refused(Method::POST, path, Some(&body), 400, "invalid-api-params")
                .await?;
        }
    }
    Ok(())
}
