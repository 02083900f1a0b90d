//! How often a project may open sessions (`api/duffy.md` §1): those still live count, and one more than allowed is let
//! through, as Duffy 2 did ("more than 5").

use muster_contract::session::{OpenNodeSessionRefusal, OpeningRate};

use super::expiry::later;

/// Sessions opened before that do not count, in microseconds since 1970.
pub(crate) fn counted_since(rate: OpeningRate, now: i64) -> i64 {
    later(now, -i64::from(rate.seconds))
}

/// Whether there are too many already.
pub(crate) fn check(rate: OpeningRate, live: i64) -> Result<(), OpenNodeSessionRefusal> {
    if live <= i64::from(rate.sessions) {
        return Ok(());
    }
    Err(OpenNodeSessionRefusal::TooManySessions {
        sessions: u32::try_from(live).unwrap_or(u32::MAX),
        seconds: rate.seconds,
    })
}
