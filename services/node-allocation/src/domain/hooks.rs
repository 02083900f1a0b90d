//! What has to be done to the nodes of a pool, and by whom.

use muster_contract::agent::NodeHook;

/// Stands for the name of the node in the name of an agent: each node has an agent of its own.
pub(crate) const HOSTNAME: &str = "{hostname}";

const MICROSECONDS: i64 = 1_000_000;

/// The hooks of a pool. Without any, its nodes are free again as soon as they are given back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hooks {
    /// Who runs them; `None` = the pool has no hooks.
    pub(crate) agent: Option<String>,
    /// Seconds that one attempt may take; `None` = that hook is not needed.
    pub(crate) provision: Option<i64>,
    pub(crate) contextualize: Option<i64>,
    pub(crate) deprovision: Option<i64>,
    /// Attempts before a node is set aside; also other nodes that are tried in the place of one that could not be prepared.
    pub(crate) attempts: u32,
}

impl Hooks {
    /// Whether the pool has this hook.
    pub(crate) fn has(&self, hook: NodeHook) -> bool {
        self.agent.is_some() && self.seconds(hook).is_some()
    }

    /// Whether the pool has any hook.
    pub(crate) fn any(&self) -> bool {
        NodeHook::ALL.into_iter().any(|hook| self.has(hook))
    }

    /// Microseconds that one attempt may take; `None`: there is no such hook.
    pub(crate) fn limit(&self, hook: NodeHook) -> Option<i64> {
        let seconds = self.seconds(hook).filter(|_| self.agent.is_some())?;
        Some(seconds.saturating_mul(MICROSECONDS))
    }

    /// Who runs the hooks of this node.
    pub(crate) fn agent_of(&self, hostname: &str) -> Option<String> {
        let agent = self.agent.as_deref()?;
        Some(agent.replace(HOSTNAME, hostname))
    }

    /// Whether a node that has come through this one has come through all that its pool does to it before a session works
    /// with it: then what went wrong before is forgotten.
    pub(crate) fn is_last(&self, hook: NodeHook) -> bool {
        let last = [
            NodeHook::Contextualize,
            NodeHook::Provision,
            NodeHook::Deprovision,
        ]
        .into_iter()
        .find(|hook| self.has(*hook));
        last.is_none_or(|last| last == hook)
    }

    fn seconds(&self, hook: NodeHook) -> Option<i64> {
        match hook {
            NodeHook::Provision => self.provision,
            NodeHook::Contextualize => self.contextualize,
            NodeHook::Deprovision => self.deprovision,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_may_have_an_agent_of_its_own() {
        let hooks = |agent: &str| Hooks {
            agent: Some(agent.to_owned()),
            ..Hooks::default()
        };
        let agent = |agent: &str| hooks(agent).agent_of("n1.dusty").unwrap();
        assert_eq!(agent("provisioner"), "provisioner");
        assert_eq!(agent("{hostname}"), "n1.dusty");
    }

    #[test]
    fn hooks_without_an_agent_are_none() {
        let hooks = Hooks {
            provision: Some(60),
            ..Hooks::default()
        };
        assert!(!hooks.any());
        assert_eq!(hooks.limit(NodeHook::Provision), None);
    }
}
