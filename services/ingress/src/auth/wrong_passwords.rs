//! How often a wrong password was given. Counted for each address and each principal, so that nobody can shut a principal
//! out from elsewhere.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use muster_platform::Timestamp;

/// Wrong passwords from one address for one principal in [`WINDOW`]; then not even the right one is looked at.
pub(crate) const LIMIT: u32 = 10;

/// How long a wrong password counts.
pub(crate) const WINDOW: Duration = Duration::from_mins(1);

/// Addresses and principals remembered. With more at a time all are forgotten: memory is bounded, and who has so many
/// addresses is not held up by this.
const REMEMBERED: usize = 16 * 1024;

/// Bits of an IPv6 address that one customer commonly has to choose from.
const CUSTOMER_BITS: u32 = 64;

/// Those of the last minute.
#[derive(Debug, Default)]
pub(super) struct WrongPasswords(Mutex<HashMap<Key, Counted>>);

/// From where, for whom; `None` = for a name that nobody has.
type Key = (IpAddr, Option<String>);

#[derive(Debug, Clone, Copy)]
struct Counted {
    since: Timestamp,
    times: u32,
}

impl Counted {
    fn counts(self, now: Timestamp) -> bool {
        now < self.since.plus(WINDOW)
    }
}

impl WrongPasswords {
    /// Whether there were too many.
    pub(super) fn too_many(&self, from: IpAddr, principal: Option<&str>, now: Timestamp) -> bool {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted
            .get(&key(from, principal))
            .is_some_and(|counted| counted.counts(now) && counted.times >= LIMIT)
    }

    /// There was one more.
    pub(super) fn add(&self, from: IpAddr, principal: Option<&str>, now: Timestamp) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(from, principal);
        if counted.len() >= REMEMBERED && !counted.contains_key(&key) {
            counted.retain(|_, counted| counted.counts(now));
            if counted.len() >= REMEMBERED {
                counted.clear();
            }
        }
        let fresh = Counted {
            since: now,
            times: 0,
        };
        let entry = counted.entry(key).or_insert(fresh);
        if !entry.counts(now) {
            *entry = fresh;
        }
        entry.times = entry.times.saturating_add(1);
    }
}

fn key(from: IpAddr, principal: Option<&str>) -> Key {
    let from = match from.to_canonical() {
        IpAddr::V6(address) => {
            let customer = address.to_bits() >> CUSTOMER_BITS << CUSTOMER_BITS;
            IpAddr::V6(Ipv6Addr::from_bits(customer))
        }
        address @ IpAddr::V4(_) => address,
    };
    (from, principal.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn the_limit_is_of_an_address_and_a_principal_and_ends() {
        let wrong = WrongPasswords::default();
        let now = Timestamp::from_seconds(1_000);
        for _ in 1..LIMIT {
            wrong.add(HOME, Some("alice"), now);
        }
        assert!(!wrong.too_many(HOME, Some("alice"), now));
        wrong.add(HOME, Some("alice"), now);
        assert!(wrong.too_many(HOME, Some("alice"), now));
        assert!(!wrong.too_many(HOME, Some("bob"), now));
        assert!(!wrong.too_many(HOME, None, now));
        let elsewhere = "192.0.2.2".parse().unwrap();
        assert!(!wrong.too_many(elsewhere, Some("alice"), now));
        let later = now.plus(WINDOW);
        assert!(!wrong.too_many(HOME, Some("alice"), later));
        wrong.add(HOME, Some("alice"), later);
        assert!(!wrong.too_many(HOME, Some("alice"), later));
    }

    #[test]
    fn addresses_of_one_customer_are_one() {
        let wrong = WrongPasswords::default();
        let now = Timestamp::from_seconds(1_000);
        for last in 0..LIMIT {
            let address = format!("2001:db8::{last:x}").parse().unwrap();
            wrong.add(address, None, now);
        }
        let other = "2001:db8::ffff".parse().unwrap();
        assert!(wrong.too_many(other, None, now));
        assert!(!wrong.too_many("2001:db9::1".parse().unwrap(), None, now));
    }

    #[test]
    fn memory_is_bounded() {
        let wrong = WrongPasswords::default();
        let now = Timestamp::from_seconds(1_000);
        for number in 0..u32::try_from(REMEMBERED).unwrap() + 10 {
            let address = std::net::Ipv4Addr::from_bits(number);
            wrong.add(address.into(), None, now);
            assert!(wrong.0.lock().unwrap().len() <= REMEMBERED);
        }
    }
}
