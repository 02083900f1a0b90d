//! Where pages end, so that the next one need not be counted off from the beginning.
//!
//! Clients know only how many sessions to leave out. Who reads page after page asks for what comes after a page that was read a
//! moment ago; as long as no session of these has come, gone or moved, that is the place where that page ended.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
};

use lru::LruCache;
use muster_contract::session::{ComputeSessionFilter, ComputeSessionStatus};

use super::{
    plain::{Place, PlainOrder},
    scope::Scope,
};
use crate::compute_sessions::domain::session::Session;

/// Pages whose ends are remembered.
const LIMIT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);

/// A list, and how many of it come before a place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Offset {
    owner: Option<String>,
    tenant: Option<String>,
    domain: Option<String>,
    statuses: Vec<ComputeSessionStatus>,
    order: PlainOrder,
    number: u32,
}

/// The ends of pages.
#[derive(Debug)]
pub(crate) struct Bookmarks {
    places: Mutex<LruCache<Offset, (i64, Place)>>,
}

impl Default for Bookmarks {
    fn default() -> Self {
        Self {
            places: Mutex::new(LruCache::new(LIMIT)),
        }
    }
}

impl Bookmarks {
    /// The place that so many come before, if it is known.
    pub(super) fn find(
        &self,
        filter: &ComputeSessionFilter,
        order: PlainOrder,
        offset: u32,
        scope: &Scope,
    ) -> Option<Place> {
        if offset == 0 {
            return None;
        }
        let wanted = key(filter, order, offset, scope);
        // Nothing panics while holding the lock.
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let (changes, place) = places.get(&wanted)?;
        (*changes == scope.changes()).then(|| place.clone())
    }

    /// So many come before what comes after this session.
    pub(super) fn remember(
        &self,
        filter: &ComputeSessionFilter,
        order: PlainOrder,
        offset: u32,
        scope: &Scope,
        last: &Session,
    ) {
        if u64::from(offset) >= scope.total() {
            return;
        }
        let known = (scope.changes(), order.place(last));
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.put(key(filter, order, offset, scope), known);
    }
}

fn key(filter: &ComputeSessionFilter, order: PlainOrder, offset: u32, scope: &Scope) -> Offset {
    Offset {
        owner: filter.owner.clone(),
        tenant: filter.tenant.clone(),
        domain: filter.domain.clone(),
        statuses: scope.statuses().collect(),
        order,
        number: offset,
    }
}
