//! What the tests of node sessions share.

mod examples;
mod world;

pub(crate) use examples::{
    AGENT, HOOK_LIMIT, HOUR, LIFETIME, NOON, SECOND, asked, by_name, carol, closing, endless,
    everything, failure, grant, growing, holding, lease, named, opening, opening_with_node,
    ordered, release, settled, shrinking, success,
};
pub(crate) use world::{World, in_world, on_both_engines};

pub(crate) use crate::testing::{admin, alice, bob, principal};
