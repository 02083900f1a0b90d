//! Lists of host names as cluster descriptions and site files write them: `f[0101-0188,0201],w12[01-08]`.

/// Nodes that one list may stand for. The largest machines have under 200,000; without a limit, one wrong digit
/// (`n[0-99999999999]`) would fill the memory.
pub const MAX_NODES: u64 = 1_000_000;

/// Why a node list cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostListError {
    /// It stands for more nodes than a list may.
    #[error("the node list stands for more than {limit} nodes")]
    TooMany {
        /// Nodes that a list may stand for.
        limit: u64,
    },
    /// It is not a node list.
    #[error("the node list cannot be read: {0}")]
    Malformed(String),
}

/// The names of all nodes of a list, each once, in the list's order. An empty list has none.
///
/// # Errors
/// It is no such list, or stands for more than [`MAX_NODES`].
pub fn expand(list: &str) -> Result<Vec<String>, HostListError> {
    if list.is_empty() {
        return Ok(Vec::new());
    }
    // ClusterCockpit takes none either; the parser would make one name of the two in "a1 a2".
    if list.contains(char::is_whitespace) {
        return Err(HostListError::Malformed("it has blanks in it".to_owned()));
    }
    // The parser writes out what it reads, whatever the size: so count first.
    if size_at_most(list) > MAX_NODES {
        return Err(HostListError::TooMany { limit: MAX_NODES });
    }
    hostlist_parser::parse(list).map_err(|error| {
        let lines = error.to_string();
        let reasons: Vec<&str> = lines.lines().map(str::trim).collect();
        HostListError::Malformed(reasons.join(", "))
    })
}

/// No less than the number of names a well-formed list has (more where names repeat); any number for other texts.
fn size_at_most(list: &str) -> u64 {
    terms(list)
        .map(|term| {
            groups(term)
                .map(group_size)
                .fold(1, |product, size| size.saturating_mul(product))
        })
        .fold(0, u64::saturating_add)
}

/// The parts between the commas that are not in brackets.
fn terms(list: &str) -> impl Iterator<Item = &str> {
    let mut in_brackets = false;
    list.split(move |letter| {
        match letter {
            '[' => in_brackets = true,
            ']' => in_brackets = false,
            _ => {}
        }
        letter == ',' && !in_brackets
    })
}

/// What stands in each pair of brackets.
fn groups(term: &str) -> impl Iterator<Item = &str> {
    term.split('[')
        .skip(1)
        .map(|rest| rest.split_once(']').map_or(rest, |(group, _)| group))
}

fn group_size(group: &str) -> u64 {
    group
        .split(',')
        .map(|item| match item.split_once('-') {
            None => 1,
            Some((first, last)) => match (number(first), number(last)) {
                (Some(first), Some(last)) => first.abs_diff(last).saturating_add(1),
                // Not numbers, or greater than any that counts.
                _ => u64::MAX,
            },
        })
        .fold(0, u64::saturating_add)
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(list: &str) -> Vec<String> {
        expand(list).unwrap()
    }

    #[test]
    fn real_lists_are_read() {
        let fritz = names("f[0101-0188,0201-0288,1001-1088]");
        assert_eq!(fritz.len(), 3 * 88);
        assert_eq!((fritz[0].as_str(), fritz[263].as_str()), ("f0101", "f1088"));
        let emmy = names("w12[01-08],w13[01-31,33-56]");
        assert_eq!(emmy.len(), 8 + 31 + 24);
        assert!(emmy.contains(&"w1208".to_owned()) && !emmy.contains(&"w1332".to_owned()));
        let alex = names("a[0121-0129],a0831,a[0931-0934]");
        assert_eq!(alex.len(), 14);
        assert!(alex.contains(&"a0831".to_owned()));
    }

    #[test]
    fn padding_is_each_ranges_own() {
        assert_eq!(names("n[8-11]"), ["n8", "n9", "n10", "n11"]);
        assert_eq!(names("n[08-11]"), ["n08", "n09", "n10", "n11"]);
        assert_eq!(names("r[1-2]n[01,3]"), ["r1n01", "r1n3", "r2n01", "r2n3"]);
    }

    #[test]
    fn no_list_is_no_nodes_and_a_repeated_name_is_one_node() {
        assert_eq!(names(""), Vec::<String>::new());
        assert_eq!(names("a1,a[1-2]"), ["a1", "a2"]);
    }

    #[test]
    fn what_is_no_node_list_is_refused() {
        for text in [
            "f[0101-0188",
            "f]",
            "f[a-b]",
            "f[1--2]",
            "f[1-]",
            "f[]",
            ",",
            "f 1",
            " ",
            "f[1, 2]",
        ] {
            assert!(
                expand(text).is_err(),
                "{text:?} was read as {:?}",
                expand(text)
            );
        }
    }

    #[test]
    fn a_list_that_would_fill_the_memory_is_refused_at_once() {
        let too_many = HostListError::TooMany { limit: MAX_NODES };
        for text in [
            "n[0-99999999999]",
            "n[0-18446744073709551615]",
            "n[0-99999999999999999999999]",
            "n[1-1000][1-1001]",
            "a[1-500000],b[1-500001]",
            "n[1000000-0]",
        ] {
            assert_eq!(expand(text), Err(too_many.clone()), "{text}");
        }
        assert_eq!(names("n[1-1000]").len(), 1000);
    }

    proptest! {
        #[test]
        fn the_count_is_never_below_the_number_of_names(
            text in r"([a-c]{1,2}(\[[01]?[0-9](-[01]?[0-9])?(,[0-9](-[0-9])?){0,2}\]){0,2},?){1,3}"
        ) {
            // Six brackets in a row would be more names than there is memory.
            prop_assume!(size_at_most(&text) <= 10_000);
            if let Ok(names) = hostlist_parser::parse(&text) {
                prop_assert!(size_at_most(&text) >= names.len() as u64, "{}", text);
            }
        }

        #[test]
        fn no_text_panics(text in r"[a-z0-9\[\],\- ]{0,24}") {
            let _ = expand(&text);
        }
    }
}
