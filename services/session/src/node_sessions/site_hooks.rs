//! What a site wants done for the sessions of its projects.

use std::{collections::HashMap, time::Duration};

use muster_contract::agent::SessionHook;
use muster_platform::Site;

use crate::node_sessions::domain::hook::Hook;

/// What a site wants done for sessions, by project; checked with the rest of the site. What is changed in it holds for
/// sessions that are opened from then on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteSessionHooks {
    projects: HashMap<String, ProjectHooks>,
}

/// What is done for the sessions of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProjectHooks {
    /// Who does it.
    pub(crate) agent: String,
    /// The longest that one attempt of each may take; `None` = nothing is done.
    pub(crate) set_up: Option<Duration>,
    pub(crate) tear_down: Option<Duration>,
    /// Attempts that may be made of each.
    pub(crate) attempts: u32,
}

impl SiteSessionHooks {
    /// What the site says.
    #[must_use]
    pub fn of_site(site: &Site) -> Self {
        let projects = site.projects.iter().filter_map(|project| {
            let hooks = project.session_hooks.as_ref()?;
            let hooks = ProjectHooks {
                agent: hooks.agent.clone(),
                set_up: hooks.set_up,
                tear_down: hooks.tear_down,
                attempts: hooks.attempts,
            };
            Some((project.name.clone(), hooks))
        });
        Self {
            projects: projects.collect(),
        }
    }

    /// The hooks of a new session of the project.
    pub(crate) fn of_project(&self, project: &str) -> Vec<Hook> {
        let Some(wanted) = self.projects.get(project) else {
            return Vec::new();
        };
        [
            (SessionHook::SetUp, wanted.set_up),
            (SessionHook::TearDown, wanted.tear_down),
        ]
        .into_iter()
        .filter_map(|(kind, limit)| {
            let limit = i64::try_from(limit?.as_micros()).unwrap_or(i64::MAX);
            Some(Hook::new(kind, &wanted.agent, limit, wanted.attempts))
        })
        .collect()
    }

    #[cfg(test)]
    pub(crate) fn of(projects: impl IntoIterator<Item = (&'static str, ProjectHooks)>) -> Self {
        let projects = projects.into_iter();
        Self {
            projects: projects
                .map(|(name, hooks)| (name.to_owned(), hooks))
                .collect(),
        }
    }
}
