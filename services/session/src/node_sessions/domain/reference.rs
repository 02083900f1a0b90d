//! Which session is meant.

use muster_contract::session::SessionReference;
use uuid::Uuid;

/// What to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sought<'a> {
    /// The session with this id, as the table has it.
    Id(String),
    /// The session with this number.
    Number(i64),
    /// The live session of the caller's project with this alias. No alias reads as an id, so that what reads as one is no
    /// alias.
    Alias(&'a str),
}

impl<'a> Sought<'a> {
    /// What the reference says.
    pub(crate) fn new(reference: &'a SessionReference) -> Self {
        match reference {
            SessionReference::Number(number) => Self::Number(*number),
            SessionReference::Name(name) => match Uuid::try_parse(name) {
                Ok(id) => Self::Id(id.to_string()),
                Err(_) => Self::Alias(name),
            },
        }
    }
}
