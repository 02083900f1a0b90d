//! From the arguments of a list to the question that the session service answers.

use async_graphql::{Error, Result};
use muster_contract::session::{
    ComputeSessionFilter, ComputeSessionOrder, ComputeSessionOrderKey, ComputeSessionStatus,
    ListComputeSessions,
};

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

/// The order: `order` (`-created_at`; clients from 21.03 on) or `order_key` and `order_asc`.
pub(super) fn order(
    order: Option<&str>,
    key: Option<&str>,
    ascending: Option<bool>,
) -> Result<Option<ComputeSessionOrder>> {
    let (key, ascending) = match (order.filter(|order| !order.is_empty()), key) {
        (Some(order), _) => match order.strip_prefix('-') {
            Some(key) => (key, false),
            None => (order.strip_prefix('+').unwrap_or(order), true),
        },
        (None, Some(key)) => (key, ascending.unwrap_or(true)),
        (None, None) => return Ok(None),
    };
    let key = match key {
        "created_at" => ComputeSessionOrderKey::CreatedAt,
        "status_changed" | "status_updated" | "last_updated" => {
            ComputeSessionOrderKey::StatusChangedAt
        }
        "name" | "sess_id" => ComputeSessionOrderKey::Name,
        // Word for word as Backend.AI's manager.
        unknown => return Err(Error::new(unknown)),
    };
    Ok(Some(ComputeSessionOrder { key, ascending }))
}

/// The statuses of a list with commas. What nobody knows is left out: clients of other releases know others, and nothing of ours is
/// in one of them.
pub(super) fn statuses(status: Option<&str>) -> Option<Vec<ComputeSessionStatus>> {
    let names = status?.split(',').map(str::trim);
    Some(names.filter_map(ComputeSessionStatus::from_name).collect())
}

/// Which sessions, by the arguments of a list.
pub(super) fn filter(
    domain: Option<String>,
    group: Option<String>,
    owner: Option<String>,
    status: Option<&str>,
) -> ComputeSessionFilter {
    ComputeSessionFilter {
        id: None,
        owner,
        tenant: group,
        domain,
        statuses: statuses(status),
    }
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
    fn an_order_in_both_forms() {
        use ComputeSessionOrderKey::{CreatedAt, Name, StatusChangedAt};
        let of = |given, key, ascending| {
            let order = order(given, key, ascending).unwrap();
            order.map(|order| (order.key, order.ascending))
        };
        assert_eq!(of(None, None, Some(true)), None);
        assert_eq!(of(Some(""), None, None), None);
        assert_eq!(
            of(Some("-created_at"), None, None),
            Some((CreatedAt, false))
        );
        assert_eq!(of(Some("+name"), None, None), Some((Name, true)));
        assert_eq!(
            of(Some("name"), Some("created_at"), None),
            Some((Name, true))
        );
        assert_eq!(
            of(None, Some("status_changed"), None),
            Some((StatusChangedAt, true))
        );
        assert_eq!(
            of(None, Some("created_at"), Some(false)),
            Some((CreatedAt, false))
        );
        assert_eq!(
            order(None, Some("secret_key"), None).unwrap_err().message,
            "secret_key"
        );
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
