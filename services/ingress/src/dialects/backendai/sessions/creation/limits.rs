//! What one request for a session may ask for at most. All else is limited by the size of a body.

/// Characters of a tag.
pub(super) const TAG_LIMIT: usize = 64;

/// Bytes of a bootstrap script.
pub(super) const BOOTSTRAP_LIMIT: usize = 16 * 1024;

/// Containers of a session.
pub(super) const CLUSTER_LIMIT: u64 = 1_000;

/// Folders, ports, dependencies.
pub(super) const LIST_LIMIT: usize = 100;

/// Characters of the name of a slot.
pub(super) const SLOT_NAME_LIMIT: usize = 64;

/// Ports that can be asked for: not those of the system.
pub(super) const PORTS: std::ops::RangeInclusive<u64> = 1024..=65_535;
