//! The checks of agents and hooks.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use muster_contract::topology::HOOK_LIMIT;
use nkeys::{KeyPair, KeyPairType};
use toml::Spanned;

use super::check::{Checked, Names};
use super::check_nodes::NEVER;
use super::document::{AgentEntry, NodeHooksEntry, PoolEntry, SessionHooksEntry};
use super::hooks::{
    DEFAULT_HOOK_ATTEMPTS, DEFAULT_QUARANTINE, HookAgent, NodeHooks, SessionHooks, SiteAgent,
};
use super::keys::proposal;
use super::nodes::{SiteNode, SitePool};

/// How the agent is written that has the node's name.
const OF_EACH_NODE: &str = "{hostname}";

/// Most attempts at one hook: enough for anything that may still come right.
const MOST_ATTEMPTS: u32 = 100;

/// The names of the agents, to look them up.
pub(super) struct Agents(HashSet<String>);

impl Agents {
    pub(super) fn of(agents: &[SiteAgent]) -> Self {
        Self(agents.iter().map(|agent| agent.name.clone()).collect())
    }
}

impl Checked<'_> {
    pub(super) fn agents(&mut self, entries: &[AgentEntry]) -> Vec<SiteAgent> {
        let mut names = Names::new("agent");
        let mut keys: HashMap<&str, String> = HashMap::new();
        let mut agents = Vec::new();
        for entry in entries {
            let of_entry = self.host_names(&entry.name);
            if let Some(key) = &entry.nkey {
                self.nkey(key, of_entry.len());
            }
            for name in of_entry {
                if !names.add_text(self, &entry.name, &name) {
                    continue;
                }
                if let Some(key) = &entry.nkey
                    && let Some(other) = keys.insert(key.get_ref(), name.clone())
                    && other != name
                {
                    let message = format!("agents {other:?} and {name:?} have the same nkey");
                    self.problem(key, message);
                }
                agents.push(SiteAgent {
                    name,
                    public_key: entry.nkey.as_ref().map(|key| key.get_ref().clone()),
                });
            }
        }
        agents
    }

    pub(super) fn nkey(&mut self, key: &Spanned<String>, agents: usize) {
        let is_users = KeyPair::from_public_key(key.get_ref())
            .is_ok_and(|pair| pair.key_pair_type() == KeyPairType::User);
        if !is_users {
            self.problem(
                key,
                "nkey has to be the public nkey of a user: 56 characters, the first a U",
            );
        } else if agents > 1 {
            self.problem(key, "each agent has a key of its own, and this is a list");
        }
    }

    pub(super) fn node_hooks(
        &mut self,
        entry: NodeHooksEntry,
        place: &Spanned<String>,
        agents: &Agents,
    ) -> NodeHooks {
        let agent = if entry.agent.get_ref() == OF_EACH_NODE {
            HookAgent::OfEachNode
        } else {
            self.agent(&entry.agent, agents);
            HookAgent::Named(entry.agent.into_inner())
        };
        let hooks = NodeHooks {
            agent,
            provision: self.hook_limit("provision", entry.provision.as_ref()),
            contextualize: self.hook_limit("contextualize", entry.contextualize.as_ref()),
            deprovision: self.hook_limit("deprovision", entry.deprovision.as_ref()),
            attempts: self.attempts(entry.attempts.as_ref()),
        };
        let given = [&entry.provision, &entry.contextualize, &entry.deprovision];
        if given.iter().all(|hook| hook.is_none()) {
            self.problem(
                place,
                "hooks without a hook: give provision, contextualize or deprovision",
            );
        }
        hooks
    }

    pub(super) fn session_hooks(
        &mut self,
        entry: SessionHooksEntry,
        place: &Spanned<String>,
        agents: &Agents,
    ) -> SessionHooks {
        self.agent(&entry.agent, agents);
        let hooks = SessionHooks {
            set_up: self.hook_limit("set_up", entry.set_up.as_ref()),
            tear_down: self.hook_limit("tear_down", entry.tear_down.as_ref()),
            attempts: self.attempts(entry.attempts.as_ref()),
            agent: entry.agent.into_inner(),
        };
        if entry.set_up.is_none() && entry.tear_down.is_none() {
            self.problem(
                place,
                "session_hooks without a hook: give set_up or tear_down",
            );
        }
        hooks
    }

    fn agent(&mut self, name: &Spanned<String>, agents: &Agents) {
        let text = name.get_ref();
        if agents.0.contains(text) {
            return;
        }
        let proposal = if agents.0.is_empty() {
            String::new()
        } else {
            let mut known: Vec<&str> = agents.0.iter().map(String::as_str).collect();
            known.sort_unstable();
            proposal(text, known.into_iter())
        };
        self.problem(name, format!("no such agent: {text:?}{proposal}"));
    }

    fn hook_limit(&mut self, hook: &str, text: Option<&Spanned<String>>) -> Option<Duration> {
        let limit = self.duration(text?)?;
        if limit > HOOK_LIMIT {
            let hours = HOOK_LIMIT.as_secs() / 3600;
            self.problem(text?, format!("{hook} may take {hours} hours at most"));
        }
        Some(limit)
    }

    fn attempts(&mut self, number: Option<&Spanned<u32>>) -> u32 {
        let Some(number) = number else {
            return DEFAULT_HOOK_ATTEMPTS;
        };
        if !(1..=MOST_ATTEMPTS).contains(number.get_ref()) {
            self.problem(number, format!("attempts is 1 to {MOST_ATTEMPTS}"));
        }
        *number.get_ref()
    }

    /// A length of time that is not nothing.
    fn duration(&mut self, text: &Spanned<String>) -> Option<Duration> {
        match humantime::parse_duration(text.get_ref()) {
            Ok(duration) if duration.as_secs() > 0 => return Some(duration),
            Ok(_) => self.problem(text, "a length of time has a second at least"),
            Err(error) => self.problem(
                text,
                format!(
                    "{:?} is no length of time such as \"30m\": {error}",
                    text.get_ref()
                ),
            ),
        }
        None
    }

    pub(super) fn maximum_ready_age(
        &mut self,
        entry: &PoolEntry,
        hooks: Option<&NodeHooks>,
    ) -> Option<Duration> {
        let text = entry.maximum_ready_age.as_ref()?;
        if text.get_ref() == NEVER {
            return None;
        }
        if hooks.is_none_or(|hooks| hooks.provision.is_none()) {
            self.problem(
                text,
                "maximum_ready_age has no effect without a provision hook, which installs the nodes anew",
            );
        }
        self.duration(text)
    }

    pub(super) fn quarantine(&mut self, entry: &PoolEntry, hooks: Option<&NodeHooks>) -> Duration {
        let Some(text) = &entry.quarantine else {
            return DEFAULT_QUARANTINE;
        };
        if hooks.is_none() {
            self.problem(text, "quarantine has no effect without hooks");
        }
        self.duration(text).unwrap_or(DEFAULT_QUARANTINE)
    }

    /// Where each node has its own agent there has to be one. One problem for each pool is enough.
    pub(super) fn agents_of_nodes(
        &mut self,
        pools: &[SitePool],
        places: &[Spanned<String>],
        nodes: &[SiteNode],
        agents: &Agents,
    ) {
        for (pool, place) in pools.iter().zip(places) {
            let hooks = pool.hooks.as_ref();
            if hooks.is_none_or(|hooks| hooks.agent != HookAgent::OfEachNode) {
                continue;
            }
            let without = nodes
                .iter()
                .find(|node| node.pool == pool.name && !agents.0.contains(&node.hostname));
            if let Some(node) = without {
                self.problem(
                    place,
                    format!(
                        "each node of pool {:?} has its own agent, and there is no agent {:?}",
                        pool.name, node.hostname
                    ),
                );
            }
        }
    }
}
