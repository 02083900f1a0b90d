//! What each order asks for: which program is run, with which words.

mod run_node_hook;
mod run_session_hook;

use muster_contract::{Order, agent::HookResult};

use crate::hooks::HookRun;

/// An order that is carried out by running a program of the site.
pub(crate) trait HookOrder: Order {
    /// What is run; `input` is the order as it came.
    fn run(&self, input: Vec<u8>) -> HookRun;

    /// What is reported of it.
    fn finished(&self, result: HookResult) -> Self::Report;
}

#[cfg(test)]
mod tests {
    use muster_contract::agent::{NodeHook, RunNodeHook, RunSessionHook};
    use serde_json::json;

    use super::*;

    fn words(run: &HookRun) -> Vec<String> {
        run.environment
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect()
    }

    #[test]
    fn a_hook_of_a_node_gets_the_words_of_its_order() {
        let order = json!({
            "order": "0198c0de-0000-7000-8000-000000000001",
            "hook": "contextualize",
            "attempt": 2,
            "deadline": 1_000_000,
            "node": {
                "hostname": "n1.dusty", "ip_address": "172.19.2.1", "pool": "metal-7-x86_64", "version": "7",
                "architecture": "x86_64", "flavor": null, "generation": 5,
            },
            "session": "3b413756-8967-11e5-0000-000000000000",
            "tenant": "ci",
        });
        let order: RunNodeHook = serde_json::from_value(order).unwrap();
        let run = order.run(b"{}".to_vec());
        assert_eq!(run.program, NodeHook::Contextualize.name());
        assert_eq!(
            words(&run),
            [
                "MUSTER_HOOK=contextualize",
                "MUSTER_ATTEMPT=2",
                "MUSTER_NODE=n1.dusty",
                "MUSTER_NODE_ADDRESS=172.19.2.1",
                "MUSTER_NODE_VERSION=7",
                "MUSTER_NODE_ARCHITECTURE=x86_64",
                "MUSTER_NODE_GENERATION=5",
                "MUSTER_POOL=metal-7-x86_64",
                "MUSTER_SESSION=3b413756-8967-11e5-0000-000000000000",
                "MUSTER_TENANT=ci",
            ]
        );
    }

    #[test]
    fn a_hook_of_a_session_gets_the_words_of_its_order() {
        let order = json!({
            "order": "0198c0de-0000-7000-8000-000000000001",
            "hook": "tear-down",
            "attempt": 1,
            "deadline": 1_000_000,
            "session": { "id": "3b413756", "number": 7, "tenant": "ci", "alias": "nightly" },
        });
        let order: RunSessionHook = serde_json::from_value(order).unwrap();
        let run = order.run(Vec::new());
        assert_eq!(run.program, "session-tear-down");
        assert_eq!(
            words(&run),
            [
                "MUSTER_HOOK=session-tear-down",
                "MUSTER_ATTEMPT=1",
                "MUSTER_SESSION=3b413756",
                "MUSTER_SESSION_NUMBER=7",
                "MUSTER_TENANT=ci",
                "MUSTER_SESSION_ALIAS=nightly",
            ]
        );
    }
}
