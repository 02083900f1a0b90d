//! On whose behalf producers speak.

use std::collections::HashMap;

use muster_contract::{Principal, Role};
use muster_platform::site::Site;

/// The producers of a site. A message does not say who published it; the broker lets only producers of one project publish to
/// a subject of job events, so the subject says it.
#[derive(Debug, Clone, Default)]
pub struct Producers {
    by_subject: HashMap<String, Principal>,
}

impl Producers {
    /// Those that the site declares.
    #[must_use]
    pub fn of_site(site: &Site) -> Self {
        let mut by_subject = HashMap::new();
        for producer in &site.producers {
            let project = site.project(&producer.project);
            let caller = Principal {
                name: producer.name.clone(),
                domain: project.map_or_else(String::new, |project| project.domain.clone()),
                project: producer.project.clone(),
                roles: vec![Role::Api],
            };
            for subject in [&producer.job_events, &producer.node_states] {
                by_subject
                    .entry(subject.clone())
                    .or_insert_with(|| caller.clone());
            }
        }
        Self { by_subject }
    }

    /// Whether there are any.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_subject.is_empty()
    }

    /// On whose behalf a message on this subject speaks.
    pub(crate) fn caller(&self, subject: &str) -> Option<&Principal> {
        self.by_subject.get(subject)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_subject_says_on_whose_behalf_a_message_is() {
        let site = r#"
            [[project]]
            name = "demo"
            domain = "d"
            [[producer]]
            name = "slurm"
            project = "demo"
            job_events = "jobs"
            [[producer]]
            name = "other"
            project = "demo"
            job_events = "jobs"
        "#;
        let producers = Producers::of_site(&Site::parse(site, Path::new("site.toml")).unwrap());
        for subject in ["jobs", "cc.node.state"] {
            let caller = producers.caller(subject).unwrap();
            assert_eq!(
                (caller.name.as_str(), caller.domain.as_str()),
                ("slurm", "d")
            );
            assert_eq!(
                (caller.project.as_str(), &caller.roles[..]),
                ("demo", &[Role::Api][..])
            );
        }
        for subject in ["hpc-nats", "cc.job.event"] {
            assert!(producers.caller(subject).is_none(), "{subject}");
        }
        assert!(Producers::default().is_empty());
    }
}
