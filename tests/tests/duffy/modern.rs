//! The API of release 3, over the same sessions.

use anyhow::{Context, Result, ensure};
use muster_tests::client::send;
use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{ADMIN, ALPHA, BETA, GAMMA, House, METAL, NODES, SUFFIX, on_both};

/// A call with a body that has to be answered with this status.
async fn call(
    house: &House,
    who: (&str, &str),
    method: Method,
    path: &str,
    body: Value,
    status: u16,
) -> Result<Value> {
    let mut request = house
        .client
        .anonymous(method.clone(), &format!("/api/v1{path}"))
        .basic_auth(who.0, Some(who.1));
    if !body.is_null() {
        request = request.body(body.to_string());
    }
    let answer = send(request).await?;
    ensure!(
        answer.status == status,
        "{method} {path}: {} {}",
        answer.status,
        answer.text()
    );
    answer.json()
}

const AS_ALPHA: (&str, &str) = ("duffy-alpha", ALPHA);
/// By the name of the tenant.
const AS_BETA: (&str, &str) = ("beta", BETA);
const AS_GAMMA: (&str, &str) = ("duffy-gamma", GAMMA);
const AS_ADMIN: (&str, &str) = ("duffy-admin", ADMIN);

on_both!(sessions_of_release_3);

async fn sessions_of_release_3(house: &mut House) -> Result<()> {
    let specs = json!({"tenant_id": null, "nodes_specs": [
        {"quantity": 2, "pool": "metal-7-x86_64"},
        {"quantity": 1, "pool": "cloud-8-aarch64"},
    ]});
    let made = call(house, AS_ALPHA, Method::POST, "/sessions", specs, 201).await?;
    ensure!(made["action"] == "post", "{made}");
    let session = &made["session"];
    let id = session["id"].as_i64().context("the id is no number")?;
    ensure!(
        session["active"] == true && session["retired_at"].is_null(),
        "{session}"
    );
    ensure!(session["tenant"]["name"] == "alpha", "{session}");
    let nodes = session["nodes"].as_array().context("no nodes")?;
    ensure!(nodes.len() == 3, "{session}");
    for node in nodes {
        let hostname = node["hostname"].as_str().context("no hostname")?;
        ensure!(
            hostname.ends_with(SUFFIX) && node["ipaddr"].is_string() && node["pool"].is_string(),
            "{node}"
        );
    }
    // The same session in the old API.
    let ssid = session["data"]["ssid"].as_str().context("no ssid")?;
    ensure!(house.held(ALPHA).await?.values().all(|held| held == ssid));
    house.nodes(ALPHA, &format!("ssid={ssid}")).await?;

    let path = format!("/sessions/{id}");
    let shown = call(house, AS_ALPHA, Method::GET, &path, Value::Null, 200).await?;
    ensure!(
        shown["session"]["nodes"]
            .as_array()
            .is_some_and(|nodes| nodes.len() == 4),
        "{shown}"
    );
    // Another tenant's is refused, an administrator's is not.
    for body in [
        Value::Null,
        json!({"active": false}),
        json!({"expires_at": "+1h"}),
        json!({}),
    ] {
        let method = if body.is_null() {
            Method::GET
        } else {
            Method::PUT
        };
        call(house, AS_BETA, method, &path, body, 403).await?;
    }
    call(house, AS_ADMIN, Method::GET, &path, Value::Null, 200).await?;
    let listed = async |who| {
        let list = call(house, who, Method::GET, "/sessions", Value::Null, 200).await?;
        Ok::<_, anyhow::Error>(list["sessions"].as_array().map_or(0, Vec::len))
    };
    ensure!(
        listed(AS_ALPHA).await? == 1 && listed(AS_BETA).await? == 0 && listed(AS_ADMIN).await? == 1
    );
    let all = house.json("/api/v1/sessions", 200).await?;
    ensure!(
        all["sessions"].as_array().is_some_and(|all| all.len() == 1),
        "{all}"
    );

    the_end_is_moved(house, &path, &shown).await?;

    let retired = call(
        house,
        AS_ALPHA,
        Method::PUT,
        &path,
        json!({"active": false, "expires_at": null}),
        200,
    )
    .await?;
    ensure!(
        retired["action"] == "put" && retired["session"]["active"] == false,
        "{retired}"
    );
    ensure!(retired["session"]["retired_at"].is_string(), "{retired}");
    house.all_ready().await?;
    for body in [
        json!({"active": false}),
        json!({"expires_at": "+1h"}),
        json!({}),
    ] {
        let again = call(house, AS_ALPHA, Method::PUT, &path, body, 422).await?;
        ensure!(
            again == json!({"detail": format!("session {id} is retired")}),
            "{again}"
        );
    }
    let shown = call(house, AS_ALPHA, Method::GET, &path, Value::Null, 200).await?;
    ensure!(shown["session"]["active"] == false, "{shown}");
    ensure!(listed(AS_ALPHA).await? == 0);
    Ok(())
}

/// No further than twice the six hours of bare metal.
async fn the_end_is_moved(house: &House, path: &str, shown: &Value) -> Result<()> {
    let expiry = |answer: &Value| answer["session"]["expires_at"].as_str().map(str::to_owned);
    let first = expiry(shown).context("no expiry")?;
    let later = call(
        house,
        AS_ALPHA,
        Method::PUT,
        path,
        json!({"active": null, "expires_at": "+1h"}),
        200,
    )
    .await?;
    let later = expiry(&later).context("no expiry")?;
    ensure!(later > first, "{later} {first}");
    let far = call(
        house,
        AS_ALPHA,
        Method::PUT,
        path,
        json!({"expires_at": "+99d"}),
        200,
    )
    .await?;
    let far = expiry(&far).context("no expiry")?;
    ensure!(far > later && far[..4] == first[..4], "{far}");
    // Nothing said is nothing changed.
    let same = call(
        house,
        AS_ALPHA,
        Method::PUT,
        path,
        json!({"active": null, "expires_at": null}),
        200,
    )
    .await?;
    ensure!(expiry(&same).as_deref() == Some(&*far), "{same}");
    Ok(())
}

on_both!(all_of_a_request_or_nothing);

async fn all_of_a_request_or_nothing(house: &mut House) -> Result<()> {
    let spec = |quantity: usize, pool: &str| json!({"quantity": quantity, "pool": pool});
    let too_many = json!({"nodes_specs": [spec(1, "metal-7-x86_64"), spec(4, "cloud-8-aarch64")]});
    let refused = call(house, AS_ALPHA, Method::POST, "/sessions", too_many, 422).await?;
    ensure!(
        refused == json!({"detail": "can't reserve nodes: quantity=4 pool='cloud-8-aarch64'"}),
        "{refused}"
    );
    let quota = json!({"nodes_specs": [spec(4, "metal-7-x86_64")]});
    let refused = call(house, AS_GAMMA, Method::POST, "/sessions", quota, 403).await?;
    ensure!(
        refused
            == json!({"detail": "quota exceeded: requested nodes (4) + current allocation (0) = 4 > 3"}),
        "{refused}"
    );
    house.all_ready().await?;

    // An administrator opens one for another tenant.
    let tenants = call(house, AS_ADMIN, Method::GET, "/tenants", Value::Null, 200).await?;
    let tenants = tenants["tenants"].as_array().context("no tenants")?;
    let beta = tenants
        .iter()
        .find(|tenant| tenant["name"] == "beta")
        .context("no beta")?;
    let for_beta = json!({"tenant_id": beta["id"], "nodes_specs": [spec(1, "metal-7-x86_64")]});
    call(
        house,
        AS_ALPHA,
        Method::POST,
        "/sessions",
        for_beta.clone(),
        403,
    )
    .await?;
    let made = call(house, AS_ADMIN, Method::POST, "/sessions", for_beta, 201).await?;
    ensure!(made["session"]["tenant"] == *beta, "{made}");
    ensure!(house.held(BETA).await?.len() == 1);
    let retire = format!("/sessions/{}", made["session"]["id"]);
    call(
        house,
        AS_BETA,
        Method::PUT,
        &retire,
        json!({"active": false}),
        200,
    )
    .await?;
    let own = call(house, AS_BETA, Method::GET, "/tenants", Value::Null, 200).await?;
    ensure!(own["tenants"] == json!([beta]), "{own}");
    let gamma = tenants
        .iter()
        .find(|tenant| tenant["name"] == "gamma")
        .context("no gamma")?;
    ensure!(gamma["effective_node_quota"] == 3, "{gamma}");
    call(
        house,
        AS_BETA,
        Method::GET,
        &format!("/tenants/{}", gamma["id"]),
        Value::Null,
        403,
    )
    .await?;
    call(
        house,
        AS_GAMMA,
        Method::GET,
        &format!("/tenants/{}", gamma["id"]),
        Value::Null,
        200,
    )
    .await?;
    house.all_ready().await
}

on_both!(pools_and_nodes_are_no_secret);

async fn pools_and_nodes_are_no_secret(house: &mut House) -> Result<()> {
    let (hosts, ssid) = house.nodes(ALPHA, "count=2").await?;
    let pools = house.json("/api/v1/pools", 200).await?;
    let listed = pools["pools"].as_array().context("no pools")?;
    ensure!(listed.len() == 4, "{pools}");
    let metal = json!({"name": "metal-7-x86_64", "fill-level": 8});
    ensure!(listed.contains(&metal), "{pools}");
    let pool = house.json("/api/v1/pools/metal-7-x86_64", 200).await?;
    ensure!(
        pool["pool"]["levels"]
            == json!({"provisioning": 0, "ready": METAL - 2, "contextualizing": 0, "deployed": 2, "deprovisioning": 0}),
        "{pool}"
    );
    let nodes = house.json("/api/v1/nodes", 200).await?;
    let nodes = nodes["nodes"].as_array().context("no nodes")?;
    ensure!(nodes.len() == 13);
    let lent = nodes.iter().filter(|node| node["state"] == "deployed");
    let names: Vec<&str> = lent.filter_map(|node| node["hostname"].as_str()).collect();
    ensure!(
        names.len() == 2 && hosts.iter().all(|host| names.contains(&host.as_str())),
        "{names:?}"
    );
    let path = format!("/nodes/{}", nodes[0]["id"]);
    let shown = call(house, AS_BETA, Method::GET, &path, Value::Null, 200).await?;
    ensure!(shown["node"] == nodes[0], "{shown}");
    house.json(&format!("/api/v1{path}"), 401).await?;
    house.done(ALPHA, &ssid).await
}

on_both!(an_administrator_adds_nodes);

async fn an_administrator_adds_nodes(house: &mut House) -> Result<()> {
    let node = |hostname: &str, pool: &str| json!({"hostname": hostname, "ipaddr": "172.19.9.1", "pool": pool});
    let post = async |who, body: Value, status| {
        call(house, who, Method::POST, "/nodes", body, status).await
    };
    let pool = "metal-7-x86_64";
    let body = json!({"hostname": format!("z1.rack{SUFFIX}"), "ipaddr": "172.19.9.1", "pool": pool,
        "comment": "on loan", "data": {"chassis": "rack", "console_port": 7}});
    for who in [AS_ALPHA, AS_BETA] {
        let refused = post(who, body.clone(), 403).await?;
        ensure!(refused == json!({"detail": "Forbidden"}), "{refused}");
    }
    let added = post(AS_ADMIN, body, 201).await?;
    let added = &added["node"];
    ensure!(added["hostname"] == format!("z1.rack{SUFFIX}"), "{added}");
    ensure!(
        added["state"] == "ready" && added["comment"] == "on loan",
        "{added}"
    );
    let path = format!("/nodes/{}", added["id"]);
    let shown = call(house, AS_BETA, Method::GET, &path, Value::Null, 200).await?;
    ensure!(shown["node"] == *added, "{shown}");
    // It is lent as any other.
    let (hosts, ssid) = house.nodes(ALPHA, &format!("count={}", METAL + 1)).await?;
    ensure!(hosts.contains(&format!("z1.rack{SUFFIX}")), "{hosts:?}");
    house.done(ALPHA, &ssid).await?;

    for name in ["z1.rack", "z1", "x.z1.rack", "n1.dusty"] {
        post(AS_ADMIN, node(name, pool), 409).await?;
    }
    post(AS_ADMIN, node("z2.rack", "nowhere"), 422).await?;
    for name in ["Z2.rack", "", "z2 rack", "z2\u{0}"] {
        post(AS_ADMIN, node(name, pool), 422).await?;
    }
    for body in [
        json!({}),
        json!([]),
        Value::Null,
        json!({"hostname": "z2.rack", "ipaddr": "x", "pool": pool}),
    ] {
        post(AS_ADMIN, body, 422).await?;
    }
    for who in [AS_ALPHA, AS_ADMIN] {
        let declared =
            json!({"detail": "tenants, their quotas and keys are declared in the site file"});
        let refused = call(
            house,
            who,
            Method::POST,
            "/tenants",
            json!({"name": "new"}),
            403,
        )
        .await?;
        ensure!(refused == declared, "{refused}");
    }
    let nodes = house.json("/api/v1/nodes", 200).await?;
    ensure!(
        nodes["nodes"]
            .as_array()
            .is_some_and(|nodes| nodes.len() == NODES + 1),
        "{nodes}"
    );
    Ok(())
}
