//! The keys there are. They are read off the settings themselves, so that no list can be forgotten.

use std::collections::BTreeMap;

use config::{Config, ConfigError, Value, ValueKind};

use super::Settings;

/// How unlike a known key may be to be proposed: 0 = anything, 1 = only the same.
const LEAST_SIMILARITY: f64 = 0.7;

/// All leaf values of `settings` by dotted key; a value that is not set is `Nil`.
pub(super) fn leaves_of(settings: &Settings) -> Result<BTreeMap<String, Value>, ConfigError> {
    let mut leaves = BTreeMap::new();
    flatten(
        String::new(),
        Config::try_from(settings)?.cache,
        &mut leaves,
    );
    Ok(leaves)
}

/// Adds the leaves of `value` under `prefix`. An empty table counts as a leaf: its name has to be
/// looked at too.
pub(super) fn flatten(prefix: String, value: Value, leaves: &mut BTreeMap<String, Value>) {
    match value.kind {
        ValueKind::Table(table) if prefix.is_empty() || !table.is_empty() => {
            for (name, inner) in table {
                let key = if prefix.is_empty() {
                    name
                } else {
                    format!("{prefix}.{name}")
                };
                flatten(key, inner, leaves);
            }
        }
        _ => {
            leaves.insert(prefix, value);
        }
    }
}

/// What a given key is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// A setting.
    Setting,
    /// A section: has settings under it.
    Section,
    /// Neither; the setting most like it, if one is like it at all.
    Unknown { nearest: Option<String> },
}

/// What `key` is, given the known leaves.
pub(super) fn classify(key: &str, known: &BTreeMap<String, Value>) -> Known {
    if known.contains_key(key) {
        return Known::Setting;
    }
    if known.keys().any(|candidate| is_under(candidate, key)) {
        return Known::Section;
    }
    let nearest = known
        .keys()
        .map(|candidate| (likeness(key, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= LEAST_SIMILARITY)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate.clone());
    Known::Unknown { nearest }
}

fn is_under(key: &str, section: &str) -> bool {
    key.strip_prefix(section)
        .is_some_and(|rest| rest.starts_with('.'))
}

/// The better of comparing whole keys (a slip of the finger) and last names (a forgotten section).
fn likeness(given: &str, known: &str) -> f64 {
    let last = |key: &str| key.rsplit('.').next().unwrap_or(key).to_owned();
    let whole = strsim::normalized_damerau_levenshtein(given, known);
    let name = strsim::normalized_damerau_levenshtein(&last(given), &last(known));
    // The name alone counts a little less, so that a key in the right section is preferred.
    whole.max(name * 0.9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nearest(key: &str) -> Option<String> {
        match classify(key, &leaves_of(&Settings::default()).unwrap()) {
            Known::Unknown { nearest } => nearest,
            known => panic!("{key} is known: {known:?}"),
        }
    }

    #[test]
    fn every_key_is_known_also_those_without_a_default() {
        let known = leaves_of(&Settings::default()).unwrap();
        for key in [
            "listen",
            "site",
            "nats.url",
            "telemetry.log_format",
            "admin.listen",
        ] {
            assert_eq!(classify(key, &known), Known::Setting, "{key}");
        }
        assert_eq!(classify("job_archive", &known), Known::Section);
    }

    #[test]
    fn a_slip_of_the_finger_finds_its_key() {
        assert_eq!(nearest("nats.ulr").as_deref(), Some("nats.url"));
        assert_eq!(nearest("lisen").as_deref(), Some("listen"));
        assert_eq!(nearest("nat.replicas").as_deref(), Some("nats.replicas"));
        assert_eq!(nearest("body_limit").as_deref(), Some("ingress.body_limit"));
        assert_eq!(nearest("colour"), None);
    }
}
