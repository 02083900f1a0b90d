//! The checks of what the site says of compute sessions.

use std::collections::HashSet;

use muster_contract::resource_slots::{CPU, MEMORY};
use muster_contract::{Amount, ResourceSlots};
use toml::Spanned;

use super::check::{Checked, Names};
use super::compute::{
    AccessKeyPair, ComputeQuota, DEFAULT_RESOURCE_POLICY, ResourcePolicy, ScalingGroup, SiteDomain,
    SlotLimits,
};
use super::document::{PrincipalEntry, QuotaEntry};
use super::document_compute::{
    AmountEntry, DomainEntry, ResourcePolicyEntry, ScalingGroupEntry, SlotsEntry,
};
use super::keys::proposal;
use super::{NAME_LIMIT, Project};
use crate::slot_amounts::slot_amount;

/// The longest access key; those of Backend.AI have 20 characters.
const ACCESS_KEY_LIMIT: usize = 64;

impl Checked<'_> {
    pub(super) fn resource_policies(
        &mut self,
        entries: Vec<ResourcePolicyEntry>,
    ) -> Vec<ResourcePolicy> {
        let mut names = Names::new("resource policy");
        entries
            .into_iter()
            .map(|entry| {
                self.name("resource policy", &entry.name);
                names.add(self, &entry.name);
                if let Some(containers) = &entry.containers_per_session
                    && *containers.get_ref() == 0
                {
                    self.problem(containers, "a session has a container at least");
                }
                if let Some(timeout) = &entry.idle_timeout
                    && timeout.get_ref().0.as_secs() == 0
                {
                    self.problem(timeout, "idle_timeout has to be at least 1s");
                }
                ResourcePolicy {
                    quota: ComputeQuota {
                        sessions: entry.compute_sessions,
                        slots: self.slot_limits(entry.slots),
                    },
                    containers_per_session: entry.containers_per_session.map(Spanned::into_inner),
                    idle_timeout: entry.idle_timeout.map(|timeout| timeout.into_inner().0),
                    name: entry.name.into_inner(),
                }
            })
            .collect()
    }

    pub(super) fn scaling_groups(
        &mut self,
        entries: Vec<ScalingGroupEntry>,
        projects: &[Project],
    ) -> Vec<ScalingGroup> {
        let mut names = Names::new("scaling group");
        entries
            .into_iter()
            .map(|entry| {
                self.name("scaling group", &entry.name);
                names.add(self, &entry.name);
                for project in entry.projects.iter().flatten() {
                    self.project(project, projects);
                }
                ScalingGroup {
                    name: entry.name.into_inner(),
                    scheduler: entry.scheduler,
                    projects: entry
                        .projects
                        .map(|projects| projects.into_iter().map(Spanned::into_inner).collect()),
                }
            })
            .collect()
    }

    /// `projects` say which domains there are.
    pub(super) fn domains(
        &mut self,
        entries: Vec<DomainEntry>,
        projects: &[Project],
    ) -> Vec<SiteDomain> {
        let mut names = Names::new("domain");
        entries
            .into_iter()
            .map(|entry| {
                self.name("domain", &entry.name);
                names.add(self, &entry.name);
                let mut known: Vec<&str> = projects
                    .iter()
                    .map(|project| project.domain.as_str())
                    .collect();
                known.sort_unstable();
                known.dedup();
                let name = entry.name.get_ref();
                if !known.contains(&name.as_str()) {
                    let proposal = match known[..] {
                        [] => String::new(),
                        _ => proposal(name, known.iter().copied()),
                    };
                    self.problem(
                        &entry.name,
                        format!("no project is in domain {name:?}{proposal}"),
                    );
                }
                SiteDomain {
                    quota: ComputeQuota {
                        sessions: entry.quota.compute_sessions,
                        slots: self.slot_limits(entry.quota.slots),
                    },
                    name: entry.name.into_inner(),
                }
            })
            .collect()
    }

    pub(super) fn compute_quota(&mut self, quota: QuotaEntry) -> ComputeQuota {
        ComputeQuota {
            sessions: quota.compute_sessions,
            slots: self.slot_limits(quota.slots),
        }
    }

    pub(super) fn access_key_pair(
        &mut self,
        entry: &PrincipalEntry,
        names: &mut Names,
    ) -> Option<AccessKeyPair> {
        let (access_key, secret_key) = match (&entry.access_key, &entry.secret_key) {
            (Some(access_key), Some(secret_key)) => (access_key, secret_key),
            (Some(alone), None) => {
                self.problem(alone, "an access_key has a secret_key");
                return None;
            }
            (None, Some(alone)) => {
                self.problem(alone, "a secret_key has an access_key");
                return None;
            }
            (None, None) => return None,
        };
        let text = access_key.get_ref();
        if text.is_empty()
            || text.len() > ACCESS_KEY_LIMIT
            || !text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        {
            self.problem(
                access_key,
                format!("an access_key has 1 to {ACCESS_KEY_LIMIT} letters, digits and - _ ."),
            );
        }
        names.add(self, access_key);
        let text = secret_key.get_ref();
        if text.is_empty()
            || text.len() > NAME_LIMIT
            || !text.bytes().all(|byte| byte.is_ascii_graphic())
        {
            self.problem(
                secret_key,
                format!(
                    "a secret_key has 1 to {NAME_LIMIT} visible ASCII characters, without spaces"
                ),
            );
        }
        Some(AccessKeyPair {
            access_key: access_key.get_ref().clone(),
            secret_key: secret_key.get_ref().clone().into(),
        })
    }

    /// The policy of a principal: the one it names, or the one of the default name.
    pub(super) fn policy_of(
        &mut self,
        named: Option<Spanned<String>>,
        policies: &[ResourcePolicy],
    ) -> Option<String> {
        let known: HashSet<&str> = policies.iter().map(|policy| policy.name.as_str()).collect();
        let Some(named) = named else {
            return known
                .contains(DEFAULT_RESOURCE_POLICY)
                .then(|| DEFAULT_RESOURCE_POLICY.to_owned());
        };
        if !known.contains(named.get_ref().as_str()) {
            let proposal = match policies {
                [] => String::new(),
                policies => proposal(
                    named.get_ref(),
                    policies.iter().map(|policy| policy.name.as_str()),
                ),
            };
            self.problem(
                &named,
                format!("no such resource policy: {:?}{proposal}", named.get_ref()),
            );
        }
        Some(named.into_inner())
    }

    pub(super) fn slot_limits(&mut self, entry: SlotsEntry) -> SlotLimits {
        self.slots(entry).into()
    }

    pub(super) fn slots(&mut self, entry: SlotsEntry) -> ResourceSlots {
        let mut slots = ResourceSlots::default();
        for (name, amount) in entry {
            let text = name.get_ref();
            let in_names = |byte: u8| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte)
            };
            if text.is_empty() || text.len() > NAME_LIMIT || !text.bytes().all(in_names) {
                self.problem(
                    &name,
                    format!("a slot is called {CPU:?}, {MEMORY:?} or so: small letters, digits and . _ -"),
                );
            }
            let read = match amount.get_ref() {
                AmountEntry::Text(text) => slot_amount(name.get_ref(), text),
                AmountEntry::Number(number) => Ok(Amount::from(*number)),
            };
            match read {
                Ok(read) => slots.set(name.into_inner(), read),
                Err(error) => self.problem(&amount, error.to_string()),
            }
        }
        slots
    }
}
