//! Which documents a filter means (`api/freezer.md` §1.2).

use muster_contract::session::{FieldValue, ListFilter};
use serde_json::{Map, Value};

/// Whether the document is meant.
///
/// A field is looked for anywhere in the document; where several levels have one of that name, the outermost decides: the
/// status of a session is its own and not that of one of its jobs. On that level one of several is enough.
pub(crate) fn means(filter: &ListFilter, document: &Map<String, Value>) -> bool {
    let has = |field: &FieldValue| {
        let found = outermost(document, &field.field);
        found.iter().any(|value| are_equal(value, &field.value))
    };
    filter.matching.iter().all(has)
        && !filter.not_matching.iter().any(has)
        && filter.texts.iter().all(|text| has_text(document, text))
}

/// The values of that name on the outermost level that has one. What is in a list is on the level of the list.
fn outermost<'a>(document: &'a Map<String, Value>, name: &str) -> Vec<&'a Value> {
    let mut level = vec![document];
    while !level.is_empty() {
        let found: Vec<&Value> = level.iter().filter_map(|object| object.get(name)).collect();
        if !found.is_empty() {
            return found;
        }
        let mut next = Vec::new();
        for value in level.into_iter().flat_map(Map::values) {
            objects(value, &mut next);
        }
        level = next;
    }
    Vec::new()
}

fn objects<'a>(value: &'a Value, found: &mut Vec<&'a Map<String, Value>>) {
    match value {
        Value::Object(object) => found.push(object),
        Value::Array(values) => values.iter().for_each(|value| objects(value, found)),
        _ => {}
    }
}

/// As JSON has it: one number is not another for being written with a decimal point.
fn are_equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || (one.is_f64() || other.is_f64()) && one.as_f64() == other.as_f64()
        }
        _ => one == other,
    }
}

fn has_text(document: &Map<String, Value>, text: &str) -> bool {
    let text = text.to_lowercase();
    document.values().any(|value| contains(value, &text))
}

fn contains(value: &Value, lower: &str) -> bool {
    match value {
        Value::String(text) => text.to_lowercase().contains(lower),
        Value::Array(values) => values.iter().any(|value| contains(value, lower)),
        Value::Object(object) => object.values().any(|value| contains(value, lower)),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
