//! When something is done, and where new ids come from.

use muster_platform::Ids;

/// When something is done, and where new ids come from.
#[derive(Clone, Copy)]
pub(crate) struct Moment<'a> {
    /// Microseconds since 1970.
    pub(crate) now: i64,
    pub(crate) ids: &'a dyn Ids,
}
