//! What node allocation is told to do about slots.

pub(crate) mod allocate_slots;
pub(crate) mod release_slots;
