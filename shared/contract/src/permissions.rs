//! What each part and each agent may publish and subscribe to on NATS, made from the contract table.

use std::{collections::BTreeSet, fmt::Write as _};

use crate::{
    Part, Service,
    producers::{
        JOB_EVENT_STREAM, METRIC_STREAM, ProducerUser, WRITTEN_METRICS, producer_permissions,
    },
    subject,
    table::{CONTRACT, Kind, entries},
    topology::{
        EVENT_STREAM, ORDER_STREAM, REPORT_STREAM, agent_consumer_name, event_consumer,
        report_consumer,
    },
};

/// Subjects of one part or agent; everything else is refused by the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions {
    /// Subjects it may publish to.
    pub publish: Vec<String>,
    /// Subjects it may subscribe to.
    pub subscribe: Vec<String>,
    /// Whether it may answer what it is asked, wherever the answer is to go.
    pub answers: bool,
}

/// What the part may do.
#[must_use]
pub fn permissions(part: Part) -> Permissions {
    if part == Part::Operator {
        return Permissions {
            publish: vec![">".to_owned()],
            subscribe: vec![">".to_owned()],
            answers: false,
        };
    }
    let mut publish = Vec::new();
    let mut subscribe = vec![
        format!("{}.>", subject::inbox_prefix(part.name())),
        subject::reply(part.name(), "*"),
    ];
    for entry in CONTRACT.iter() {
        if entry.producers.contains(&part) {
            publish.push(entry.subject.clone());
        }
        let is_heard_live = match entry.kind {
            Kind::Query | Kind::Signal => true,
            // What services take of events is kept for them; the ingress passes them on to those who are listening.
            Kind::Event => part == Part::Ingress,
            Kind::Command | Kind::Order | Kind::Report | Kind::AgentQuestion => false,
        };
        if is_heard_live && entry.consumers.contains(&part) {
            subscribe.push(entry.subject.clone());
        }
    }
    if part == Part::Ingress {
        publish.push(WRITTEN_METRICS.to_owned());
    }
    let service = Service::ALL.iter().find(|service| service.part() == part);
    if let Some(service) = service {
        let stream = service.command_stream();
        publish.extend([
            // Outcomes of commands and answers to queries, to whoever asked.
            "muster.rpl.>".to_owned(),
            "_INBOX.>".to_owned(),
            // A dead letter of its own, published again for an operator.
            format!("muster.cmd.{service}.>"),
            format!("$JS.API.STREAM.INFO.{stream}"),
            // Whether the events it published are still there, after the broker came back.
            format!("$JS.API.STREAM.INFO.{EVENT_STREAM}"),
            format!("$JS.API.STREAM.MSG.GET.{EVENT_STREAM}"),
        ]);
        // Its own consumers.
        publish.extend(consuming(stream, service.name()));
        if event_consumer(*service).is_some() {
            publish.extend(consuming(EVENT_STREAM, service.name()));
        }
        if report_consumer(*service).is_some() {
            publish.extend(consuming(REPORT_STREAM, service.name()));
        }
        if *service == Service::JobArchive {
            for stream in [JOB_EVENT_STREAM, METRIC_STREAM] {
                publish.extend(consuming(stream, service.name()));
            }
            // A dead letter of its own, published again for an operator.
            publish.push(WRITTEN_METRICS.to_owned());
            publish.push(format!("$JS.API.STREAM.INFO.{METRIC_STREAM}"));
        }
        if entries(Kind::Order).any(|entry| entry.producers.contains(&part)) {
            publish.push(format!("$JS.API.STREAM.INFO.{ORDER_STREAM}"));
        }
        // The same of the commands that it gives to other services.
        let onward: BTreeSet<&str> = CONTRACT
            .iter()
            .filter(|entry| entry.kind == Kind::Command && entry.producers.contains(&part))
            .map(|entry| entry.service.command_stream())
            .filter(|other| *other != stream)
            .collect();
        publish.extend(
            onward
                .iter()
                .map(|stream| format!("$JS.API.STREAM.INFO.{stream}")),
        );
        // The NATS service API: discovery and statistics of its queries.
        subscribe.push("$SRV.>".to_owned());
    }
    Permissions {
        publish,
        subscribe,
        answers: false,
    }
}

/// What the agent may do: take its own orders, say what became of them and how it is, and answer what it is asked, under its own
/// name.
#[must_use]
pub fn agent_permissions(agent: &str) -> Permissions {
    let reports = entries(Kind::Report).map(|entry| subject::report(agent, entry.name));
    let signals = entries(Kind::Signal).map(|entry| subject::signal(agent, entry.name));
    Permissions {
        publish: reports
            .chain(signals)
            .chain(consuming(ORDER_STREAM, &agent_consumer_name(agent)))
            .collect(),
        subscribe: vec![
            format!("{}.>", subject::agent_inbox_prefix(agent)),
            subject::questions_to(agent),
        ],
        answers: true,
    }
}

/// What it takes to use a consumer: look it up, pull, acknowledge. Both forms of acknowledgement subject (ADR-15).
fn consuming(stream: &str, consumer: &str) -> [String; 4] {
    [
        format!("$JS.API.CONSUMER.INFO.{stream}.{consumer}"),
        format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"),
        format!("$JS.ACK.{stream}.{consumer}.>"),
        format!("$JS.ACK.*.*.{stream}.{consumer}.>"),
    ]
}

/// The `authorization` block of a nats-server configuration, with one user per part, per agent and per producer.
///
/// `public_key` gives a part's public nkey; each agent has its name and its public nkey.
#[must_use]
pub fn server_configuration(
    public_key: impl Fn(Part) -> String,
    agents: &[(String, String)],
    producers: &[ProducerUser],
) -> String {
    let mut text = String::from("authorization {\n  users = [\n");
    for part in Part::ALL {
        add_user(
            &mut text,
            part.name(),
            &public_key(*part),
            &permissions(*part),
        );
    }
    for (agent, public_key) in agents {
        let name = format!("agent {}", subject::encode_token(agent));
        add_user(&mut text, &name, public_key, &agent_permissions(agent));
    }
    for producer in producers {
        let name = format!("producer {}", subject::encode_token(&producer.name));
        let permissions = producer_permissions(&producer.name, &producer.subjects);
        add_user(&mut text, &name, &producer.public_key, &permissions);
    }
    text.push_str("  ]\n}\n");
    text
}

fn add_user(text: &mut String, name: &str, public_key: &str, permissions: &Permissions) {
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "    # {name}\n    {{\n      nkey: {public_key}\n      permissions: {{\n        publish: {}\n        subscribe: {}{}\n      }}\n    }}\n",
        list(&permissions.publish),
        list(&permissions.subscribe),
        if permissions.answers {
            "\n        allow_responses: true"
        } else {
            ""
        },
    );
}

fn list(subjects: &[String]) -> String {
    let quoted: Vec<String> = subjects
        .iter()
        .map(|subject| format!("{subject:?}"))
        .collect();
    format!("[{}]", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_publishes_its_own_commands_and_those_the_table_has_it_send() {
        for service in Service::ALL {
            let own = format!("muster.cmd.{service}.");
            for subject in permissions(service.part()).publish {
                let of_the_table = CONTRACT.iter().any(|entry| {
                    entry.subject == subject && entry.producers.contains(&service.part())
                });
                let foreign = subject.starts_with("muster.cmd.") && !subject.starts_with(&own);
                assert!(!foreign || of_the_table, "{service} {subject}");
            }
        }
    }

    #[test]
    fn nobody_else_can_give_a_service_an_event_or_a_report_as_replayed() {
        let replayed = Service::ALL.iter().flat_map(|service| {
            [
                (service, subject::replayed_event(service.name())),
                (service, subject::replayed_report(service.name(), "a")),
            ]
        });
        for (service, replayed) in replayed {
            let others = Part::ALL
                .iter()
                .filter(|part| **part != service.part() && **part != Part::Operator);
            for part in others {
                let may = permissions(*part).publish.iter().any(|subject| {
                    *subject == replayed
                        || subject
                            .strip_suffix('>')
                            .is_some_and(|prefix| replayed.starts_with(prefix))
                });
                assert!(!may, "{part} {replayed}");
            }
        }
    }

    #[test]
    fn nobody_but_the_operator_may_change_the_topology() {
        for part in Part::ALL.iter().filter(|part| **part != Part::Operator) {
            for subject in permissions(*part).publish {
                for verb in ["CREATE", "UPDATE", "DELETE", "PURGE"] {
                    assert!(!subject.contains(verb), "{part} {subject}");
                }
                assert!(subject != ">" && subject != "$JS.>", "{part} {subject}");
            }
        }
    }

    #[test]
    fn an_agent_is_let_in_to_what_bears_its_name_and_to_nothing_else() {
        for (agent, token) in [
            ("a", "a"),
            ("n1.dusty", "n1%2Edusty"),
            (">", "%3E"),
            ("*", "%2A"),
        ] {
            let Permissions {
                publish, subscribe, ..
            } = agent_permissions(agent);
            for subject in publish.iter().chain(&subscribe) {
                let tokens: Vec<&str> = subject.split('.').collect();
                assert!(tokens.contains(&token), "{subject}");
                let of_all = matches!(tokens.as_slice(), ["muster", _, "*" | ">", ..] | [">", ..]);
                assert!(!of_all, "{subject}");
            }
            assert!(!publish.iter().any(|subject| subject.contains(".order.")));
        }
    }

    #[test]
    fn no_part_but_the_operator_can_report_in_the_name_of_an_agent() {
        for part in Part::ALL.iter().filter(|part| **part != Part::Operator) {
            for subject in permissions(*part).publish {
                assert!(!subject.contains(".report."), "{part} {subject}");
            }
        }
    }

    #[test]
    fn what_agents_say_of_themselves_only_those_hear_whom_it_is_for() {
        let live = entries(Kind::Signal).chain(entries(Kind::AgentQuestion));
        for entry in live {
            for part in Part::ALL.iter().filter(|part| **part != Part::Operator) {
                let Permissions {
                    publish, subscribe, ..
                } = permissions(*part);
                let hears = subscribe.contains(&entry.subject);
                assert_eq!(
                    hears,
                    entry.consumers.contains(part),
                    "{part} {}",
                    entry.subject
                );
                let says = publish.contains(&entry.subject);
                assert_eq!(
                    says,
                    entry.producers.contains(part),
                    "{part} {}",
                    entry.subject
                );
            }
        }
    }

    #[test]
    fn agents_alone_may_answer_wherever_they_are_asked_from() {
        assert!(agent_permissions("a").answers);
        assert!(Part::ALL.iter().all(|part| !permissions(*part).answers));
    }

    #[test]
    fn the_server_configuration() {
        let agents = [("n1.dusty".to_owned(), "KEY_OF_n1".to_owned())];
        let text = server_configuration(
            |part| format!("KEY_OF_{part}"),
            &agents,
            &[ProducerUser {
                name: "slurm".to_owned(),
                public_key: "KEY_OF_slurm".to_owned(),
                subjects: vec!["cc.job.event".to_owned(), "cc.node.state".to_owned()],
            }],
        );
        insta::assert_snapshot!(text);
    }
}
