//! When a session closes by itself. Times are microseconds since 1970 UTC, lives are seconds.

use muster_contract::session::NewExpiry;

use super::session::HeldNode;

/// The last time that dialects can write: the end of the year 9999.
const LATEST: i64 = 253_402_300_799_999_999;

const MICROSECONDS: i64 = 1_000_000;

/// So many seconds after a time; at the end of the range it stays there.
pub(crate) fn later(time: i64, seconds: i64) -> i64 {
    time.saturating_add(seconds.saturating_mul(MICROSECONDS))
}

/// When a session with `held` expires once it has got `new` nodes: by the pool with the shortest life. Only a node of a
/// pool with a shorter life than all that are there moves it, and only to an earlier time.
pub(crate) fn with_new_nodes(
    current: Option<i64>,
    held: &[HeldNode],
    new: &[HeldNode],
) -> Option<i64> {
    let shortest = |nodes: &[HeldNode]| {
        nodes
            .iter()
            .filter_map(|node| node.lease.lifetime)
            .min()
            .unwrap_or(i64::MAX)
    };
    if shortest(new) >= shortest(held) {
        return current;
    }
    let ends = new.iter().filter_map(|node| {
        let lifetime = node.lease.lifetime?;
        Some(later(node.counted_from, lifetime))
    });
    ends.chain(current).min()
}

/// When a session that is kept for a look expires: as much later as was asked for.
pub(crate) fn prolonged(current: Option<i64>, seconds: i64) -> Option<i64> {
    current.map(|time| later(time, seconds.max(0)).min(LATEST))
}

/// The latest end that the pools of the nodes allow; `None` = any.
fn latest_end(nodes: &[HeldNode]) -> Option<i64> {
    let ends = nodes.iter().filter_map(|node| {
        let lifetime = node.lease.maximum_lifetime?;
        Some(later(node.counted_from, lifetime))
    });
    ends.min()
}

/// When the session expires if its owner asks for another time: not later than its pools allow, unless it lives that long
/// already. `None`: the time is past or out of range.
pub(crate) fn moved(
    current: Option<i64>,
    nodes: &[HeldNode],
    wanted: NewExpiry,
    now: i64,
    limited: bool,
) -> Option<i64> {
    let wanted = match wanted {
        NewExpiry::At(time) => time,
        NewExpiry::Later(seconds) => current
            .unwrap_or(now)
            .checked_add(seconds.checked_mul(MICROSECONDS)?)?,
    };
    if wanted <= now || wanted > LATEST {
        return None;
    }
    match latest_end(nodes) {
        Some(latest) if limited => {
            // One that never expires lives as long as it likes already.
            let allowed = latest.max(current.unwrap_or(i64::MAX));
            Some(wanted.min(allowed))
        }
        _ => Some(wanted),
    }
}
