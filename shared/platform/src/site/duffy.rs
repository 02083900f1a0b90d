//! What the site says of Duffy's clients.

use std::time::Duration;

use super::check::Checked;
use super::document::DuffySection;

/// Sessions that a project may open in [`RATE_WINDOW`], as in Duffy 2: with more that are still live there is no other.
const RATE_LIMIT: u32 = 5;

/// See [`RATE_LIMIT`].
const RATE_WINDOW: Duration = Duration::from_mins(5);

/// Nodes that a project may keep for a look, as in Duffy 2.
const FAILED_NODE_LIMIT: u32 = 5;

/// The longest name of a host (RFC 1035).
const HOST_NAME_LIMIT: usize = 253;

/// How Duffy's clients are treated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuffyRules {
    /// What follows a node's short name in the answers that clients reach it by; not in inventories.
    pub host_suffix: String,
    /// With more live sessions than these, opened in [`rate_window`](Self::rate_window), a project gets no other; `None` =
    /// without limit.
    pub rate_limit: Option<u32>,
    /// See [`rate_limit`](Self::rate_limit).
    pub rate_window: Duration,
    /// With that many nodes kept for a look a project may keep no others; `None` = without limit.
    pub failed_node_limit: Option<u32>,
}

impl Default for DuffyRules {
    fn default() -> Self {
        Self {
            host_suffix: String::new(),
            rate_limit: Some(RATE_LIMIT),
            rate_window: RATE_WINDOW,
            failed_node_limit: Some(FAILED_NODE_LIMIT),
        }
    }
}

/// Whether clients can put it into an address as it is (RFC 3986, the unreserved characters).
pub(super) fn is_key(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

impl Checked<'_> {
    pub(super) fn duffy(&mut self, section: DuffySection) -> DuffyRules {
        let default = DuffyRules::default();
        if let Some(suffix) = &section.host_suffix {
            let text = suffix.get_ref();
            let in_host_names = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
            if text.len() > HOST_NAME_LIMIT || !text.bytes().all(in_host_names) {
                self.problem(
                    suffix,
                    "host_suffix has the characters of host names: letters, digits, - and .",
                );
            }
        }
        if let Some(window) = &section.rate_window
            && (window.get_ref().0.as_secs() == 0
                || u32::try_from(window.get_ref().0.as_secs()).is_err())
        {
            self.problem(window, "rate_window has to be at least 1s");
        }
        // Nobody would want a limit that lets nothing through.
        let limit = |given: Option<u32>, default| match given {
            Some(0) => None,
            Some(limit) => Some(limit),
            None => default,
        };
        DuffyRules {
            rate_limit: limit(section.rate_limit, default.rate_limit),
            failed_node_limit: limit(section.failed_node_limit, default.failed_node_limit),
            rate_window: section
                .rate_window
                .map_or(default.rate_window, |window| window.into_inner().0),
            host_suffix: section
                .host_suffix
                .map_or(default.host_suffix, toml::Spanned::into_inner),
        }
    }
}
