//! Names nobody reads, each with the one that was probably meant.

use toml::de::{DeTable, DeValue};

use super::SiteProblem;

/// How unlike a known name may be to be proposed: 0 = anything, 1 = only the same.
const LEAST_SIMILARITY: f64 = 0.6;

/// More names than this are not listed in a message.
const MOST_LISTED: usize = 10;

/// The sections and what stands in them; a test compares them with the structs they are read into.
pub(super) const SECTIONS: [(&str, &[&str]); 14] = [
    ("project", &["name", "domain", "quota", "session_hooks"]),
    (
        "principal",
        &[
            "name",
            "project",
            "roles",
            "token",
            "token_sha256",
            "duffy_key",
            "duffy_key_sha256",
            "password",
            "access_key",
            "secret_key",
            "resource_policy",
        ],
    ),
    (
        "pool",
        &[
            "name",
            "version",
            "arch",
            "flavor",
            "fill_level",
            "lifetime",
            "maximum_lifetime",
            "hooks",
            "maximum_ready_age",
            "quarantine",
        ],
    ),
    (
        "node",
        &["hostname", "pool", "ip", "chassis", "console_port"],
    ),
    ("agent", &["name", "nkey"]),
    (
        "producer",
        &[
            "name",
            "project",
            "nkey",
            "job_events",
            "node_states",
            "metrics",
        ],
    ),
    ("domain", &["name", "quota"]),
    (
        "resource_policy",
        &[
            "name",
            "compute_sessions",
            "slots",
            "containers_per_session",
            "idle_timeout",
        ],
    ),
    ("scaling_group", &["name", "scheduler", "projects"]),
    (
        "image",
        &[
            "name",
            "aliases",
            "command",
            "docker",
            "interpreter",
            "services",
            "environ",
            "minimum",
            "maximum",
        ],
    ),
    ("cluster", &["file"]),
    (
        "clustercockpit",
        &[
            "jwt_public_key",
            "jwt_max_age",
            "default_project",
            "validate_user",
        ],
    ),
    (
        "duffy",
        &[
            "host_suffix",
            "rate_limit",
            "rate_window",
            "failed_node_limit",
        ],
    ),
    ("keystone", &["url"]),
];

/// All names in `text` that are not known.
pub(super) fn unknown(text: &str) -> Result<Vec<SiteProblem>, SiteProblem> {
    let document = DeTable::parse(text).map_err(|error| SiteProblem::of_toml(text, &error))?;
    let mut problems = Vec::new();
    for (key, value) in document.get_ref() {
        let name: &str = key.get_ref();
        match SECTIONS.iter().find(|(section, _)| *section == name) {
            Some((section, known)) => {
                for table in tables(value.get_ref()) {
                    unknown_in(text, section, table, known, &mut problems);
                }
            }
            None => problems.push(SiteProblem::at(
                text,
                key.span().start,
                format!(
                    "unknown section {name:?}{}",
                    proposal(name, SECTIONS.iter().map(|(section, _)| *section))
                ),
            )),
        }
    }
    problems.sort_by_key(|problem| problem.line);
    Ok(problems)
}

fn tables<'a, 'i>(value: &'a DeValue<'i>) -> Vec<&'a DeTable<'i>> {
    match value {
        DeValue::Table(table) => vec![table],
        DeValue::Array(array) => array
            .iter()
            .filter_map(|entry| entry.get_ref().as_table())
            .collect(),
        // Not a section at all: reading it says so.
        _ => Vec::new(),
    }
}

fn unknown_in(
    text: &str,
    section: &str,
    table: &DeTable<'_>,
    known: &[&str],
    problems: &mut Vec<SiteProblem>,
) {
    for key in table.keys() {
        let name: &str = key.get_ref();
        if !known.contains(&name) {
            problems.push(SiteProblem::at(
                text,
                key.span().start,
                format!(
                    "{section} has no {name:?}{}",
                    proposal(name, known.iter().copied())
                ),
            ));
        }
    }
}

/// `; did you mean "x"?`, or which names there are when none is like it.
pub(super) fn proposal<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let nearest = known
        .clone()
        .map(|candidate| {
            let likeness = strsim::normalized_damerau_levenshtein(name, candidate);
            (likeness, candidate)
        })
        .filter(|(likeness, _)| *likeness >= LEAST_SIMILARITY)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    match nearest {
        Some((_, nearest)) => format!("; did you mean {nearest:?}?"),
        None if known.clone().count() > MOST_LISTED => String::new(),
        None => format!("; there is {}", known.collect::<Vec<_>>().join(", ")),
    }
}
