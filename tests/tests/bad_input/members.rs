//! Members of a start with a value that they cannot have.

use serde_json::{Value, json};

use crate::{
    case::{Case, text_with},
    changed, start_with,
};

/// Integers of 32 and of 64 bits.
const SMALL: [&str; 7] = [
    "numNodes",
    "numHwthreads",
    "numAcc",
    "exclusive",
    "monitoringStatus",
    "smt",
    "duration",
];
const LARGE: [&str; 7] = [
    "id",
    "jobId",
    "arrayJobId",
    "walltime",
    "startTime",
    "submitTime",
    "requestedMemory",
];
const TEXTS: [&str; 7] = [
    "user",
    "project",
    "cluster",
    "subCluster",
    "partition",
    "shared",
    "jobState",
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for member in SMALL.iter().chain(&LARGE) {
        let wrong = [
            "\"1\"",
            "1.5",
            "1.0",
            "1e3",
            "true",
            "[]",
            "{}",
            "9223372036854775808",
        ];
        cases.extend(wrong.map(|value| literal(member, value)));
    }
    for member in SMALL {
        cases.extend(["2147483648", "-2147483649"].map(|value| literal(member, value)));
    }
    cases.extend(LARGE.map(|member| literal(member, "-9223372036854775809")));
    for member in TEXTS {
        cases.extend(["1", "true", "[]", "{}"].map(|value| literal(member, value)));
    }
    let structured: [(&str, &[&str]); 8] = [
        (
            "resources",
            &[
                "{}",
                "\"t001\"",
                "[\"t001\"]",
                "[[]]",
                "[1]",
                r#"[{"hostname": 1}]"#,
                r#"[{"hostname": "t001", "hwthreads": ["0"]}]"#,
                r#"[{"hostname": "t001", "hwthreads": [0.5]}]"#,
                r#"[{"hostname": "t001", "hwthreads": 0}]"#,
                r#"[{"hostname": "t001", "accelerators": [0]}]"#,
                r#"[{"hostname": "t001", "configuration": {}}]"#,
            ],
        ),
        (
            "metaData",
            &["[]", "\"x\"", "1", r#"{"a": 1}"#, r#"{"a": {}}"#],
        ),
        (
            "tags",
            &[
                "{}",
                "\"x\"",
                "[1]",
                r#"[{"type": 1}]"#,
                r#"[{"name": []}]"#,
            ],
        ),
        (
            "statistics",
            &[
                "[]",
                r#"{"x": 1}"#,
                r#"{"x": {"avg": "1"}}"#,
                r#"{"x": {"unit": 1}}"#,
            ],
        ),
        ("energy", &["\"1\"", "[]", "true", "1e999"]),
        ("footprint", &["[]", "1", r#"{"x": "1"}"#]),
        ("energyFootprint", &["[]", r#"{"x": {}}"#]),
        (
            "concurrentJobs",
            &["1", "[]", r#"{"items": {}}"#, r#"{"count": "1"}"#],
        ),
    ];
    for (member, values) in structured {
        cases.extend(values.iter().map(|value| literal(member, value)));
    }
    cases.extend(unknown());
    cases.extend(missing());
    cases.extend(out_of_range());
    cases.extend(rules());
    cases
}

/// The member with this text as its value.
fn literal(member: &str, value: &str) -> Case {
    let body = start_with(&json!({ member: "@" }));
    Case::start(
        format!("{member}: {value}"),
        text_with(&body, value.as_bytes()),
        400,
    )
}

/// Names nobody knows, at every level.
fn unknown() -> Vec<Case> {
    let changes = [
        json!({ "nodes": 1 }),
        json!({ "job_id": 1 }),
        json!({ "": 1 }),
        json!({ "resources": [{ "hostname": "t001", "cpu": 1 }] }),
        json!({ "tags": [{ "type": "t", "name": "n", "colour": "red" }] }),
        json!({ "statistics": { "x": { "avg": 1, "min": 1, "max": 1, "median": 1 } } }),
        json!({ "statistics": { "x": { "unit": { "base": "B", "factor": 1 } } } }),
        json!({ "concurrentJobs": { "items": null, "count": 0, "more": 1 } }),
        json!({ "concurrentJobs": { "items": [{ "id": 1, "jobID": 1, "x": 1 }] } }),
    ];
    let case = |changes: &Value| {
        changed(&format!("unknown member in {changes}"), changes, 400).says("unknown field")
    };
    changes.iter().map(case).collect()
}

fn missing() -> Vec<Case> {
    let mut cases = Vec::new();
    for member in ["user", "cluster", "numNodes", "resources"] {
        let body = start_with(&json!({ member: null }));
        cases.push(Case::start(format!("no {member}"), body.to_string(), 400));
        let body = start_with(&json!({ member: "@" }));
        let null = text_with(&body, b"null");
        cases.push(Case::start(format!("{member}: null"), null, 400));
    }
    cases.extend([
        changed("an empty user", &json!({ "user": "" }), 400),
        changed("an empty cluster", &json!({ "cluster": "" }), 400),
        changed(
            "no resources",
            &json!({ "resources": [], "numNodes": 0 }),
            400,
        ),
        changed("a node without a name", &json!({ "resources": [{}] }), 400),
    ]);
    cases
}

fn out_of_range() -> Vec<Case> {
    let long = "x".repeat(256);
    let out_of_range = [
        ("numNodes", json!(-1)),
        ("numHwthreads", json!(-1)),
        ("numAcc", json!(-1)),
        ("exclusive", json!(3)),
        ("exclusive", json!(-1)),
        ("monitoringStatus", json!(9)),
        ("monitoringStatus", json!(4)),
        ("monitoringStatus", json!(-1)),
        ("smt", json!(-1)),
        ("shared", json!("everybody")),
        ("shared", json!("None")),
        ("jobState", json!("flying")),
        ("jobState", json!("RUNNING")),
        ("user", json!(long)),
        ("project", json!(long)),
        ("partition", json!(long)),
        ("cluster", json!(long)),
        ("subCluster", json!(long)),
        ("tags", json!([{ "type": "t", "name": long }])),
        ("resources", json!([{ "hostname": long }])),
    ];
    let case = |(member, value): &(&str, Value)| {
        let text: String = value.to_string().chars().take(40).collect();
        changed(
            &format!("{member}: {text}"),
            &json!({ *member: value }),
            400,
        )
    };
    out_of_range.iter().map(case).collect()
}

/// Members that do not go together, with each other or with what is there.
fn rules() -> Vec<Case> {
    let two = json!([{ "hostname": "t001" }, { "hostname": "t002" }]);
    vec![
        changed("more nodes than resources", &json!({ "numNodes": 2 }), 400)
            .says("len(resources) does not equal numNodes (1 vs 2)"),
        changed(
            "more resources than nodes",
            &json!({ "resources": two }),
            400,
        )
        .says("len(resources) does not equal numNodes (2 vs 1)"),
        changed(
            "a cluster nobody knows",
            &json!({ "cluster": "nowhere" }),
            400,
        )
        .says("no such cluster: nowhere"),
        changed(
            "a cluster in other letters",
            &json!({ "cluster": "Test" }),
            400,
        )
        .says("no such cluster: Test"),
        changed(
            "a sub cluster nobody knows",
            &json!({ "subCluster": "nowhere" }),
            400,
        ),
        changed(
            "a host nobody knows",
            &json!({ "resources": [{ "hostname": "t101" }] }),
            400,
        ),
        changed(
            "sharing that contradicts itself",
            &json!({ "exclusive": 1, "shared": "multi_user" }),
            400,
        ),
        changed(
            "somebody else's tag",
            &json!({ "tags": [{ "type": "t", "name": "n", "scope": "bob" }] }),
            403,
        ),
        changed(
            "a job that is there",
            &json!({ "jobId": crate::RUNNING }),
            422,
        )
        .says("already exists"),
        changed(
            "a job that was there",
            &json!({ "jobId": crate::STOPPED }),
            422,
        )
        .says("already exists"),
        changed(
            "the same job before it started",
            &json!({ "jobId": crate::RUNNING, "startTime": 1 }),
            422,
        )
        .says("already exists"),
        changed(
            "the other tenant's job",
            &json!({ "jobId": crate::BETAS }),
            422,
        ),
        Case::start(
            "the same key for another job",
            start_with(&json!({})).to_string(),
            422,
        )
        .header("Idempotency-Key", crate::USED_KEY)
        .says("Idempotency-Key"),
    ]
}
