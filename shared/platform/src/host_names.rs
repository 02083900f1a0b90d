//! Names of hosts, and which of them clients take for each other.

use std::collections::{BTreeSet, HashMap};

/// The longest name of a host, in bytes: RFC 1035, section 2.3.4.
pub const HOST_NAME_LIMIT: usize = 253;

/// The longest part of it between two dots.
const LABEL_LIMIT: usize = 63;

/// Whether a host can have the name: labels of letters, digits and inner hyphens (RFC 1123, section 2.1). Only small
/// letters, since what is one name for the resolver must not be two for whoever compares texts.
#[must_use]
pub fn is_host_name(name: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.len() <= HOST_NAME_LIMIT
        && name.split('.').all(|label| {
            (1..=LABEL_LIMIT).contains(&label.len())
                && label.bytes().all(is_inner)
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

/// Which of different names have another of them as a part: pairs of places, the part's first; for each name that has
/// any, one. See [`names_within_full_names`].
#[must_use]
pub fn names_within_names(names: &[&str]) -> Vec<(usize, usize)> {
    names_within_full_names(names, "")
}

/// Which of different names, with the suffix behind it, have another of them (without) as a part: pairs of places, the part's
/// first; for each name that has any, one.
///
/// python-cicoclient looks for the inventory's names as parts of the names it was given, so it takes `n1` for `n14.dusty`,
/// and `n1.dusty` with the suffix `.ci.centos.org` for a node called `ci`.
///
/// Looks up each part of a name that is as long as some name, so the cost grows with the number of names, and not with its
/// square.
#[must_use]
pub fn names_within_full_names(names: &[&str], suffix: &str) -> Vec<(usize, usize)> {
    let places: HashMap<&[u8], usize> = names
        .iter()
        .enumerate()
        .map(|(place, name)| (name.as_bytes(), place))
        .collect();
    let lengths: BTreeSet<usize> = names
        .iter()
        .map(|name| name.len())
        .filter(|length| *length > 0)
        .collect();
    let mut full = String::new();
    names
        .iter()
        .enumerate()
        .filter_map(|(whole, name)| {
            full.clear();
            full.push_str(name);
            full.push_str(suffix);
            lengths
                .range(..=full.len())
                .flat_map(|length| full.as_bytes().windows(*length))
                .find_map(|part| places.get(part).filter(|part| **part != whole))
                .map(|part| (*part, whole))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hosts_can_be_called_that() {
        let long = format!("{0}.{0}.{0}.{1}", "x".repeat(63), "y".repeat(61));
        for name in ["n1", "n24.dusty", "24", "a-b.c", long.as_str()] {
            assert!(is_host_name(name), "{name}");
        }
    }

    #[test]
    fn hosts_cannot_be_called_that() {
        let label = "x".repeat(64);
        let long = format!("{0}.{0}.{0}.{1}", "x".repeat(63), "y".repeat(62));
        for name in [
            "", ".", "n1.", ".n1", "n..1", "-n", "n-", "n_1", "N1", "n 1", "n%", "n\u{e4}", &label,
            &long,
        ] {
            assert!(!is_host_name(name), "{name}");
        }
    }

    #[test]
    fn a_name_that_is_part_of_another_is_found() {
        assert_eq!(names_within_names(&["n1", "m2", "n14.dusty"]), [(0, 2)]);
        assert_eq!(
            names_within_names(&["n1.dusty", "n14.dusty", "n4.dusty"]),
            []
        );
        assert_eq!(
            names_within_names(&["n1.dusty", "xn1.dusty.site"]),
            [(0, 1)]
        );
    }

    #[test]
    fn a_name_that_is_part_of_another_with_its_suffix_is_found() {
        let suffix = ".ci.centos.org";
        assert_eq!(
            names_within_full_names(&["n1.dusty", "n2.dusty"], suffix),
            []
        );
        for other in ["ci", "y.ci", "dusty.ci", "centos"] {
            let found = names_within_full_names(&["n1.dusty", other], suffix);
            assert_eq!(found, [(1, 0)], "{other}");
        }
        // Its own name is no other.
        assert_eq!(names_within_full_names(&["ci"], suffix), []);
        assert_eq!(names_within_full_names(&["ci.ci"], ".ci.ci"), []);
    }

    #[test]
    fn many_names_cost_little() {
        let names: Vec<String> = (0..100_000)
            .map(|number| format!("n{number}.dusty"))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(names_within_names(&names), []);
    }

    proptest! {
        #[test]
        fn the_same_is_found_as_by_comparing_all(names in prop::collection::hash_set("[ab.]{0,5}", 0..12)) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let found = names_within_names(&names);
            for (place, name) in names.iter().enumerate() {
                let is_part = |other: &&str| !other.is_empty() && other != name && name.contains(*other);
                let expected = names.iter().any(is_part);
                prop_assert_eq!(found.iter().any(|(_, whole)| *whole == place), expected);
            }
            for (part, whole) in found {
                prop_assert!(part != whole && names[whole].contains(names[part]));
            }
        }
    }
}
