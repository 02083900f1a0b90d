//! Bad input gets a 4xx in the dialect's form, never a 5xx, and changes nothing.

use anyhow::{Result, ensure};
use muster_tests::client::send;
use reqwest::Method;

use crate::house::{ADMIN, ALPHA, House, on_both};

on_both!(bad_calls_change_nothing);

async fn bad_calls_change_nothing(house: &mut House) -> Result<()> {
    let (_, ssid) = house.nodes(ALPHA, "").await?;
    let before = house.json("/Inventory", 200).await?;
    let sessions = house.json("/api/v1/sessions", 200).await?;
    let long = "x".repeat(4_000);
    let mut faults = Vec::new();
    let odd = [
        "%00",
        "%FF%FE",
        "%0d%0aX:%20y",
        "'%20OR%20'1'='1",
        "..%2f..%2f",
        "%F0%9F%90%99",
        "%",
        "%zz",
        "+",
        "&&&",
        "=",
        "%3Cscript%3E",
        &long,
    ];
    for odd in odd {
        for (path, statuses) in [
            (format!("/Node/get?key={odd}"), &[200, 403][..]),
            (format!("/Node/get?key={ALPHA}&ssid={odd}"), &[403]),
            (format!("/Node/done?key={ALPHA}&ssid={odd}"), &[403]),
            (format!("/Node/done?key={odd}&ssid={ssid}"), &[403]),
            (format!("/Node/fail?key={ALPHA}&ssid={odd}"), &[403]),
            (format!("/Session/done?key={ALPHA}&ssid={odd}"), &[403]),
            (
                format!("/Node/done?key={ALPHA}&ssid={ssid}&node={odd}"),
                &[403],
            ),
            (
                format!("/Node/get?key={ALPHA}&ver=none&arch={odd}"),
                &[200, 400],
            ),
            (format!("/Node/get?key={ALPHA}&ver=none{odd}"), &[200, 400]),
            (
                format!("/Node/get?key={ALPHA}&ver=none&exclude_host={odd}"),
                &[200, 400],
            ),
            (format!("/Session/get?key={odd}"), &[403]),
            (format!("/Inventory?key={odd}"), &[200]),
        ] {
            let answer = house.get(&path).await?;
            if !statuses.contains(&answer.status.as_u16()) {
                faults.push(format!("{path}: {} {}", answer.status, answer.text()));
            }
        }
    }
    for query in [
        "count=0",
        "count=-1",
        "count=x",
        "count=1e9",
        "count=99999999999999999999",
        "count=10001",
        "count=1.0",
        "min=2",
        "count=2&min=-1",
        "count=2&min=3",
        "wait=-1",
        "wait=x",
        "wait=301",
        "job=x",
        "job=:1",
        "job=a:b",
        "req=a%20b",
        "req=%C3%A9",
    ] {
        let path = format!("/Node/get?key={ALPHA}&{query}");
        let answer = house.get(&path).await?;
        let is_object = answer.json().is_ok_and(|body| body["msg"].is_string());
        if answer.status != 400 || !is_object {
            faults.push(format!("{path}: {} {}", answer.status, answer.text()));
        }
    }
    for (method, path, body, status) in modern() {
        let request = house
            .client
            .anonymous(method.clone(), path)
            .basic_auth("duffy-alpha", Some(ALPHA))
            .body(body);
        let answer = send(request).await?;
        let has_detail = answer.json().is_ok_and(|body| body["detail"].is_string());
        if answer.status != status || !has_detail {
            faults.push(format!(
                "{method} {path} {body}: {} {}",
                answer.status,
                answer.text()
            ));
        }
    }
    for (name, key) in [
        ("duffy-alpha", ADMIN),
        ("duffy-beta", ALPHA),
        ("", ALPHA),
        ("duffy-alpha", ""),
        ("duffy-alpha", "'"),
        (&long, &long),
    ] {
        let request = house
            .client
            .anonymous(Method::GET, "/api/v1/sessions")
            .basic_auth(name, Some(key));
        let answer = send(request).await?;
        if answer.status != 401 || !answer.header("www-authenticate").starts_with("Basic ") {
            faults.push(format!("{name}: {} {}", answer.status, answer.text()));
        }
    }
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    ensure!(house.json("/Inventory", 200).await? == before);
    ensure!(house.json("/api/v1/sessions", 200).await? == sessions);
    house.done(ALPHA, &ssid).await?;
    house.all_ready().await
}

fn modern() -> Vec<(Method, &'static str, &'static str, u16)> {
    let sessions = "/api/v1/sessions";
    vec![
        (Method::POST, sessions, "", 422),
        (Method::POST, sessions, "nonsense", 422),
        (Method::POST, sessions, "[]", 422),
        (Method::POST, sessions, "{}", 422),
        (Method::POST, sessions, r#"{"nodes_specs":null}"#, 422),
        (
            Method::POST,
            sessions,
            r#"{"nodes_specs":[{"pool":"x"}]}"#,
            422,
        ),
        (
            Method::POST,
            sessions,
            r#"{"nodes_specs":[{"pool":"metal-7-x86_64","quantity":0}]}"#,
            422,
        ),
        (
            Method::POST,
            sessions,
            r#"{"nodes_specs":[{"pool":"metal-7-x86_64","quantity":-1}]}"#,
            422,
        ),
        (
            Method::POST,
            sessions,
            r#"{"nodes_specs":[{"pool":"metal-7-x86_64","quantity":9}]}"#,
            422,
        ),
        (
            Method::POST,
            sessions,
            r#"{"nodes_specs":[{"pool":"nowhere","quantity":1}]}"#,
            422,
        ),
        (
            Method::POST,
            sessions,
            r#"{"nodes_specs":[{"pool":"a\u0000","quantity":1}]}"#,
            422,
        ),
        (
            Method::POST,
            sessions,
            r#"{"nodes_specs":[],"tenant_id":1}"#,
            403,
        ),
        (
            Method::POST,
            sessions,
            r#"{"nodes_specs":[],"alias":""}"#,
            422,
        ),
        (
            Method::POST,
            sessions,
            r#"{"nodes_specs":[],"wait":9999}"#,
            422,
        ),
        (Method::GET, "/api/v1/sessions/x", "", 422),
        (
            Method::GET,
            "/api/v1/sessions/99999999999999999999",
            "",
            422,
        ),
        (Method::GET, "/api/v1/sessions/999", "", 404),
        (Method::GET, "/api/v1/sessions/-1", "", 404),
        (
            Method::PUT,
            "/api/v1/sessions/999",
            r#"{"active":false}"#,
            404,
        ),
        (
            Method::PUT,
            "/api/v1/sessions/999",
            r#"{"expires_at":"+1h"}"#,
            404,
        ),
        (Method::PUT, "/api/v1/sessions/999", "{}", 404),
        (Method::PUT, "/api/v1/sessions/1", r#"{"active":"no"}"#, 422),
        (
            Method::PUT,
            "/api/v1/sessions/1",
            r#"{"expires_at":"soon"}"#,
            422,
        ),
        (
            Method::PUT,
            "/api/v1/sessions/1",
            r#"{"expires_at":"1999-01-01T00:00:00Z"}"#,
            422,
        ),
        (
            Method::PUT,
            "/api/v1/sessions/1",
            r#"{"expires_at":"-9999d"}"#,
            422,
        ),
        (
            Method::PUT,
            "/api/v1/sessions/1",
            r#"{"expires_at":7}"#,
            422,
        ),
        (Method::DELETE, "/api/v1/sessions/1", "", 405),
        (Method::GET, "/api/v1/pools/nowhere", "", 404),
        (Method::GET, "/api/v1/pools/%FF", "", 404),
        (Method::GET, "/api/v1/nodes/x", "", 422),
        (Method::GET, "/api/v1/nodes/0", "", 404),
        (Method::GET, "/api/v1/tenants/x", "", 422),
        (Method::GET, "/api/v1/tenants/1", "", 404),
        (Method::POST, "/api/v1/tenants", "{}", 403),
        (Method::PUT, "/api/v1/tenants/1", "{}", 403),
        (Method::POST, "/api/v1/nodes", "{}", 403),
    ]
}
