//! Tags that a client names.

use muster_contract::Principal;
use muster_contract::job_archive::NewTag;

use crate::RequestError;
use crate::go_json::decode;
use crate::job_meta::Tag;

/// Bytes of a text that a job or a tag is found by. cc-backend has columns of this many characters; a
/// database index takes no entry much longer.
pub const TEXT_LIMIT: usize = 255;

/// Tags in one request.
pub const TAGS_LIMIT: usize = 256;

/// The scope of a tag that names none.
const DEFAULT_SCOPE: &str = "global";

/// The scope of tags that only administrators see.
const ADMIN_SCOPE: &str = "admin";

/// A body that is a list of tags.
pub fn parse(body: &[u8]) -> Result<Vec<Tag>, RequestError> {
    let tags: Vec<Tag> = decode(body)
        .map_err(|error| RequestError::invalid(format!("decoding request failed: {error}")))?;
    if tags.len() > TAGS_LIMIT {
        return Err(RequestError::invalid(format!(
            "{} tags in one request, which may have {TAGS_LIMIT}",
            tags.len()
        )));
    }
    for tag in &tags {
        if tag.r#type.is_empty() || tag.name.is_empty() {
            return Err(RequestError::invalid("a tag has to have a type and a name"));
        }
        for (member, text) in [("type", &tag.r#type), ("name", &tag.name)] {
            if text.len() > TEXT_LIMIT {
                return Err(RequestError::invalid(format!(
                    "'{member}' of a tag has {} bytes and may have {TEXT_LIMIT}",
                    text.len()
                )));
            }
        }
    }
    Ok(tags)
}

/// The tags as the archive takes them, if the caller may write them all.
pub fn writable(tags: Vec<Tag>, caller: &Principal) -> Result<Vec<NewTag>, RequestError> {
    tags.into_iter()
        .map(|tag| {
            let tag = with_scope(tag);
            // Anybody else's own tags are not the caller's to write.
            if ![DEFAULT_SCOPE, ADMIN_SCOPE, &caller.name].contains(&tag.scope.as_str()) {
                return Err(RequestError::Forbidden(
                    "cannot write tag scope with current authorization".to_owned(),
                ));
            }
            Ok(tag)
        })
        .collect()
}

/// Those of the tags that are nobody's own: only they can be taken off.
#[must_use]
pub fn shared(tags: Vec<Tag>) -> Vec<NewTag> {
    let tags = tags.into_iter().map(with_scope);
    tags.filter(|tag| [DEFAULT_SCOPE, ADMIN_SCOPE].contains(&tag.scope.as_str()))
        .collect()
}

fn with_scope(tag: Tag) -> NewTag {
    NewTag {
        kind: tag.r#type,
        name: tag.name,
        scope: tag
            .scope
            .filter(|scope| !scope.is_empty())
            .unwrap_or_else(|| DEFAULT_SCOPE.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use muster_contract::Role;

    use super::*;

    fn tag(name: &str, scope: &str) -> NewTag {
        NewTag {
            kind: "t".to_owned(),
            name: name.to_owned(),
            scope: scope.to_owned(),
        }
    }

    fn caller() -> Principal {
        Principal {
            name: "alice".to_owned(),
            domain: "default".to_owned(),
            project: "demo".to_owned(),
            roles: vec![Role::Api],
        }
    }

    #[test]
    fn the_scope_may_be_left_out() {
        let body = br#"[{"type":"t","name":"a"},{"TYPE":"t","name":"b","scope":"admin","id":null},{"type":"t","name":"c","scope":""},{"type":"t","name":"d","scope":"alice"}]"#;
        let tags = writable(parse(body).unwrap(), &caller()).unwrap();
        let expected = [
            tag("a", "global"),
            tag("b", "admin"),
            tag("c", "global"),
            tag("d", "alice"),
        ];
        assert_eq!(tags, expected);
        assert_eq!(shared(parse(body).unwrap()), expected[..3]);
        assert!(parse(b"[]").unwrap().is_empty());
        assert!(parse(b"null").unwrap().is_empty());
    }

    #[test]
    fn somebody_elses_tags_are_not_written() {
        let body = br#"[{"type":"t","name":"a"},{"type":"t","name":"b","scope":"bob"}]"#;
        let failure = writable(parse(body).unwrap(), &caller()).unwrap_err();
        assert!(matches!(failure, RequestError::Forbidden(_)));
    }

    #[test]
    fn what_is_no_list_of_tags_is_refused() {
        let long = "x".repeat(TEXT_LIMIT + 1);
        let long = format!(r#"[{{"type":"t","name":"{long}"}}]"#);
        let many = format!(
            "[{}]",
            vec![r#"{"type":"t","name":"n"}"#; TAGS_LIMIT + 1].join(",")
        );
        for body in [
            "",
            "{}",
            r#"[{"type":"t","name":"n","colour":1}]"#,
            r#"[{"type":"t"}]"#,
            r#"[{"type":"","name":"n"}]"#,
            "[null]",
            r#"[{"type":"t\u0000","name":"n"}]"#,
            long.as_str(),
            many.as_str(),
        ] {
            let failure = parse(body.as_bytes()).unwrap_err();
            assert!(matches!(failure, RequestError::Invalid(_)), "{body}");
        }
    }
}
