//! What one call may ask for.

use std::time::Duration;

/// Bytes of a word such as a release, an architecture or a flavor.
pub(super) const WORD_LIMIT: usize = 64;

/// Bytes of anything that names one thing: an ssid, an alias, a host, a pool, a cluster.
pub(super) const NAME_LIMIT: usize = 255;

/// Bytes of what is said of a node.
pub(super) const COMMENT_LIMIT: usize = 1_000;

/// Nodes of one request.
pub(super) const NODES_LIMIT: u32 = 10_000;

/// Kinds of nodes of one request.
pub(super) const SPECS_LIMIT: usize = 64;

/// Patterns of host names to avoid.
pub(super) const EXCLUSION_LIMIT: usize = 64;

/// How long a request may wait for nodes. Past that, clients and what stands between them and us give up.
pub(super) const WAIT_LIMIT: Duration = Duration::from_mins(5);

/// By how much a session's life is prolonged when its nodes are kept for a look, in seconds: twelve hours in all for the
/// six of bare metal (`docs/arch.md` of Duffy 2).
pub(super) const HOLD_SECONDS: i64 = 6 * 3_600;

/// Whether a text can name something: not empty, not too long, nothing in it that a database or a log line cannot take.
pub(super) fn is_name(text: &str, limit: usize) -> bool {
    (1..=limit).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// Whether a text that may be empty can be kept and shown.
pub(super) fn is_text(text: &str, limit: usize) -> bool {
    text.is_empty() || is_name(text, limit)
}
