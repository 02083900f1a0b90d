//! Bad input gets a 4xx in the dialect's form, never a 5xx, and changes nothing.

use anyhow::{Context, Result, ensure};
use muster_tests::client::send;
use reqwest::Method;

use crate::house::{ADMIN, ALPHA, House, on_both};

/// What a word can be that nobody meant.
const ODD: [&str; 12] = [
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
];

/// What `/Node/get` does not take.
const NUMBERS: [&str; 18] = [
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
];

/// Of release 3: method, status, path, body.
const MODERN: [&str; 36] = [
    r"POST 422 /sessions ",
    r"POST 422 /sessions nonsense",
    r"POST 422 /sessions []",
    r"POST 422 /sessions {}",
    r#"POST 422 /sessions {"nodes_specs":null}"#,
    r#"POST 422 /sessions {"nodes_specs":[{"pool":"x"}]}"#,
    r#"POST 422 /sessions {"nodes_specs":[{"pool":"metal-7-x86_64","quantity":0}]}"#,
    r#"POST 422 /sessions {"nodes_specs":[{"pool":"metal-7-x86_64","quantity":-1}]}"#,
    r#"POST 422 /sessions {"nodes_specs":[{"pool":"metal-7-x86_64","quantity":9}]}"#,
    r#"POST 422 /sessions {"nodes_specs":[{"pool":"nowhere","quantity":1}]}"#,
    r#"POST 422 /sessions {"nodes_specs":[{"pool":"a\u0000","quantity":1}]}"#,
    r#"POST 403 /sessions {"nodes_specs":[],"tenant_id":1}"#,
    r#"POST 422 /sessions {"nodes_specs":[],"alias":""}"#,
    r#"POST 422 /sessions {"nodes_specs":[],"wait":9999}"#,
    r"GET 422 /sessions/x ",
    r"GET 422 /sessions/99999999999999999999 ",
    r"GET 404 /sessions/999 ",
    r"GET 404 /sessions/-1 ",
    r#"PUT 404 /sessions/999 {"active":false}"#,
    r#"PUT 404 /sessions/999 {"expires_at":"+1h"}"#,
    r"PUT 404 /sessions/999 {}",
    r#"PUT 422 /sessions/1 {"active":"no"}"#,
    r#"PUT 422 /sessions/1 {"expires_at":"soon"}"#,
    r#"PUT 422 /sessions/1 {"expires_at":"1999-01-01T00:00:00Z"}"#,
    r#"PUT 422 /sessions/1 {"expires_at":"-9999d"}"#,
    r#"PUT 422 /sessions/1 {"expires_at":7}"#,
    r"DELETE 405 /sessions/1 ",
    r"GET 404 /pools/nowhere ",
    r"GET 404 /pools/%FF ",
    r"GET 422 /nodes/x ",
    r"GET 404 /nodes/0 ",
    r"GET 422 /tenants/x ",
    r"GET 404 /tenants/1 ",
    r"POST 403 /tenants {}",
    r"PUT 403 /tenants/1 {}",
    r"POST 403 /nodes {}",
];

on_both!(bad_calls_change_nothing);

async fn bad_calls_change_nothing(house: &mut House) -> Result<()> {
    let (_, ssid) = house.nodes(ALPHA, "").await?;
    let before = house.json("/Inventory", 200).await?;
    let sessions = house.json("/api/v1/sessions", 200).await?;
    let mut faults = Vec::new();
    let long = "x".repeat(4_000);
    for odd in ODD.into_iter().chain([long.as_str()]) {
        odd_words(house, odd, &ssid, &mut faults).await?;
    }
    for query in NUMBERS {
        let path = format!("/Node/get?key={ALPHA}&{query}");
        let answer = house.get(&path).await?;
        let is_object = answer.json().is_ok_and(|body| body["msg"].is_string());
        if answer.status != 400 || !is_object {
            faults.push(format!("{path}: {} {}", answer.status, answer.text()));
        }
    }
    for case in MODERN {
        modern(house, case, &mut faults).await?;
    }
    strangers(house, &long, &mut faults).await?;
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    ensure!(house.json("/Inventory", 200).await? == before);
    ensure!(house.json("/api/v1/sessions", 200).await? == sessions);
    house.done(ALPHA, &ssid).await?;
    house.all_ready().await
}

/// One word in place of each parameter.
async fn odd_words(house: &House, odd: &str, ssid: &str, faults: &mut Vec<String>) -> Result<()> {
    let none = format!("/Node/get?key={ALPHA}&ver=none");
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
        (format!("{none}&arch={odd}"), &[200, 400]),
        (format!("{none}{odd}"), &[200, 400]),
        (format!("{none}&exclude_host={odd}"), &[200, 400]),
        (format!("/Session/get?key={odd}"), &[403]),
        (format!("/Inventory?key={odd}"), &[200]),
    ] {
        let answer = house.get(&path).await?;
        if !statuses.contains(&answer.status.as_u16()) {
            faults.push(format!("{path}: {} {}", answer.status, answer.text()));
        }
    }
    Ok(())
}

async fn modern(house: &House, case: &str, faults: &mut Vec<String>) -> Result<()> {
    let parts: Vec<&str> = case.splitn(4, ' ').collect();
    let [method, status, path, body] = parts[..] else {
        anyhow::bail!("{case}");
    };
    let request = house
        .client
        .anonymous(method.parse()?, &format!("/api/v1{path}"))
        .basic_auth("duffy-alpha", Some(ALPHA))
        .body(body.to_owned());
    let answer = send(request).await.context(case.to_owned())?;
    let has_detail = answer.json().is_ok_and(|body| body["detail"].is_string());
    if answer.status.as_u16() != status.parse::<u16>()? || !has_detail {
        faults.push(format!("{case}: {} {}", answer.status, answer.text()));
    }
    Ok(())
}

/// Names and keys that do not belong together.
async fn strangers(house: &House, long: &str, faults: &mut Vec<String>) -> Result<()> {
    for (name, key) in [
        ("duffy-alpha", ADMIN),
        ("duffy-beta", ALPHA),
        ("", ALPHA),
        ("duffy-alpha", ""),
        ("duffy-alpha", "'"),
        (long, long),
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
    Ok(())
}
