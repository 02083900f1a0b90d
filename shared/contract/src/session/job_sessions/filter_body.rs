//! The filter in the body of a request for a list (`api/freezer.md` §1.2).

use serde_json::{Map, Value};

use super::{FieldValue, ListFilter};

/// Conditions of one filter at most; the rest of a body's size is bounded by the ingress.
pub const CONDITION_LIMIT: usize = 64;

/// The key under which clients ask for a text instead of a field.
const EVERYWHERE: &str = "_all";

/// Why a filter is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFilter {
    /// The body is no object.
    #[error("the filter must be a JSON object with the keys match and match_not")]
    NoObject,
    /// The body has another key.
    #[error("a filter has only the keys match and match_not")]
    UnknownKey,
    /// A part is no list of objects.
    #[error("match and match_not must be lists of objects, each with fields and their values")]
    NoList,
    /// `_all` is no string.
    #[error(
        "_all must be a string: a text, or a JSON list of objects with fields and their values"
    )]
    NoText,
    /// A text is to be nowhere.
    #[error("in match_not, _all must be a JSON list of objects with fields and their values")]
    NotText,
    /// More conditions than [`CONDITION_LIMIT`].
    #[error("a filter has at most {CONDITION_LIMIT} conditions")]
    TooMany,
}

impl ListFilter {
    /// The filter that the body of a request asks for: `{"match": [{field: value}, ..], "match_not": [..]}`. No body, and an
    /// empty object, ask for none.
    ///
    /// `{"_all": text}` is what clients send for `--search`: the text is a JSON list of objects like those of `match`, or,
    /// where it is not, something to look for in all texts of a document.
    ///
    /// # Errors
    /// The body is no filter.
    pub fn from_body(body: &Value) -> Result<Self, InvalidFilter> {
        let body = match body {
            Value::Null => return Ok(Self::default()),
            Value::Object(body) => body,
            _ => return Err(InvalidFilter::NoObject),
        };
        let mut filter = Self::default();
        for (key, part) in body {
            match key.as_str() {
                "match" => (filter.matching, filter.texts) = conditions(part)?,
                "match_not" => {
                    let texts;
                    (filter.not_matching, texts) = conditions(part)?;
                    if !texts.is_empty() {
                        return Err(InvalidFilter::NotText);
                    }
                }
                _ => return Err(InvalidFilter::UnknownKey),
            }
        }
        let count = filter.matching.len() + filter.not_matching.len() + filter.texts.len();
        if count > CONDITION_LIMIT {
            return Err(InvalidFilter::TooMany);
        }
        Ok(filter)
    }
}

/// Fields and texts.
fn conditions(part: &Value) -> Result<(Vec<FieldValue>, Vec<String>), InvalidFilter> {
    let objects = objects(part).ok_or(InvalidFilter::NoList)?;
    let (mut fields, mut texts) = (Vec::new(), Vec::new());
    for (name, value) in objects.into_iter().flatten() {
        if name != EVERYWHERE {
            fields.push(field(name, value));
            continue;
        }
        let text = value.as_str().ok_or(InvalidFilter::NoText)?;
        let parsed = serde_json::from_str::<Value>(text).unwrap_or_default();
        match self::objects(&parsed) {
            Some(objects) => {
                let named = objects.into_iter().flatten();
                fields.extend(named.map(|(name, value)| field(name, value)));
            }
            None => texts.push(text.to_owned()),
        }
    }
    Ok((fields, texts))
}

/// The objects, if it is a list of nothing else.
fn objects(value: &Value) -> Option<Vec<&Map<String, Value>>> {
    value.as_array()?.iter().map(Value::as_object).collect()
}

fn field(name: &str, value: &Value) -> FieldValue {
    FieldValue {
        field: name.to_owned(),
        value: value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(body: &Value) -> ListFilter {
        ListFilter::from_body(body).unwrap()
    }

    #[test]
    fn what_a_scheduler_asks_for() {
        let body = json!({"match_not": [{"status": "completed"}], "match": [{"client_id": "c"}]});
        let filter = parsed(&body);
        assert_eq!(filter.matching, [field("client_id", &json!("c"))]);
        assert_eq!(filter.not_matching, [field("status", &json!("completed"))]);
    }

    #[test]
    fn without_conditions_there_is_no_filter() {
        for body in [
            json!(null),
            json!({}),
            json!({"match": []}),
            json!({"match": [{}], "match_not": []}),
            json!({"match": [{"_all": "[]"}]}),
        ] {
            assert!(parsed(&body).is_empty(), "{body}");
        }
    }

    #[test]
    fn a_search_is_a_list_of_fields_or_a_text() {
        let search = |text: &str| parsed(&json!({"match": [{"_all": text}]}));
        let fields = [
            field("client_id", &json!("n")),
            field("session_tag", &json!(3)),
        ];
        assert_eq!(
            search(r#"[{"client_id": "n"}, {"session_tag": 3}]"#).matching,
            fields
        );
        for text in ["nightly", "", "{\"a\": 1}", "[1]", "3", "[{\"a\": 1}, 2]"] {
            let filter = search(text);
            assert_eq!(
                (filter.matching, filter.texts),
                (vec![], vec![text.to_owned()])
            );
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        let refused = |body: Value| ListFilter::from_body(&body).unwrap_err();
        assert_eq!(refused(json!([])), InvalidFilter::NoObject);
        assert_eq!(refused(json!("x")), InvalidFilter::NoObject);
        assert_eq!(refused(json!({"matches": []})), InvalidFilter::UnknownKey);
        assert_eq!(refused(json!({"match": {"a": 1}})), InvalidFilter::NoList);
        assert_eq!(refused(json!({"match_not": [1]})), InvalidFilter::NoList);
        assert_eq!(
            refused(json!({"match": [{"_all": 1}]})),
            InvalidFilter::NoText
        );
        let text = refused(json!({"match_not": [{"_all": "x"}]}));
        assert_eq!(text, InvalidFilter::NotText);
    }

    #[test]
    fn the_number_of_conditions_is_bounded() {
        let body = |count: usize| json!({"match": vec![json!({"a": 1}); count], "match_not": []});
        assert_eq!(
            parsed(&body(CONDITION_LIMIT)).matching.len(),
            CONDITION_LIMIT
        );
        let refused = ListFilter::from_body(&body(CONDITION_LIMIT + 1));
        assert_eq!(refused, Err(InvalidFilter::TooMany));
    }
}
