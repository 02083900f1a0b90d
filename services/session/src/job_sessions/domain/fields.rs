//! Looking at the keys of a document that a client sends.

use muster_contract::session::limits::{
    CLIENT_ID_LIMIT, DESCRIPTION_LIMIT, DOCUMENT_LIMIT, ID_LIMIT, is_valid_description,
    is_valid_document, is_valid_id,
};
use serde_json::{Map, Value};

/// What is wrong with a document, for whoever sent it.
pub(crate) type Wrong = String;

/// The text under the key; `None` where there is none, or null.
pub(crate) fn text<'a>(
    document: &'a Map<String, Value>,
    key: &str,
) -> Result<Option<&'a str>, Wrong> {
    match document.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{key} must be a text")),
    }
}

/// The whole number under the key.
pub(crate) fn number(document: &Map<String, Value>, key: &str) -> Result<Option<i64>, Wrong> {
    let Some(value) = document.get(key) else {
        return Ok(None);
    };
    let number = value.as_i64();
    number.map_or_else(
        || Err(format!("{key} must be a whole number")),
        |number| Ok(Some(number)),
    )
}

/// The object under the key.
pub(crate) fn object<'a>(
    document: &'a Map<String, Value>,
    key: &str,
) -> Result<Option<&'a Map<String, Value>>, Wrong> {
    let Some(value) = document.get(key) else {
        return Ok(None);
    };
    let object = value.as_object();
    object.map_or_else(
        || Err(format!("{key} must be an object")),
        |object| Ok(Some(object)),
    )
}

/// The description, which may be set to none.
pub(crate) fn description(document: &Map<String, Value>) -> Result<Option<&str>, Wrong> {
    let description = text(document, "description")?;
    match description {
        Some(text) if !is_valid_description(text) => Err(format!(
            "a description has at most {DESCRIPTION_LIMIT} characters, and no NUL"
        )),
        description => Ok(description),
    }
}

/// Refuses what can be no id.
pub(crate) fn check_id(what: &str, id: &str) -> Result<(), Wrong> {
    if is_valid_id(id) {
        Ok(())
    } else {
        Err(format!(
            "{what} must be 1 to {ID_LIMIT} visible ASCII characters"
        ))
    }
}

/// Refuses what cannot be kept.
pub(crate) fn check_size(what: &str, document: &Map<String, Value>) -> Result<(), Wrong> {
    if is_valid_document(&Value::Object(document.clone())) {
        Ok(())
    } else {
        Err(format!(
            "{what} is longer than {DOCUMENT_LIMIT} bytes, or has a NUL in a text"
        ))
    }
}

/// The id of a client is the name of a host, maybe after a project and `_`, as by the real server's schema.
pub(crate) fn is_client_id(id: &str) -> bool {
    let (project, host) = id
        .rsplit_once('_')
        .map_or((None, id), |(project, host)| (Some(project), host));
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    id.len() <= CLIENT_ID_LIMIT
        && project.is_none_or(|project| !project.is_empty() && project.bytes().all(is_word))
        && host.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn client_ids_are_names_of_hosts_maybe_after_a_project() {
        let long = format!("{}.example", "x".repeat(63));
        for id in [
            "node",
            "node-1.example.org",
            "0123abcd_node",
            "a_b-c_node.org",
            &long,
        ] {
            assert!(is_client_id(id), "{id}");
        }
        let too_long = format!("{}a", "a.".repeat(128));
        for id in [
            "",
            "_node",
            "node_",
            "no de",
            "-node",
            "node-",
            "a..b",
            "é",
            "pro.ject_node",
            "a\0",
            &too_long,
        ] {
            assert!(!is_client_id(id), "{id}");
        }
        assert!(!is_client_id(&"x".repeat(64)));
        assert!(is_client_id(&format!("{}{}", "a.".repeat(127), "a")));
    }

    #[test]
    fn types_are_looked_at() {
        let document =
            json!({"text": "a", "number": 1, "half": 0.5, "object": {}, "nothing": null});
        let document = document.as_object().unwrap();
        assert_eq!(text(document, "text"), Ok(Some("a")));
        assert_eq!(text(document, "nothing"), Ok(None));
        assert_eq!(text(document, "absent"), Ok(None));
        assert!(text(document, "number").is_err());
        assert_eq!(number(document, "number"), Ok(Some(1)));
        assert!(number(document, "half").is_err() && number(document, "nothing").is_err());
        assert!(object(document, "object").is_ok() && object(document, "text").is_err());
    }

    #[test]
    fn documents_ids_and_descriptions_are_bounded() {
        let of = |value: Value| Map::from_iter([("description".to_owned(), value)]);
        assert!(description(&of(json!("x".repeat(DESCRIPTION_LIMIT)))).is_ok());
        assert!(description(&of(json!("x".repeat(DESCRIPTION_LIMIT + 1)))).is_err());
        assert!(check_size("it", &of(json!("x".repeat(DOCUMENT_LIMIT)))).is_err());
        assert!(check_size("it", &of(json!("a\0b"))).is_err());
        assert!(check_id("it", &"x".repeat(ID_LIMIT)).is_ok() && check_id("it", "").is_err());
    }
}
