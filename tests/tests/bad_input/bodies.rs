//! Bodies that are no JSON object, or more than one may be.

use serde_json::{Value, json};

use crate::{
    BODY_LIMIT,
    case::{Case, text_with},
    start_with,
};

/// Levels of nesting no job has.
const DEEP: usize = 100_000;

pub(crate) fn cases() -> Vec<Case> {
    let good = start_with(&json!({})).to_string();
    let texts: [(&str, &str); 22] = [
        ("an empty body", ""),
        ("white space", " \n\t"),
        ("an opening brace", "{"),
        ("a body cut off", &good[..good.len() - 10]),
        ("words", "jobId=1&user=alice"),
        ("single quotes", "{'jobId': 1}"),
        ("a trailing comma", r#"{"jobId": 1,}"#),
        ("no colon", r#"{"jobId" 1}"#),
        ("a name without quotes", "{jobId: 1}"),
        ("a comment", r#"{"jobId": 1 /* one */}"#),
        ("a leading zero", r#"{"jobId": 01}"#),
        ("a leading plus", r#"{"jobId": +1}"#),
        ("hexadecimal", r#"{"jobId": 0x1}"#),
        ("not a number", r#"{"jobId": NaN}"#),
        ("a line break in a string", "{\"user\": \"al\nice\"}"),
        ("an unknown escape", r#"{"user": "al\qice"}"#),
        ("half an escape", r#"{"user": "al\u00"#),
        ("an array", r#"[{"jobId": 1}]"#),
        ("a string", r#""start""#),
        ("a number", "7"),
        ("true", "true"),
        ("null", "null"),
    ];
    let mut cases: Vec<Case> = texts
        .iter()
        .map(|(name, text)| Case::start(*name, *text, 400))
        .collect();
    cases.extend([
        Case::start("an empty object", "{}", 400).says("no such cluster"),
        Case::start("a byte order mark before half an object", "\u{feff}{", 400),
        Case::start("bytes that are no text", vec![0xff, 0xfe, 0x00, 0x80], 400),
        Case::start("a NUL byte", text_with(&with_user(), b"\"al\0ice\""), 400),
        Case::start(
            "a NUL character",
            text_with(&with_user(), br#""al\u0000ice""#),
            400,
        )
        .says("NUL"),
        Case::start(
            "a NUL character in a value of metaData",
            text_with(
                &start_with(&json!({ "metaData": { "a": "@" } })),
                br#""\u0000""#,
            ),
            400,
        )
        .says("NUL"),
        Case::start(
            "a NUL character in a name of metaData",
            br#"{"metaData": {"\u0000": "a"}}"#.to_vec(),
            400,
        )
        .says("NUL"),
        Case::start(
            "a NUL character in a host's name",
            text_with(
                &start_with(&json!({ "resources": [{ "hostname": "@" }] })),
                br#""t001\u0000""#,
            ),
            400,
        )
        .says("NUL"),
        Case::start("a body over the limit", " ".repeat(BODY_LIMIT + 1), 413),
        Case::start("a script over the limit", long_script(BODY_LIMIT), 413),
        Case::start("an endless array", "[".repeat(DEEP), 400),
        Case::start(
            "deep nesting in an unknown member",
            format!("{{\"x\": {}{}}}", "[".repeat(DEEP), "]".repeat(DEEP)),
            400,
        ),
        Case::start(
            "deep nesting in metaData",
            format!("{{\"metaData\": {}", r#"{"a":"#.repeat(DEEP / 2)),
            400,
        ),
        Case::start(
            "deep nesting in resources",
            format!("{{\"resources\": {}", r#"[{"hostname":"#.repeat(10_000)),
            400,
        ),
    ]);
    cases
}

fn with_user() -> Value {
    start_with(&json!({ "user": "@" }))
}

fn long_script(size: usize) -> String {
    start_with(&json!({ "metaData": { "jobScript": "x".repeat(size) } })).to_string()
}
