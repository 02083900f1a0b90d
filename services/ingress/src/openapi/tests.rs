use std::collections::BTreeMap;
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

/// What the Swagger document of cc-backend in 2023 has: a method, a path and a status on each line, every status of every endpoint.
const CC_BACKEND_2023: &str = include_str!("cc-backend-2023.txt");

/// The lines of the list that a document does not have.
fn missing<'l>(list: &'l str, document: &Value) -> Vec<&'l str> {
    list.lines()
        .filter(|line| {
            let [method, path, status] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{line}");
            };
            !document["paths"][path][method]["responses"][status].is_object()
        })
        .collect()
}

#[test]
fn all_that_cc_backend_described_in_2023_is_described() {
    // The list, a start, two ways of stopping, a tag, three ways of deleting.
    assert_eq!(CC_BACKEND_2023.lines().count(), 5 + 6 + 2 * 7 + 5 + 3 * 7);
    let mut ours = document("clustercockpit");
    assert_eq!(missing(CC_BACKEND_2023, &ours), [""; 0]);
    // One status less, one method less, one path less: each is noticed.
    let paths = &mut ours["paths"];
    let stop = &mut paths["/api/jobs/stop_job/"]["post"]["responses"];
    stop.as_object_mut().unwrap().remove("422");
    assert_eq!(
        missing(CC_BACKEND_2023, &ours),
        ["post /api/jobs/stop_job/ 422"]
    );
    let paths = ours["paths"].as_object_mut().unwrap();
    paths["/api/jobs/tag_job/{id}"]
        .as_object_mut()
        .unwrap()
        .remove("post");
    paths.remove("/api/jobs/");
    assert_eq!(missing(CC_BACKEND_2023, &ours).len(), 1 + 5 + 5);
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
                expected.extend(["408", "413"]);
            }
            // Samples are not refused for what is there already.
            if method != "get" && path != "/api/write" {
                expected.push("422");
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
