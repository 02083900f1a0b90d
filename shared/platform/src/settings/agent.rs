//! Section `agent`.

use std::{path::PathBuf, time::Duration};

use muster_contract::ResourceSlots;
use serde::{Deserialize, Serialize};

use super::checks::SectionChecks;
use crate::slot_amount;

/// An agent, which runs the hooks of a site and the containers of compute sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentSettings {
    /// Whether `muster up` runs an agent. Default: `true`.
    pub enabled: bool,
    /// The name that the site file knows it by. No default.
    pub name: Option<String>,
    /// Directory with the programs that it runs as hooks. Default: it runs none. Absolute after loading.
    pub hooks_directory: Option<PathBuf>,
    /// File with the key it signs in to the broker with. Default: `agent-<name>.nk` in the
    /// directory of the parts' keys. Absolute after loading.
    pub key_file: Option<PathBuf>,
    /// How many hooks it runs at once. Default: 32: more than node allocation gives it to install and
    /// to wipe at a time (16), so that preparing nodes for sessions never waits behind those.
    pub concurrency: usize,
    /// How long the hooks that run may go on after it was told to stop; then they are ended, and
    /// run again after its next start. Default: `10s`.
    #[serde(with = "humantime_serde")]
    pub stop_grace: Duration,
    /// How it runs containers of compute sessions. Default: `auto`.
    pub containers: ContainerBackend,
    /// Where Docker, or what speaks as it does, answers: `unix:///run/docker.sock`, `tcp://127.0.0.1:2375`. Default: that of
    /// `DOCKER_HOST`, or Docker's usual socket.
    pub docker_host: Option<String>,
    /// Directory with the folders that sessions ask for: `PROJECT/FOLDER`. Default: there are none. Absolute after loading.
    pub folders_directory: Option<PathBuf>,
    /// The group of agents that it belongs to. Default: `default`.
    pub scaling_group: String,
    /// What all its containers together may use: `cpu=4,mem=8g`. Default: the cores and the memory of the machine.
    pub slots: Option<String>,
    /// Where the ports of its containers can be reached: a name or an address. Default: `127.0.0.1`.
    pub address: String,
}

/// How an agent runs containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContainerBackend {
    /// By Docker where it answers when the agent starts, as processes where it does not.
    Auto,
    /// By Docker.
    Docker,
    /// As processes of the machine.
    Process,
    /// Not at all.
    Off,
}

impl Default for AgentSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            name: None,
            hooks_directory: None,
            key_file: None,
            concurrency: 32,
            stop_grace: Duration::from_secs(10),
            containers: ContainerBackend::Auto,
            docker_host: None,
            folders_directory: None,
            scaling_group: "default".to_owned(),
            slots: None,
            address: "127.0.0.1".to_owned(),
        }
    }
}

impl AgentSettings {
    pub(super) fn check(&self, checks: &mut SectionChecks<'_>) {
        checks.positive("concurrency", self.concurrency);
        let words = [
            ("scaling_group", &self.scaling_group),
            ("address", &self.address),
        ];
        for (key, word) in words {
            let is_word = !word.is_empty() && !word.contains(char::is_whitespace);
            checks.require(key, is_word, "a word".to_owned());
        }
        if let Some(host) = &self.docker_host {
            let schemes = ["unix://", "tcp://", "http://"];
            let is_host = schemes.iter().any(|scheme| {
                host.strip_prefix(scheme)
                    .is_some_and(|rest| !rest.is_empty())
            });
            checks.require(
                "docker_host",
                is_host,
                "unix:///PATH or tcp://HOST:PORT".to_owned(),
            );
        }
        if let Some(Err(wrong)) = self.slots.as_deref().map(read_slots) {
            let expected = format!("amounts of slots such as \"cpu=4,mem=8g\" ({wrong})");
            checks.require("slots", false, expected);
        }
    }

    /// What all its containers together may use, as far as that is set.
    #[must_use]
    pub fn resource_slots(&self) -> Option<ResourceSlots> {
        self.slots.as_deref().and_then(|text| read_slots(text).ok())
    }
}

fn read_slots(text: &str) -> Result<ResourceSlots, String> {
    let slots = text.split(',').map(|part| {
        let wrong = || format!("{part:?} is no slot with its amount");
        let (slot, amount) = part.split_once('=').ok_or_else(wrong)?;
        let amount = slot_amount(slot.trim(), amount).map_err(|error| error.to_string())?;
        Ok((slot.trim().to_owned(), amount))
    });
    slots.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_read() {
        let settings = AgentSettings {
            slots: Some("cpu=4, mem=1.5g".to_owned()),
            ..AgentSettings::default()
        };
        let slots = settings.resource_slots().unwrap();
        assert_eq!(slots.get("cpu"), 4.into());
        assert_eq!(slots.get("mem"), 1_610_612_736.into());
        for text in ["", "cpu", "cpu=", "cpu=1,", "cpu=-1", "mem=lots"] {
            assert!(read_slots(text).is_err(), "{text}");
        }
    }
}
