//! What can happen to nodes, and to pools of which kinds: cases to be drawn.

use std::fmt::Write as _;

use muster_contract::{agent::NodeHook, node_allocation::NodeState};
use proptest::prelude::*;

/// Something that happens. Numbers choose among what there is.
#[derive(Debug, Clone)]
pub(super) enum Happening {
    Allocate {
        minimum: u32,
        more: u32,
        waits: bool,
    },
    /// A request of a session that may have nodes already.
    Grow {
        session: usize,
        nodes: u32,
    },
    Release {
        session: usize,
    },
    /// One node of a session, prepared or not.
    GiveBack {
        node: usize,
    },
    Hold {
        session: usize,
    },
    Cancel {
        request: usize,
    },
    Finish {
        order: usize,
    },
    Fail {
        order: usize,
    },
    /// An order that may have come to its end long ago.
    Late {
        order: usize,
        succeeded: bool,
    },
    /// A report of somebody else's order.
    Stranger {
        order: usize,
    },
    Pass {
        seconds: i64,
    },
    Renew,
    Put {
        node: usize,
        state: NodeState,
    },
    Drain {
        node: usize,
    },
}

pub(super) fn happening() -> impl Strategy<Value = Happening> {
    let number = || 0_usize..100;
    let states = [
        NodeState::Ready,
        NodeState::Unused,
        NodeState::Reserved,
        NodeState::Failed,
    ];
    prop_oneof![
        4 => (0_u32..3, 0_u32..3, any::<bool>())
            .prop_map(|(minimum, more, waits)| Happening::Allocate { minimum, more, waits }),
        1 => (number(), 1_u32..3).prop_map(|(session, nodes)| Happening::Grow { session, nodes }),
        2 => number().prop_map(|session| Happening::Release { session }),
        1 => number().prop_map(|node| Happening::GiveBack { node }),
        1 => number().prop_map(|session| Happening::Hold { session }),
        1 => number().prop_map(|request| Happening::Cancel { request }),
        8 => number().prop_map(|order| Happening::Finish { order }),
        4 => number().prop_map(|order| Happening::Fail { order }),
        1 => (number(), any::<bool>()).prop_map(|(order, succeeded)| Happening::Late { order, succeeded }),
        1 => number().prop_map(|order| Happening::Stranger { order }),
        5 => prop::sample::select(vec![0_i64, 1, 60, 130, 700, 3_600, 100_000])
            .prop_map(|seconds| Happening::Pass { seconds }),
        1 => Just(Happening::Renew),
        1 => (number(), prop::sample::select(states.to_vec()))
            .prop_map(|(node, state)| Happening::Put { node, state }),
        1 => number().prop_map(|node| Happening::Drain { node }),
    ]
}

/// Which hooks the pool has, and how often they are tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    hooks: [bool; 3],
    attempts: u32,
    pub(super) fill_level: Option<u32>,
}

pub(super) fn setting() -> impl Strategy<Value = Setting> {
    (any::<[bool; 3]>(), 1_u32..4, prop::option::of(0_u32..5)).prop_map(
        |(hooks, attempts, fill_level)| Setting {
            hooks,
            attempts,
            fill_level,
        },
    )
}

impl Setting {
    pub(super) fn has(self, hook: NodeHook) -> bool {
        NodeHook::ALL
            .into_iter()
            .zip(self.hooks)
            .any(|(of_it, has)| of_it == hook && has)
    }

    pub(super) fn text(self) -> String {
        let mut text = String::new();
        if self.hooks.contains(&true) {
            let limits = [
                ("30m", NodeHook::Provision),
                ("2m", NodeHook::Contextualize),
                ("10m", NodeHook::Deprovision),
            ];
            let attempts = self.attempts;
            write!(
                text,
                "hooks = {{ agent = \"provisioner\", attempts = {attempts}"
            )
            .unwrap();
            for (limit, hook) in limits.iter().filter(|(_, hook)| self.has(*hook)) {
                write!(text, ", {} = \"{limit}\"", hook.name()).unwrap();
            }
            text.push_str(" }\nquarantine = \"1h\"\n");
        }
        if self.has(NodeHook::Provision) {
            text.push_str("maximum_ready_age = \"24h\"\n");
        }
        if let Some(level) = self.fill_level {
            writeln!(text, "fill_level = {level}").unwrap();
        }
        text
    }
}
