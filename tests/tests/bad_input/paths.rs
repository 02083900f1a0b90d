//! Paths, methods, queries and headers.

use muster_tests::jobs;
use reqwest::Method;
use serde_json::json;

use crate::{
    case::{Case, LIST, START, STOP},
    start_with,
};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("start by GET", Method::GET, START, 405),
        Case::new("start by DELETE", Method::DELETE, START, 405),
        Case::new("start by PATCH", Method::PATCH, START, 405),
        Case::new("stop by GET", Method::GET, STOP, 405),
        Case::new("stop by id by GET", Method::GET, &format!("{STOP}1"), 405),
        Case::new("list by POST", Method::POST, LIST, 405),
        Case::new("list by DELETE", Method::DELETE, LIST, 405),
        Case::new("list by an unknown method", method("BREW"), LIST, 405),
        Case::new(
            "nothing there",
            Method::GET,
            "/api/jobs/nothing/there/",
            404,
        ),
        Case::new(
            "nothing there to post to",
            Method::POST,
            "/api/jobs/nothing/there/",
            404,
        ),
        Case::new("an unknown resource", Method::GET, "/api/nothing/", 404),
        Case::new("double slashes", Method::POST, "/api//jobs/start_job/", 404),
        Case::new(
            "a path too long",
            Method::GET,
            &format!("{LIST}?cluster={}", "x".repeat(9_000)),
            414,
        ),
    ];
    let queries = [
        "colour=red",
        "state=flying",
        "state=running&state=flying",
        "state=",
        "State=running",
        "items-per-page=abc",
        "items-per-page=0",
        "items-per-page=-2",
        "items-per-page=1.5",
        "items-per-page=",
        "items-per-page=99999999999999999999",
        "page=0",
        "page=-1",
        "page=abc",
        "page=1.5",
        "page=",
        "page=99999999999999999999",
        "start-time=",
        "start-time=1",
        "start-time=1-",
        "start-time=-1",
        "start-time=1-2-3",
        "start-time=-1-2",
        "start-time=a-b",
        "start-time=1.5-2",
        "start-time=1%20-%202",
        "start-time=1-99999999999999999999",
        "start-time=2023-01-01",
        "cluster=%00",
        "project=%00",
    ];
    cases.extend(queries.map(|query| Case::list(query, 400)));
    let start = || start_with(&json!({})).to_string();
    let keys: [(&str, Vec<u8>); 5] = [
        ("too long", vec![b'x'; 256]),
        ("empty", Vec::new()),
        ("in quotes and empty", b"\"\"".to_vec()),
        ("with a space", b"a b".to_vec()),
        ("beyond ASCII", "schlüssel".as_bytes().to_vec()),
    ];
    for (name, key) in keys {
        let name = format!("an Idempotency-Key {name}");
        cases.push(Case::start(name, start(), 400).header("Idempotency-Key", key));
    }
    cases.extend([
        Case::start("two Idempotency-Keys", start(), 400)
            .header("Idempotency-Key", "a")
            .header("Idempotency-Key", "b"),
        Case::stop(
            "stop with an Idempotency-Key too long",
            jobs::stop(1).to_string(),
            400,
        )
        .header("Idempotency-Key", "x".repeat(300)),
    ]);
    cases
}

fn method(name: &str) -> Method {
    // An extension of the standard's: any token is a method.
    Method::from_bytes(name.as_bytes()).unwrap_or(Method::TRACE)
}
