//! The streams and durable consumers, made from the contract table.

use std::time::Duration;

use async_nats::jetstream::{
    consumer::{AckPolicy, DeliverPolicy, pull},
    stream::{Config, DiscardPolicy, RetentionPolicy, StorageType},
};

use crate::{
    Service,
    producers::{self, JOB_EVENT_STREAM, METRIC_STREAM, ProducerSubjects},
    subject,
    table::{Kind, entries},
};

/// The stream of all events.
pub const EVENT_STREAM: &str = "MUSTER_EVENTS";

/// The stream of the orders to all agents.
pub const ORDER_STREAM: &str = "MUSTER_AGENTS";

/// The stream of the reports of all agents.
pub const REPORT_STREAM: &str = "MUSTER_AGENT_REPORTS";

/// How long an order waits for its agent. One that is past its deadline is not carried out any more, and no hook may take
/// longer than [`HOOK_LIMIT`]: so nothing is lost by it, and the orders to an agent that is gone for good do not pile up.
pub const ORDER_AGE: Duration = Duration::from_hours(3 * 24);

/// The longest that one attempt at a hook may take.
pub const HOOK_LIMIT: Duration = Duration::from_hours(24);

const _: () = assert!(HOOK_LIMIT.as_secs() < ORDER_AGE.as_secs());

/// How long an order may stay unacknowledged before it is delivered again, to whichever process signs in as its agent. The
/// agent says all the while that it is at work (`AckKind::Progress`).
pub const ORDER_ACKNOWLEDGE_WAIT: Duration = Duration::from_secs(10);

/// How long the broker remembers the `Nats-Msg-Id` of a publication. A helper only: the inbox is what counts.
pub const DUPLICATE_WINDOW: Duration = Duration::from_mins(2);

/// How long a message may stay unacknowledged before it is delivered again. Handlers that need longer say so
/// (`AckKind::Progress`), so this can be short: it is what a command waits whose service was killed.
pub const ACKNOWLEDGE_WAIT: Duration = Duration::from_secs(4);

/// Most messages that the replicas of one service may hold unacknowledged, all together.
pub const PENDING_ACKNOWLEDGEMENTS: i64 = 1024;

/// Bytes that one service's waiting commands may take, if the site does not say otherwise.
const COMMAND_BYTES: i64 = 256 * 1024 * 1024;

/// What a site may set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Copies of each stream: 1 on one server, 3 on a cluster.
    pub replicas: usize,
    /// Bytes that waiting commands of the session service may take. Beyond it publishing is refused: overload is an error,
    /// not a loss.
    pub session_command_bytes: i64,
    /// The same for node allocation.
    pub node_allocation_command_bytes: i64,
    /// The same for the job archive.
    pub job_archive_command_bytes: i64,
    /// Bytes that events may take; the oldest go first.
    pub event_bytes: i64,
    /// How long events are kept.
    pub event_age: Duration,
    /// Bytes that orders may take which their agents have not carried out; beyond it publishing is refused.
    pub order_bytes: i64,
    /// Bytes that reports may take; the oldest go first.
    pub report_bytes: i64,
    /// How long reports are kept.
    pub report_age: Duration,
    /// Subjects of producers.
    pub producers: ProducerSubjects,
    /// Bytes that job events may take which the archive has not taken; beyond it what is published is refused, which its producer
    /// does not learn.
    pub job_event_bytes: i64,
    /// The same for metric samples.
    pub metric_bytes: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            replicas: 1,
            session_command_bytes: COMMAND_BYTES,
            node_allocation_command_bytes: COMMAND_BYTES,
            job_archive_command_bytes: COMMAND_BYTES,
            event_bytes: 4 * 1024 * 1024 * 1024,
            event_age: Duration::from_hours(7 * 24),
            // The broker sets these aside on its disk. An order has less than 1 KiB, a report 4 KiB at most.
            order_bytes: 64 * 1024 * 1024,
            report_bytes: 256 * 1024 * 1024,
            report_age: Duration::from_hours(7 * 24),
            producers: ProducerSubjects::default(),
            // Some 60,000 jobs with their scripts.
            job_event_bytes: 256 * 1024 * 1024,
            // Some 2,000,000 samples.
            metric_bytes: 256 * 1024 * 1024,
        }
    }
}

impl Limits {
    /// Bytes that the waiting commands of this service may take.
    #[must_use]
    pub const fn command_bytes(&self, service: Service) -> i64 {
        match service {
            Service::Session => self.session_command_bytes,
            Service::NodeAllocation => self.node_allocation_command_bytes,
            Service::JobArchive => self.job_archive_command_bytes,
        }
    }
}

/// Every stream of Muster.
#[must_use]
pub fn streams(limits: &Limits) -> Vec<Config> {
    let mut streams: Vec<Config> = Service::ALL
        .iter()
        .map(|service| Config {
            name: service.command_stream().to_owned(),
            description: Some(format!("Commands for {service}")),
            subjects: vec![format!("muster.cmd.{service}.>")],
            retention: RetentionPolicy::WorkQueue,
            discard: DiscardPolicy::New,
            max_bytes: limits.command_bytes(*service),
            ..common(limits)
        })
        .collect();
    streams.push(Config {
        name: EVENT_STREAM.to_owned(),
        description: Some("Events of all services".to_owned()),
        subjects: vec!["muster.evt.>".to_owned()],
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        max_bytes: limits.event_bytes,
        max_age: limits.event_age,
        ..common(limits)
    });
    streams.push(Config {
        name: ORDER_STREAM.to_owned(),
        description: Some("Orders to all agents".to_owned()),
        subjects: vec!["muster.agt.*.order.>".to_owned()],
        retention: RetentionPolicy::WorkQueue,
        discard: DiscardPolicy::New,
        max_bytes: limits.order_bytes,
        max_age: ORDER_AGE,
        ..common(limits)
    });
    streams.push(Config {
        name: REPORT_STREAM.to_owned(),
        description: Some("Reports of all agents".to_owned()),
        subjects: vec!["muster.agt.*.report.>".to_owned()],
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        max_bytes: limits.report_bytes,
        max_age: limits.report_age,
        ..common(limits)
    });
    streams.extend(producers::streams(limits));
    streams
}

pub(crate) fn common(limits: &Limits) -> Config {
    Config {
        storage: StorageType::File,
        num_replicas: limits.replicas,
        duplicate_window: DUPLICATE_WINDOW,
        ..Config::default()
    }
}

/// The durable consumer through which a service takes its commands. All its replicas share it.
///
/// Deliveries are not limited here: past `max_deliver` JetStream would leave a message stuck while it shows no lag. The
/// service counts deliveries itself and puts a message aside as a dead letter.
#[must_use]
pub fn command_consumer(service: Service) -> pull::Config {
    pull::Config {
        durable_name: Some(service.name().to_owned()),
        description: Some(format!("Commands taken by {service}")),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACKNOWLEDGE_WAIT,
        max_ack_pending: PENDING_ACKNOWLEDGEMENTS,
        max_deliver: -1,
        ..pull::Config::default()
    }
}

/// The durable consumer through which a service takes the events that the contract table names it as a consumer of; `None` if
/// there are none. All its replicas share it.
///
/// A service that is new takes all events that are still there, so that it catches up.
#[must_use]
pub fn event_consumer(service: Service) -> Option<pull::Config> {
    consumer_of(Kind::Event, "Events", service)
}

/// The durable consumer through which a service takes the reports of all agents that answer its orders; `None` if it gives
/// none. All its replicas share it.
#[must_use]
pub fn report_consumer(service: Service) -> Option<pull::Config> {
    consumer_of(Kind::Report, "Reports", service)
}

fn consumer_of(kind: Kind, what: &str, service: Service) -> Option<pull::Config> {
    let subjects: Vec<String> = entries(kind)
        .filter(|entry| entry.consumers.contains(&service.part()))
        .map(|entry| entry.subject.clone())
        .collect();
    (!subjects.is_empty()).then(|| pull::Config {
        description: Some(format!("{what} taken by {service}")),
        deliver_policy: DeliverPolicy::All,
        filter_subjects: subjects,
        ..command_consumer(service)
    })
}

/// The durable consumer through which an agent takes its orders. All processes that sign in as this agent share it.
#[must_use]
pub fn agent_consumer(agent: &str) -> pull::Config {
    pull::Config {
        durable_name: Some(agent_consumer_name(agent)),
        description: Some(format!("Orders to {agent}")),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ORDER_ACKNOWLEDGE_WAIT,
        max_ack_pending: PENDING_ACKNOWLEDGEMENTS,
        max_deliver: -1,
        filter_subject: subject::orders_to(agent),
        ..pull::Config::default()
    }
}

/// The name of [`agent_consumer`].
#[must_use]
pub fn agent_consumer_name(agent: &str) -> String {
    subject::encode_token(agent)
}

/// Every consumer of Muster with these agents, with the stream it reads.
#[must_use]
pub fn consumers(limits: &Limits, agents: &[String]) -> Vec<(&'static str, pull::Config)> {
    let commands =
        commanded_services().map(|service| (service.command_stream(), command_consumer(service)));
    let events = Service::ALL
        .iter()
        .filter_map(|service| Some((EVENT_STREAM, event_consumer(*service)?)));
    let reports = Service::ALL
        .iter()
        .filter_map(|service| Some((REPORT_STREAM, report_consumer(*service)?)));
    let orders = agents
        .iter()
        .map(|agent| (ORDER_STREAM, agent_consumer(agent)));
    let job_events = limits.producers.has_job_events();
    let productions = std::iter::once(METRIC_STREAM)
        .chain(job_events.then_some(JOB_EVENT_STREAM))
        .map(|stream| (stream, producers::consumer(stream)));
    commands
        .chain(productions)
        .chain(events)
        .chain(reports)
        .chain(orders)
        .collect()
}

/// Services that take at least one command.
pub fn commanded_services() -> impl Iterator<Item = Service> {
    Service::ALL
        .iter()
        .copied()
        .filter(|service| entries(Kind::Command).any(|entry| entry.service == *service))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::CONTRACT;

    #[test]
    fn each_stored_message_has_exactly_one_stream() {
        let streams = streams(&Limits::default());
        for entry in CONTRACT.iter() {
            let keeping: Vec<_> = streams
                .iter()
                .filter(|stream| {
                    stream
                        .subjects
                        .iter()
                        .any(|subject| matches(subject, &entry.subject))
                })
                .map(|stream| stream.name.as_str())
                .collect();
            assert_eq!(
                keeping,
                entry.stream().into_iter().collect::<Vec<_>>(),
                "{}",
                entry.subject
            );
        }
    }

    /// Whether the pattern of a stream takes in a subject of the table, which has `*` where it may have anything.
    fn matches(pattern: &str, subject: &str) -> bool {
        let mut tokens = subject.split('.');
        for token in pattern.split('.') {
            match (token, tokens.next()) {
                (">", found) => return found.is_some(),
                ("*", Some(_)) => {}
                (token, found) if found == Some(token) => {}
                _ => return false,
            }
        }
        tokens.next().is_none()
    }

    #[test]
    fn orders_and_reports_reach_those_they_are_for_and_nobody_else() {
        for service in Service::ALL {
            let config = report_consumer(*service).unwrap_or_default();
            for entry in entries(Kind::Report) {
                let filtered = config.filter_subjects.contains(&entry.subject);
                assert_eq!(
                    filtered,
                    entry.service == *service,
                    "{service} {}",
                    entry.subject
                );
            }
        }
        assert_eq!(report_consumer(Service::JobArchive), None);
        for (agent, other) in [("a", "b"), ("n1.dusty", "n1"), ("*", "a"), (">", "a")] {
            let filter = agent_consumer(agent).filter_subject;
            assert!(matches(&filter, &subject::order(agent, "run-node-hook")));
            assert!(!matches(&filter, &subject::order(other, "run-node-hook")));
            assert!(!matches(
                &filter,
                &subject::report(agent, "node-hook-finished")
            ));
            let name = agent_consumer_name(agent);
            assert!(!name.contains(['.', '*', '>', ' ', '/', '\\']), "{name}");
        }
    }

    #[test]
    fn each_event_reaches_those_it_is_for() {
        for service in Service::ALL {
            let config = event_consumer(*service).unwrap_or_default();
            for entry in entries(Kind::Event) {
                let wanted = entry.consumers.contains(&service.part());
                let filtered = config.filter_subjects.contains(&entry.subject);
                assert_eq!(filtered, wanted, "{service} {}", entry.subject);
            }
        }
        assert_eq!(event_consumer(Service::NodeAllocation), None);
    }

    #[test]
    fn a_service_has_one_consumer_of_its_name_on_a_stream() {
        let mut names: Vec<_> = consumers(
            &Limits::default(),
            &["a", "b", "session"].map(str::to_owned),
        )
        .into_iter()
        .map(|(stream, config)| (stream, config.durable_name.unwrap()))
        .collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn overload_of_a_command_stream_is_an_error_and_not_a_loss() {
        for stream in streams(&Limits::default()) {
            if stream.retention == RetentionPolicy::WorkQueue {
                assert_eq!(stream.discard, DiscardPolicy::New);
                assert!(stream.max_bytes > 0);
                let outlived = stream.name == ORDER_STREAM && stream.max_age == ORDER_AGE;
                assert!(outlived || stream.max_age == Duration::ZERO);
            } else {
                assert!(stream.max_age > Duration::ZERO);
            }
            assert_eq!(stream.persist_mode, None, "it acknowledges before writing");
        }
    }
}
