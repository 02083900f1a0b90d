//! What a request for a list may say (`api/freezer.md` §1.2): a page in the query, a filter in the body.

use muster_contract::session::ListFilter;
use muster_contract::session::limits::PAGE_LIMIT;
use utoipa::{IntoParams, ToSchema};

use super::body::value;
use super::call::Call;
use crate::frame::{Failure, FailureKind};

/// Things in a page if nothing else is asked for, as in Freezer.
const PAGE: u32 = 10;

/// A page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    /// How many are passed over.
    pub(super) offset: u64,
    /// How many at most.
    pub(super) limit: u32,
    /// Whether those of all projects are meant.
    pub(super) all_projects: bool,
}

/// The same in the description.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description; the query is read by hand")]
pub(super) struct PageParameters {
    /// How many at most: 10 if it is 0 or missing, 500 if it is more.
    limit: Option<u64>,
    /// How many to pass over.
    offset: Option<u64>,
    /// Whether those of all projects are meant: for administrators.
    all_projects: Option<bool>,
}

/// Which things of a list are meant; all conditions have to hold. A field is looked up by its name anywhere in a document.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description; the body is read by the contract")]
pub(super) struct Filter {
    /// Fields that have these values, such as `[{"client_id": "db-1"}]`. `[{"_all": ".."}]` looks for a text anywhere, or, if
    /// it is JSON of a list, for the fields that it names.
    #[schema(value_type = Option<Vec<Object>>)]
    r#match: Option<Vec<serde_json::Value>>,
    /// Fields that do not have these values.
    #[schema(value_type = Option<Vec<Object>>)]
    match_not: Option<Vec<serde_json::Value>>,
}

impl Page {
    /// The page that a query asks for. What it says besides is not looked at.
    pub(super) fn of_query(query: Option<&str>) -> Result<Self, Failure> {
        let mut page = Self {
            offset: 0,
            limit: PAGE,
            all_projects: false,
        };
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match name.as_ref() {
                "limit" => {
                    page.limit = match number(&name, &value)? {
                        0 => PAGE,
                        limit => {
                            u32::try_from(limit).map_or(PAGE_LIMIT, |limit| limit.min(PAGE_LIMIT))
                        }
                    };
                }
                "offset" => page.offset = number(&name, &value)?,
                "all_projects" => page.all_projects = truth(&value)?,
                _ => {}
            }
        }
        Ok(page)
    }

    /// The project that the list is of; `None` = of all.
    pub(super) fn tenant(&self, call: &Call) -> Result<Option<String>, Failure> {
        if !self.all_projects {
            return Ok(Some(call.tenant.clone()));
        }
        if !call.caller.principal.sees_all_tenants() {
            return Err(Failure::new(
                FailureKind::Forbidden,
                "all_projects is for administrators",
            ));
        }
        Ok(None)
    }
}

/// The filter in a body, which is none if the body is empty.
pub(super) fn filter(body: &[u8]) -> Result<ListFilter, Failure> {
    ListFilter::from_body(&value(body)?).map_err(|error| Failure::invalid(error.to_string()))
}

/// Not beyond what a database can count to.
fn number(name: &str, text: &str) -> Result<u64, Failure> {
    text.parse()
        .ok()
        .filter(|number| i64::try_from(*number).is_ok())
        .ok_or_else(|| {
            Failure::invalid(format!(
                "Invalid parameter: {name} has to be a number from 0"
            ))
        })
}

/// Clients of Python write it with a capital.
fn truth(text: &str) -> Result<bool, Failure> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Ok(true),
        "false" | "0" | "no" | "" => Ok(false),
        _ => Err(Failure::invalid(
            "Invalid parameter: all_projects has to be True or False",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str) -> Option<(u64, u32, bool)> {
        let page = Page::of_query(Some(query)).ok()?;
        Some((page.offset, page.limit, page.all_projects))
    }

    #[test]
    fn a_page_has_ten_unless_it_says_otherwise() {
        assert_eq!(Page::of_query(None).unwrap().limit, 10);
        for (query, expected) in [
            ("", (0, 10, false)),
            ("limit=0", (0, 10, false)),
            ("limit=100&offset=20&all_projects=False", (20, 100, false)),
            ("limit=500", (0, 500, false)),
            ("limit=501", (0, 500, false)),
            ("limit=9223372036854775807", (0, 500, false)),
            (
                "offset=9223372036854775807",
                (9_223_372_036_854_775_807, 10, false),
            ),
            ("all_projects=True&x=y", (0, 10, true)),
            ("all_projects=", (0, 10, false)),
        ] {
            assert_eq!(page(query), Some(expected), "{query}");
        }
    }

    #[test]
    fn what_is_no_page_is_the_clients_mistake() {
        for query in [
            "limit=abc",
            "limit=",
            "limit=-1",
            "limit=1.5",
            "offset=-1",
            "offset=x",
            "offset=9223372036854775808",
            "limit=99999999999999999999",
            "limit=%00",
            "all_projects=maybe",
        ] {
            assert_eq!(page(query), None, "{query}");
        }
    }

    #[test]
    fn a_filter_is_an_object_or_nothing() {
        assert!(filter(b"").unwrap().is_empty());
        let filtered = filter(br#"{"match":[{"client_id":"c"}]}"#).unwrap();
        assert_eq!(filtered.matching.len(), 1);
        for body in ["[]", "x", "{\"match\":1}", r#"{"match":[{"a":"\u0000"}]}"#] {
            let failure = filter(body.as_bytes()).unwrap_err();
            assert_eq!(failure.kind().status(), 400, "{body}");
        }
    }
}
