//! Order: do something to a node.

use muster_contract::agent::{HookResult, NodeHookFinished, RunNodeHook};
use muster_platform::Timestamp;

use super::HookOrder;
use crate::hooks::HookRun;

impl HookOrder for RunNodeHook {
    fn run(&self, input: Vec<u8>) -> HookRun {
        let node = &self.node;
        let mut environment = vec![
            ("MUSTER_HOOK", self.hook.name().to_owned()),
            ("MUSTER_ATTEMPT", self.attempt.to_string()),
            ("MUSTER_NODE", node.hostname.clone()),
            ("MUSTER_NODE_ADDRESS", node.ip_address.clone()),
            ("MUSTER_NODE_VERSION", node.version.clone()),
            ("MUSTER_NODE_ARCHITECTURE", node.architecture.clone()),
            ("MUSTER_NODE_GENERATION", node.generation.to_string()),
            ("MUSTER_POOL", node.pool.clone()),
        ];
        let optional = [
            ("MUSTER_NODE_FLAVOR", &node.flavor),
            ("MUSTER_SESSION", &self.session),
            ("MUSTER_TENANT", &self.tenant),
        ];
        environment.extend(
            optional
                .into_iter()
                .filter_map(|(name, value)| Some((name, value.clone()?))),
        );
        HookRun {
            program: self.hook.name(),
            order: self.order,
            about: format!("node {}", node.hostname),
            deadline: Timestamp::from_micros(self.deadline),
            environment,
            input,
        }
    }

    fn finished(&self, result: HookResult) -> NodeHookFinished {
        NodeHookFinished {
            order: self.order,
            result,
        }
    }
}
