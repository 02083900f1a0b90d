//! What a beat of an agent says that is not known yet.

use muster_contract::{ResourceSlots, agent::AgentBeat};

use crate::domain::storable::storable;

/// An agent as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownAgent {
    pub(crate) name: String,
    pub(crate) scaling_group: String,
    pub(crate) alive: bool,
    /// Microseconds since 1970.
    pub(crate) seen_at: i64,
    pub(crate) instance: String,
    pub(crate) version: String,
    pub(crate) address: String,
    pub(crate) slots: ResourceSlots,
}

impl KnownAgent {
    /// As it says of itself; `None` if it runs no containers.
    pub(crate) fn of_beat(name: &str, beat: &AgentBeat, now: i64) -> Option<Self> {
        let host = beat.containers.as_ref()?;
        let text = |text: &str| storable(text).into_owned();
        let slots = host.slots.iter();
        Some(Self {
            name: name.to_owned(),
            scaling_group: text(&host.scaling_group),
            alive: true,
            seen_at: now,
            instance: text(&beat.instance),
            version: text(&beat.version),
            address: text(&host.address),
            slots: slots.map(|(slot, amount)| (text(slot), amount)).collect(),
        })
    }
}

/// What follows from a beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// Nothing that was not known a moment ago.
    None,
    /// It is to be noted.
    Noted,
    /// It is to be noted, and there may be room for those that wait.
    BringsRoom,
}

/// What is new. That an agent is still there is noted only every `refresh` microseconds.
pub(crate) fn news(before: Option<&KnownAgent>, after: &KnownAgent, refresh: i64) -> News {
    let Some(before) = before else {
        return News::BringsRoom;
    };
    if !before.alive
        || before.scaling_group != after.scaling_group
        || !after.slots.fits_in(&before.slots)
    {
        return News::BringsRoom;
    }
    let as_before = KnownAgent {
        seen_at: after.seen_at,
        ..before.clone()
    };
    let is_old = after.seen_at >= before.seen_at.saturating_add(refresh);
    if is_old || as_before != *after {
        News::Noted
    } else {
        News::None
    }
}

#[cfg(test)]
mod tests {
    use muster_contract::agent::ContainerHost;

    use super::*;

    const REFRESH: i64 = 1_000;

    fn beat(cpu: u64, instance: &str) -> AgentBeat {
        let slots = [("cpu".to_owned(), cpu.into())].into_iter().collect();
        AgentBeat {
            instance: instance.to_owned(),
            version: "1".to_owned(),
            running: 0,
            concurrency: 1,
            containers: Some(ContainerHost {
                scaling_group: "default".to_owned(),
                slots,
                address: "127.0.0.1".to_owned(),
            }),
        }
    }

    fn agent(cpu: u64, instance: &str, now: i64) -> KnownAgent {
        KnownAgent::of_beat("a1", &beat(cpu, instance), now).unwrap()
    }

    #[test]
    fn what_is_known_is_no_news_for_a_while() {
        let before = agent(4, "x", 0);
        assert_eq!(news(None, &before, REFRESH), News::BringsRoom);
        assert_eq!(
            news(Some(&before), &agent(4, "x", REFRESH - 1), REFRESH),
            News::None
        );
        assert_eq!(
            news(Some(&before), &agent(4, "x", REFRESH), REFRESH),
            News::Noted
        );
        assert_eq!(news(Some(&before), &agent(4, "y", 1), REFRESH), News::Noted);
        assert_eq!(news(Some(&before), &agent(3, "x", 1), REFRESH), News::Noted);
    }

    #[test]
    fn what_may_bring_room_is_told_apart() {
        let before = agent(4, "x", 0);
        assert_eq!(
            news(Some(&before), &agent(5, "x", 1), REFRESH),
            News::BringsRoom
        );
        let lost = KnownAgent {
            alive: false,
            ..before.clone()
        };
        assert_eq!(
            news(Some(&lost), &agent(1, "x", 1), REFRESH),
            News::BringsRoom
        );
        let moved = KnownAgent {
            scaling_group: "other".to_owned(),
            ..before
        };
        assert_eq!(
            news(Some(&moved), &agent(1, "x", 1), REFRESH),
            News::BringsRoom
        );
    }

    #[test]
    fn an_agent_without_containers_is_none() {
        let hooks_only = AgentBeat {
            containers: None,
            ..beat(1, "x")
        };
        assert_eq!(KnownAgent::of_beat("a1", &hooks_only, 0), None);
    }

    #[test]
    fn what_it_says_can_be_stored() {
        let odd = AgentBeat {
            version: "1\0\n".to_owned(),
            ..beat(1, "x\0")
        };
        let agent = KnownAgent::of_beat("a1", &odd, 0).unwrap();
        assert_eq!(
            (agent.version.as_str(), agent.instance.as_str()),
            ("1", "x")
        );
    }
}
