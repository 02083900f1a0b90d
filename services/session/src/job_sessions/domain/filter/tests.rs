use proptest::prelude::*;
use serde_json::json;

use super::*;

fn map(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn field(name: &str, value: Value) -> FieldValue {
    FieldValue {
        field: name.to_owned(),
        value,
    }
}

fn with(matching: Vec<FieldValue>, not_matching: Vec<FieldValue>, texts: &[&str]) -> ListFilter {
    ListFilter {
        matching,
        not_matching,
        texts: texts.iter().map(|&text| text.to_owned()).collect(),
    }
}

fn job() -> Map<String, Value> {
    map(&json!({
        "job_id": "j1",
        "client_id": "node",
        "user_id": "alice",
        "session_tag": 3,
        "job_schedule": {"status": "scheduled", "event": ""},
        "job_actions": [
            {"user_id": "bob", "freezer_action": {"mode": "fs", "container": "Nightly"}},
            {"user_id": "bob", "freezer_action": {"mode": "mysql"}},
        ],
    }))
}

#[test]
fn what_a_scheduler_asks_for() {
    let wanted = |client: &str, status: &str| {
        with(
            vec![field("client_id", json!(client))],
            vec![field("status", json!(status))],
            &[],
        )
    };
    assert!(means(&wanted("node", "completed"), &job()));
    assert!(!means(&wanted("node", "scheduled"), &job()));
    assert!(!means(&wanted("other", "completed"), &job()));
}

#[test]
fn the_outermost_field_decides_and_one_of_a_list_is_enough() {
    let is = |name: &str, value: Value| means(&with(vec![field(name, value)], vec![], &[]), &job());
    assert!(is("user_id", json!("alice")) && !is("user_id", json!("bob")));
    assert!(is("mode", json!("fs")) && is("mode", json!("mysql")) && !is("mode", json!("nova")));
    assert!(
        is("session_tag", json!(3))
            && is("session_tag", json!(3.0))
            && !is("session_tag", json!("3"))
    );
    assert!(is(
        "job_schedule",
        json!({"event": "", "status": "scheduled"})
    ));
}

#[test]
fn a_missing_field_has_no_value() {
    assert!(!means(
        &with(vec![field("nothing", Value::Null)], vec![], &[]),
        &job()
    ));
    assert!(means(
        &with(vec![], vec![field("nothing", Value::Null)], &[]),
        &job()
    ));
}

#[test]
fn a_text_is_anywhere_in_the_values_whatever_the_case() {
    let has = |text: &str| means(&with(vec![], vec![], &[text]), &job());
    assert!(has("nightly") && has("GHTL") && has("") && has("node"));
    assert!(!has("container") && !has("nightlys") && !has("3"));
    assert!(!means(&with(vec![], vec![], &["node", "absent"]), &job()));
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        Just(json!(1)),
        Just(json!("x")),
        Just(json!("y"))
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[abc]", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Every value of that name with the number of objects around it.
fn everywhere(value: &Value, name: &str, depth: usize, found: &mut Vec<(usize, Value)>) {
    match value {
        Value::Array(values) => values
            .iter()
            .for_each(|value| everywhere(value, name, depth, found)),
        Value::Object(members) => {
            for (key, value) in members {
                if key == name {
                    found.push((depth, value.clone()));
                }
                everywhere(value, name, depth + 1, found);
            }
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn fields_are_found_as_by_looking_everywhere(document in documents(), name in "[abcd]", value in documents()) {
        let document = map(&json!({"a_document": document}));
        let mut found = Vec::new();
        everywhere(&Value::Object(document.clone()), &name, 0, &mut found);
        let least = found.iter().map(|(depth, _)| *depth).min();
        let expected = found.iter().any(|(depth, there)| Some(*depth) == least && *there == value);
        let condition = field(&name, value);
        prop_assert_eq!(means(&with(vec![condition.clone()], vec![], &[]), &document), expected);
        prop_assert_eq!(means(&with(vec![], vec![condition], &[]), &document), !expected);
    }

    #[test]
    fn conditions_hold_each_for_itself(document in documents(), names in prop::collection::vec("[abc]", 2), texts in prop::collection::vec("[xyz]", 2)) {
        let document = map(&json!({"a_document": document}));
        let single: Vec<ListFilter> = vec![
            with(vec![field(&names[0], json!("x"))], vec![], &[]),
            with(vec![], vec![field(&names[1], json!("x"))], &[]),
            with(vec![], vec![], &[&texts[0]]),
            with(vec![], vec![], &[&texts[1]]),
        ];
        let all = with(
            vec![field(&names[0], json!("x"))],
            vec![field(&names[1], json!("x"))],
            &[&texts[0], &texts[1]],
        );
        let each = single.iter().all(|filter| means(filter, &document));
        prop_assert_eq!(means(&all, &document), each);
    }
}
