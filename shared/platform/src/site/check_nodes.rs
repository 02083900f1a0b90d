//! The checks of pools and nodes.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use toml::Spanned;

use super::check::{Checked, Names};
use super::check_hooks::Agents;
use super::document::{NodeEntry, PoolEntry};
use super::keys::proposal;
use super::nodes::{DEFAULT_LIFETIME, SiteNode, SitePool};
use crate::host_list;
use crate::host_names::{is_host_name, names_within_full_names};

/// A lifetime without end, as it is written.
pub(super) const NEVER: &str = "never";

impl Checked<'_> {
    pub(super) fn pools(&mut self, entries: Vec<PoolEntry>, agents: &Agents) -> Vec<SitePool> {
        let mut names = Names::new("pool");
        entries
            .into_iter()
            .map(|mut entry| {
                self.name("pool", &entry.name);
                names.add(self, &entry.name);
                self.word("version", &entry.version);
                self.word("arch", &entry.arch);
                if let Some(flavor) = &entry.flavor {
                    self.word("flavor", flavor);
                }
                let lifetime = match &entry.lifetime {
                    Some(text) => self.lifetime(text),
                    None => Some(DEFAULT_LIFETIME),
                };
                let maximum_lifetime = match &entry.maximum_lifetime {
                    Some(text) => self.maximum_lifetime(text, lifetime),
                    None => lifetime.map(|lifetime| lifetime.saturating_mul(2)),
                };
                let hooks = entry
                    .hooks
                    .take()
                    .map(|hooks| self.node_hooks(hooks, &entry.name, agents));
                let maximum_ready_age = self.maximum_ready_age(&entry, hooks.as_ref());
                let quarantine = self.quarantine(&entry, hooks.as_ref());
                SitePool {
                    name: entry.name.into_inner(),
                    version: entry.version.into_inner(),
                    architecture: entry.arch.into_inner(),
                    flavor: entry.flavor.map(Spanned::into_inner),
                    fill_level: entry.fill_level,
                    lifetime,
                    maximum_lifetime,
                    hooks,
                    maximum_ready_age,
                    quarantine,
                }
            })
            .collect()
    }

    /// Clients put these into URLs and compare them as they are.
    fn word(&mut self, what: &str, word: &Spanned<String>) {
        let text = word.get_ref();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            self.problem(
                word,
                format!("{what} is made of visible ASCII characters, without spaces"),
            );
        }
    }

    /// `None` = for ever.
    fn lifetime(&mut self, text: &Spanned<String>) -> Option<Duration> {
        if text.get_ref() == NEVER {
            return None;
        }
        match humantime::parse_duration(text.get_ref()) {
            Ok(lifetime) if lifetime.as_secs() > 0 => return Some(lifetime),
            Ok(_) => self.problem(text, "a lifetime has a second at least"),
            Err(error) => self.problem(
                text,
                format!(
                    "{:?} is no lifetime such as \"6h\" or \"{NEVER}\": {error}",
                    text.get_ref()
                ),
            ),
        }
        Some(DEFAULT_LIFETIME)
    }

    fn maximum_lifetime(
        &mut self,
        text: &Spanned<String>,
        lifetime: Option<Duration>,
    ) -> Option<Duration> {
        let problems = self.problem_count();
        let maximum = self.lifetime(text)?;
        if self.problem_count() == problems && lifetime.is_none_or(|lifetime| lifetime > maximum) {
            self.problem(text, "maximum_lifetime is shorter than lifetime");
        }
        Some(maximum)
    }

    /// `suffix` is what clients see behind the names.
    pub(super) fn nodes(
        &mut self,
        entries: &[NodeEntry],
        pools: &[SitePool],
        suffix: &str,
    ) -> Vec<SiteNode> {
        let known: HashSet<&str> = pools.iter().map(|pool| pool.name.as_str()).collect();
        let mut names = Names::new("node");
        let mut nodes = Vec::new();
        let mut places = Vec::new();
        for entry in entries {
            if !known.contains(entry.pool.get_ref().as_str()) {
                let proposal = match pools {
                    [] => String::new(),
                    pools => proposal(
                        entry.pool.get_ref(),
                        pools.iter().map(|pool| pool.name.as_str()),
                    ),
                };
                self.problem(
                    &entry.pool,
                    format!("no such pool: {:?}{proposal}", entry.pool.get_ref()),
                );
            }
            if let Some(chassis) = &entry.chassis
                && chassis.get_ref().contains(char::is_control)
            {
                self.problem(chassis, "chassis has control characters");
            }
            for (number, hostname) in (0..).zip(self.host_names(&entry.hostname)) {
                if !names.add_text(self, &entry.hostname, &hostname) {
                    continue;
                }
                let node = SiteNode {
                    hostname,
                    pool: entry.pool.get_ref().clone(),
                    ip_address: entry
                        .ip
                        .as_ref()
                        .and_then(|ip| nth_address(*ip.get_ref(), number)),
                    chassis: entry
                        .chassis
                        .as_ref()
                        .map(|chassis| chassis.get_ref().clone())
                        .unwrap_or_default(),
                    console_port: entry
                        .console_port
                        .as_ref()
                        .and_then(|port| port.get_ref().checked_add(u16::try_from(number).ok()?)),
                };
                if let Some(ip) = entry.ip.as_ref().filter(|_| node.ip_address.is_none()) {
                    self.problem(
                        ip,
                        format!("there is no address for node {:?}", node.hostname),
                    );
                    break;
                }
                if let Some(port) = entry
                    .console_port
                    .as_ref()
                    .filter(|_| node.console_port.is_none())
                {
                    self.problem(
                        port,
                        format!("there is no port for node {:?}", node.hostname),
                    );
                    break;
                }
                nodes.push(node);
                places.push(&entry.hostname);
            }
        }
        self.unambiguous(&nodes, &places, suffix);
        nodes
    }

    /// The names of a list, or one that stands for itself.
    pub(super) fn host_names(&mut self, list: &Spanned<String>) -> Vec<String> {
        let text = list.get_ref();
        let names = if text.contains(['[', ',']) {
            match host_list::expand(text) {
                Ok(names) => names,
                Err(error) => {
                    self.problem(list, format!("{text:?}: {error}"));
                    return Vec::new();
                }
            }
        } else {
            vec![text.clone()]
        };
        if let Some(name) = names.iter().find(|name| !is_host_name(name)) {
            self.problem(
                list,
                format!(
                    "{name:?} is no name of a host: small letters, digits and inner hyphens between the dots"
                ),
            );
            return Vec::new();
        }
        names
    }

    /// One problem for each entry is enough: a list that is wrong is wrong as a whole.
    fn unambiguous(&mut self, nodes: &[SiteNode], places: &[&Spanned<String>], suffix: &str) {
        let names: Vec<&str> = nodes.iter().map(|node| node.hostname.as_str()).collect();
        let mut said = HashSet::new();
        for (part, whole) in names_within_full_names(&names, suffix) {
            let (Some(part), Some(name), Some(place)) =
                (names.get(part), names.get(whole), places.get(whole))
            else {
                continue;
            };
            if said.insert(place.span().start) {
                let whole = if name.contains(part) {
                    format!("{name:?}")
                } else {
                    let full = format!("{name}{suffix}");
                    format!("{full:?}, which is {name:?} with host_suffix")
                };
                self.problem(
                    place,
                    format!("node {part:?} has a name that is part of {whole}: clients take one for the other"),
                );
            }
        }
    }
}

/// The address so many after the first; `None` beyond the last there is.
fn nth_address(first: IpAddr, number: u32) -> Option<IpAddr> {
    match first {
        IpAddr::V4(first) => {
            let address = u32::from(first).checked_add(number)?;
            Some(IpAddr::V4(Ipv4Addr::from(address)))
        }
        IpAddr::V6(first) => {
            let address = u128::from(first).checked_add(u128::from(number))?;
            Some(IpAddr::V6(Ipv6Addr::from(address)))
        }
    }
}
