use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::*;

fn document(name: &str) -> Value {
    let documents: BTreeMap<_, _> = openapi_documents().unwrap().into_iter().collect();
    serde_json::from_str(&documents[name]).unwrap()
}

#[test]
fn the_documents_in_the_repository_are_those_of_the_code() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi");
    for (name, text) in openapi_documents().unwrap() {
        let path = folder.join(format!("{name}.json"));
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == text,
            "{} is not what the code says; `just spec` writes it",
            path.display()
        );
    }
}

#[test]
fn the_schemas_in_the_repository_are_those_of_the_code() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("graphql");
    for (name, text) in graphql_schemas() {
        let path = folder.join(format!("{name}.graphql"));
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == text,
            "{} is not what the code says; `just spec` writes it",
            path.display()
        );
    }
}

/// Every status of every endpoint in the Swagger text that cc-backend had in 2023, whose copy has
/// lost its indentation.
fn endpoints_of_2023(swagger: &str) -> BTreeSet<(String, String, String)> {
    let mut endpoints = BTreeSet::new();
    let mut path = "";
    let mut method = "";
    for line in swagger
        .lines()
        .skip_while(|line| *line != "paths:")
        .take_while(|line| *line != "securityDefinitions:")
    {
        let Some(key) = line.strip_suffix(':') else {
            continue;
        };
        if key.starts_with('/') {
            path = key;
        } else if ["get", "post", "put", "delete", "patch"].contains(&key) {
            method = key;
        } else if let Some(status) = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')) {
            endpoints.insert((path.to_owned(), method.to_owned(), status.to_owned()));
        }
    }
    endpoints
}

#[test]
fn all_that_cc_backend_described_in_2023_is_described() {
    let seed = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/seeds/004_63c5ac0c420470d6.txt"
    );
    let Ok(swagger) = std::fs::read_to_string(seed) else {
        eprintln!("skipped: {seed} is not there");
        return;
    };
    let ours = document("clustercockpit");
    let mut compared = 0;
    for (path, method, status) in endpoints_of_2023(&swagger) {
        let operation = &ours["paths"][format!("/api{path}")][&method];
        assert!(
            operation["responses"][&status].is_object(),
            "{method} {path} {status} is missing"
        );
        compared += 1;
    }
    // The list, a start, two ways of stopping, a tag, three ways of deleting.
    assert_eq!(compared, 5 + 6 + 2 * 7 + 5 + 3 * 7);
}

#[test]
fn every_operation_says_what_can_go_wrong() {
    let document = document("clustercockpit");
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let mut expected = vec![
                "400", "401", "403", "404", "405", "414", "500", "503", "504",
            ];
            if method != "get" {
                expected.extend(["408", "413", "422"]);
            }
            for status in expected {
                assert!(
                    operation["responses"][status].is_object(),
                    "{method} {path} {status}"
                );
            }
        }
    }
    assert!(document["security"].as_array().unwrap().len() == 2);
}

#[test]
fn what_is_referred_to_is_there() {
    fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    match value {
                        Value::String(target) if name == "$ref" => found.push(target),
                        _ => references(value, found),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    for (name, text) in openapi_documents().unwrap() {
        let document: Value = serde_json::from_str(&text).unwrap();
        let mut found = Vec::new();
        references(&document, &mut found);
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{name}: {reference}");
        }
    }
}

#[test]
fn each_document_is_where_its_dialect_says() {
    for dialect in dialects::with_own() {
        assert_eq!(dialect.document, format!("/openapi/{}.json", dialect.name));
    }
}
