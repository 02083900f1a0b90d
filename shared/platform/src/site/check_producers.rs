//! The checks of producers.

use std::collections::HashMap;

use muster_contract::producers::{
    DEFAULT_JOB_EVENT_SUBJECT, DEFAULT_METRIC_SUBJECT, DEFAULT_NODE_STATE_SUBJECT,
    check_producer_subject,
};
use toml::Spanned;

use super::check::{Checked, Names};
use super::document::ProducerEntry;
use super::{Project, SiteProducer};
use crate::host_names::is_host_name;

/// What a subject is for, and whose.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Use {
    /// Jobs and nodes of this project.
    Events(String),
    Metrics,
}

impl Checked<'_> {
    pub(super) fn producers(
        &mut self,
        entries: Vec<ProducerEntry>,
        projects: &[Project],
    ) -> Vec<SiteProducer> {
        let mut names = Names::new("producer");
        let mut keys = Names::new("nkey");
        let mut uses: HashMap<String, Use> = HashMap::new();
        entries
            .into_iter()
            .map(|entry| {
                if !is_host_name(entry.name.get_ref()) {
                    let message =
                        "a producer is called like a host: small letters, digits, hyphens and dots";
                    self.problem(&entry.name, message);
                }
                names.add(self, &entry.name);
                self.project(&entry.project, projects);
                if let Some(key) = &entry.nkey {
                    self.nkey(key, 1);
                    keys.add(self, key);
                }
                let events = Use::Events(entry.project.get_ref().clone());
                let name = &entry.name;
                let mut subject = |given: Option<&Spanned<String>>, default, wanted: &Use| {
                    self.producers_subject(name, given, default, wanted, &mut uses)
                };
                SiteProducer {
                    job_events: subject(
                        entry.job_events.as_ref(),
                        DEFAULT_JOB_EVENT_SUBJECT,
                        &events,
                    ),
                    node_states: subject(
                        entry.node_states.as_ref(),
                        DEFAULT_NODE_STATE_SUBJECT,
                        &events,
                    ),
                    metrics: subject(
                        entry.metrics.as_ref(),
                        DEFAULT_METRIC_SUBJECT,
                        &Use::Metrics,
                    ),
                    project: entry.project.into_inner(),
                    public_key: entry.nkey.map(Spanned::into_inner),
                    name: entry.name.into_inner(),
                }
            })
            .collect()
    }

    /// A message does not say who published it, so its subject has to say whose jobs it is about.
    fn producers_subject(
        &mut self,
        producer: &Spanned<String>,
        given: Option<&Spanned<String>>,
        default: &str,
        wanted: &Use,
        uses: &mut HashMap<String, Use>,
    ) -> String {
        let place = given.unwrap_or(producer);
        let subject = given.map_or(default, |given| given.get_ref().as_str());
        if let Err(message) = check_producer_subject(subject) {
            self.problem(place, message);
        }
        match uses.insert(subject.to_owned(), wanted.clone()) {
            Some(Use::Events(other)) if *wanted != Use::Events(other.clone()) => {
                let message = match wanted {
                    Use::Events(project) => format!(
                        "the subject {subject:?} has the jobs of {other:?} and of {project:?}: producers of different projects need different subjects"
                    ),
                    Use::Metrics => {
                        format!(
                            "the subject {subject:?} has jobs and metrics; each needs one of its own"
                        )
                    }
                };
                self.problem(place, message);
            }
            Some(Use::Metrics) if *wanted != Use::Metrics => {
                let message = format!(
                    "the subject {subject:?} has jobs and metrics; each needs one of its own"
                );
                self.problem(place, message);
            }
            _ => {}
        }
        subject.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{parse, problems};

    const PROJECTS: &str = "[[project]]\nname = \"demo\"\n[[project]]\nname = \"other\"\n";
    const KEY: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

    #[test]
    fn subjects_are_taken_for_granted_or_given() {
        let site = parse(&format!(
            r#"{PROJECTS}
            [[producer]]
            name = "slurm"
            project = "demo"
            nkey = "{KEY}"
            [[producer]]
            name = "collector"
            project = "demo"
            [[producer]]
            name = "slurm.other"
            project = "other"
            job_events = "jobs"
            node_states = "jobs"
            "#
        ))
        .unwrap();
        let [slurm, collector, other] = &site.producers[..] else {
            panic!("{:?}", site.producers);
        };
        assert_eq!(slurm.public_key.as_deref(), Some(KEY));
        assert_eq!(
            collector.subjects(),
            ["cc.job.event", "cc.node.state", "hpc-nats"]
        );
        assert_eq!(other.subjects(), ["hpc-nats", "jobs"]);
        let subjects = site.producer_subjects();
        assert!(
            subjects
                .job_events
                .iter()
                .eq(["cc.job.event", "cc.node.state", "jobs"])
        );
        assert!(subjects.metrics.iter().eq(["hpc-nats"]));
        assert!(!parse("").unwrap().producer_subjects().has_job_events());
    }

    #[test]
    fn a_subject_says_whose_jobs_it_has() {
        let both = format!(
            "{PROJECTS}[[producer]]\nname = \"a\"\nproject = \"demo\"\n[[producer]]\nname = \"b\"\nproject = \"other\"\nnode_states = \"b\"\n"
        );
        assert_eq!(
            problems(&both),
            [
                "line 9: the subject \"cc.job.event\" has the jobs of \"demo\" and of \"other\": producers of different projects need different subjects"
            ]
        );
    }

    #[test]
    fn what_cannot_be_is_said() {
        let entry = |rest: &str| {
            format!("{PROJECTS}[[producer]]\nname = \"a\"\nproject = \"demo\"\n{rest}\n")
        };
        for (rest, expected) in [
            ("job_events = \"a.>\"", "without wildcards"),
            (
                "metrics = \"muster.cmd.x\"",
                "no subject of Muster's or the broker's own",
            ),
            ("metrics = \"cc.job.event\"", "has jobs and metrics"),
            (
                "node_states = \"hpc-nats\"\nmetrics = \"hpc-nats\"",
                "has jobs and metrics",
            ),
            ("nkey = \"U\"", "public nkey of a user"),
            (
                "[[producer]]\nname = \"a\"\nproject = \"demo\"",
                "is there twice",
            ),
            (
                "[[producer]]\nname = \"A\"\nproject = \"demo\"",
                "is called like a host",
            ),
            (
                "[[producer]]\nname = \"b\"\nproject = \"nobody\"",
                "no such project",
            ),
        ] {
            let found = problems(&entry(rest)).join("\n");
            assert!(found.contains(expected), "{rest}: {found}");
        }
    }
}
