//! The parameters of a list.

use muster_contract::job_archive::{JobState, ListJobs};
use utoipa::IntoParams;

use super::super::go_numbers::parse_integer;
use crate::frame::Failure;

const DEFAULT_PAGE_SIZE: u64 = 25;

/// What `items-per-page` says for "all of them".
pub(super) const ALL: i64 = -1;

/// The parameters, for the description. Of one given several times the first counts, but every
/// `state`; one that is not listed is refused.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "a description; they are read in the order they are given"
)]
pub(super) struct Parameters {
    /// Only jobs in this state; repeat it for more than one.
    #[param(example = "running")]
    state: Option<Vec<String>>,
    /// Only jobs of this cluster.
    #[param(example = "fritz")]
    cluster: Option<String>,
    /// Only jobs of this accounting project.
    #[param(example = "abcd200")]
    project: Option<String>,
    /// Only jobs that started in that time: `FROM-TO`, seconds since 1970 UTC, both included.
    #[param(rename = "start-time", example = "1649723812-1649763839")]
    start_time: Option<String>,
    /// Jobs per page; -1 = all of them on one page.
    #[param(rename = "items-per-page", minimum = -1, example = 25)]
    items_per_page: Option<i64>,
    /// The page.
    #[param(minimum = 1, example = 1)]
    page: Option<u64>,
    /// With `metaData` (the job's script and so on). That it is there counts, not its value.
    #[param(rename = "with-metadata")]
    with_metadata: Option<bool>,
}

pub(super) fn parse(query: &str) -> Result<ListJobs, Failure> {
    let mut list = ListJobs {
        states: Vec::new(),
        cluster: None,
        project: None,
        start_from: None,
        start_to: None,
        page_size: Some(DEFAULT_PAGE_SIZE),
        page: 1,
        with_meta_data: false,
    };
    let mut page = None;
    let mut page_size = None;
    let mut start_time = None;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if value.contains('\0') {
            return Err(wrong_value(&name));
        }
        match &*name {
            "state" => {
                let state = JobState::from_name(&value).ok_or_else(|| wrong_value("state"))?;
                if !list.states.contains(&state) {
                    list.states.push(state);
                }
            }
            "cluster" => drop(list.cluster.get_or_insert_with(|| value.into_owned())),
            "project" => drop(list.project.get_or_insert_with(|| value.into_owned())),
            "start-time" => drop(start_time.get_or_insert(value)),
            "page" => drop(page.get_or_insert(value)),
            "items-per-page" => drop(page_size.get_or_insert(value)),
            "with-metadata" => list.with_meta_data = true,
            other => {
                return Err(Failure::invalid(format!(
                    "invalid query parameter: {other}"
                )));
            }
        }
    }
    if let Some(start_time) = start_time {
        let (from, to) = parse_range(&start_time)?;
        (list.start_from, list.start_to) = (Some(from), Some(to));
    }
    if let Some(page) = page {
        list.page = parse_page(&page)?;
    }
    if let Some(page_size) = page_size {
        list.page_size = parse_page_size(&page_size)?;
    }
    Ok(list)
}

/// cc-backend names the parameter of the range by its field.
fn wrong_value(name: &str) -> Failure {
    let name = if name == "start-time" {
        "startTime"
    } else {
        name
    };
    Failure::invalid(format!("invalid query parameter value: {name}"))
}

fn parse_range(text: &str) -> Result<(i64, i64), Failure> {
    let mut ends = text.split('-');
    let (Some(from), Some(to), None) = (ends.next(), ends.next(), ends.next()) else {
        return Err(wrong_value("start-time"));
    };
    let end = |text| parse_integer("ParseInt", text).map_err(Failure::invalid);
    Ok((end(from)?, end(to)?))
}

fn parse_page(text: &str) -> Result<u64, Failure> {
    let page = parse_integer("Atoi", text).map_err(Failure::invalid)?;
    match u64::try_from(page) {
        Ok(page) if page > 0 => Ok(page),
        _ => Err(Failure::invalid("page must be >= 1")),
    }
}

fn parse_page_size(text: &str) -> Result<Option<u64>, Failure> {
    let size = parse_integer("Atoi", text).map_err(Failure::invalid)?;
    if size == ALL {
        return Ok(None);
    }
    match u64::try_from(size) {
        Ok(size) if size > 0 => Ok(Some(size)),
        _ => Err(Failure::invalid("items-per-page must be >= 1")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn without_parameters_the_first_25_of_all() {
        let list = parse("").unwrap();
        assert_eq!((list.page, list.page_size), (1, Some(25)));
        assert_eq!(list.states, []);
        assert_eq!((list.start_from, list.start_to), (None, None));
        assert!(!list.with_meta_data);
    }

    #[test]
    fn what_clients_ask() {
        let list =
            parse("state=running&items-per-page=9999999&page=1&with-metadata=false").unwrap();
        assert_eq!(list.states, [JobState::Running]);
        assert_eq!(list.page_size, Some(9_999_999));
        assert!(list.with_meta_data, "that it is there counts");

        let list = parse(
            "state=failed&state=timeout&state=failed&cluster=fritz&cluster=alex&project=a%20b&start-time=10-20&items-per-page=-1&page=3",
        )
        .unwrap();
        assert_eq!(list.states, [JobState::Failed, JobState::Timeout]);
        assert_eq!(
            list.cluster.as_deref(),
            Some("fritz"),
            "the first one counts"
        );
        assert_eq!(list.project.as_deref(), Some("a b"));
        assert_eq!((list.start_from, list.start_to), (Some(10), Some(20)));
        assert_eq!((list.page_size, list.page), (None, 3));
    }

    #[test]
    fn what_is_wrong_is_said_as_cc_backend_says_it() {
        for (query, message) in [
            ("state=finished", "invalid query parameter value: state"),
            ("state=", "invalid query parameter value: state"),
            ("start-time=10", "invalid query parameter value: startTime"),
            (
                "start-time=1-2-3",
                "invalid query parameter value: startTime",
            ),
            (
                "start-time=-5",
                "strconv.ParseInt: parsing \"\": invalid syntax",
            ),
            (
                "start-time=1-x",
                "strconv.ParseInt: parsing \"x\": invalid syntax",
            ),
            ("page=x", "strconv.Atoi: parsing \"x\": invalid syntax"),
            ("page=0", "page must be >= 1"),
            ("page=-1", "page must be >= 1"),
            (
                "page=99999999999999999999",
                "strconv.Atoi: parsing \"99999999999999999999\": value out of range",
            ),
            (
                "items-per-page=",
                "strconv.Atoi: parsing \"\": invalid syntax",
            ),
            ("items-per-page=0", "items-per-page must be >= 1"),
            ("items-per-page=-2", "items-per-page must be >= 1"),
            ("user=alice", "invalid query parameter: user"),
            ("State=running", "invalid query parameter: State"),
            ("cluster=a%00b", "invalid query parameter value: cluster"),
        ] {
            let failure = parse(query).unwrap_err();
            assert_eq!(failure.kind(), crate::frame::FailureKind::Invalid);
            assert_eq!(failure.message(), message, "{query}");
        }
    }

    proptest! {
        #[test]
        fn no_query_makes_it_panic(query in "[ -~]{0,80}") {
            let _ = parse(&query);
        }
    }
}
