//! From the arguments of a list to the question that the session service answers.

use async_graphql::{Error, Result};
use muster_contract::session::{ComputeSessionStatus, ListComputeSessions};

/// Most items of one page. Clients ask for no more.
pub(super) const PAGE_LIMIT: u32 = ListComputeSessions::PAGE_LIMIT;

/// The page that is asked for: how many to leave out, and how many at most.
pub(super) fn page(limit: i32, offset: i32) -> Result<(u32, u32)> {
    let limit = u32::try_from(limit).map_err(|_| Error::new("LIMIT must not be negative"))?;
    let offset = u32::try_from(offset).map_err(|_| Error::new("OFFSET must not be negative"))?;
    if limit > PAGE_LIMIT {
        // Fewer than were asked for would be taken for all there are.
        return Err(Error::new(format!(
            "LIMIT must not be more than {PAGE_LIMIT}"
        )));
    }
    Ok((offset, limit))
}

/// The statuses of a list with commas. What nobody knows is left out: clients of other releases know others, and nothing of ours is
/// in one of them.
pub(super) fn statuses(status: Option<&str>) -> Option<Vec<ComputeSessionStatus>> {
    let names = status?.split(',').map(str::trim);
    Some(names.filter_map(ComputeSessionStatus::from_name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_its_limits() {
        assert_eq!(page(0, 0).unwrap(), (0, 0));
        assert_eq!(page(100, i32::MAX).unwrap(), (i32::MAX.unsigned_abs(), 100));
        for (limit, offset) in [(-1, 0), (101, 0), (1, -1), (i32::MIN, i32::MIN)] {
            assert!(page(limit, offset).is_err(), "{limit} {offset}");
        }
    }

    #[test]
    fn statuses_that_nobody_knows_are_left_out() {
        use ComputeSessionStatus::{Pending, Running};
        assert_eq!(statuses(None), None);
        let given = statuses(Some("PENDING,SCHEDULED, RUNNING,RUNNING_DEGRADED,ERROR"));
        assert_eq!(given, Some(vec![Pending, Running]));
        assert_eq!(statuses(Some("SCHEDULED")), Some(vec![]));
        assert_eq!(statuses(Some("")), Some(vec![]));
    }
}
