//! What is refused at the door: what waiting would not help.

use muster_contract::node_allocation::SlotsRefusal;
use muster_platform::site::ScalingGroup;

use super::{
    ledger::Ledger,
    round::Group,
    wish::{CONTAINER_LIMIT, Holder, Need},
};

/// The group that a session of the project is for: the named one, or the first that it may use.
pub(crate) fn chosen<'g>(
    groups: &'g [ScalingGroup],
    named: Option<&str>,
    tenant: &str,
) -> Result<&'g ScalingGroup, SlotsRefusal> {
    let mut open = groups.iter().filter(|group| group.is_open_to(tenant));
    let found = match named {
        Some(name) => open.find(|group| group.name == name),
        None => open.next(),
    };
    found.ok_or_else(|| SlotsRefusal::UnknownScalingGroup {
        name: named.map(str::to_owned),
    })
}

/// Why the need cannot ever be met in the group. Where no agent has ever been, one may come that has what is wanted.
pub(crate) fn refusal(
    group: &Group,
    ledger: &Ledger,
    holder: &Holder,
    need: &Need,
) -> Option<SlotsRefusal> {
    let agents = &group.agents;
    if agents.is_any_known()
        && let Some(slot) = agents.unknown_slot(need)
    {
        return Some(SlotsRefusal::UnknownSlot {
            name: slot.to_owned(),
        });
    }
    if (agents.is_any_known() || need.containers > CONTAINER_LIMIT)
        && let Err(available) = agents.could_ever(need)
    {
        return Some(SlotsRefusal::TooLarge { available });
    }
    ledger.never(holder, need)
}
