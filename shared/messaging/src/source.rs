//! Where a service takes messages from.

use muster_contract::{
    Service,
    producers::{JOB_EVENT_STREAM, METRIC_STREAM},
    subject,
    topology::{EVENT_STREAM, REPORT_STREAM},
};

/// A durable consumer that all replicas of a service share.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) stream: &'static str,
    pub(crate) consumer: &'static str,
    /// What comes from it, in messages for people.
    pub(crate) what: &'static str,
    /// Subject of the events that come again through the stream of commands.
    replayed_event: String,
    /// The same for what producers publish.
    replayed_production: String,
}

/// Which of a service's handlers a message is for. By its subject, which the broker guards, and not by what it says of
/// itself: whoever may send a command must not be able to pass it off as an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Family {
    Command,
    Event,
    Report,
    /// What a producer publishes.
    Production,
}

impl Source {
    /// The commands of the service.
    pub(crate) fn commands(service: Service) -> Self {
        Self {
            stream: service.command_stream(),
            consumer: service.name(),
            what: "commands",
            replayed_event: subject::replayed_event(service.name()),
            replayed_production: subject::replayed_production(service.name()),
        }
    }

    /// The events it reacts to.
    pub(crate) fn events(service: Service) -> Self {
        Self {
            stream: EVENT_STREAM,
            what: "events",
            ..Self::commands(service)
        }
    }

    /// The reports of agents that answer its orders.
    pub(crate) fn reports(service: Service) -> Self {
        Self {
            stream: REPORT_STREAM,
            what: "reports",
            ..Self::commands(service)
        }
    }

    /// What producers publish of jobs and nodes.
    pub(crate) fn job_events(service: Service) -> Self {
        Self {
            stream: JOB_EVENT_STREAM,
            what: "job events",
            ..Self::commands(service)
        }
    }

    /// What producers publish of measurements.
    pub(crate) fn metrics(service: Service) -> Self {
        Self {
            stream: METRIC_STREAM,
            what: "metric samples",
            ..Self::commands(service)
        }
    }

    /// What a message with this subject is; of a report, whose; of a producer's message, the subject, unless it comes again.
    pub(crate) fn origin(&self, subject: &str) -> (Family, Option<String>) {
        if self.stream == EVENT_STREAM || subject == self.replayed_event {
            return (Family::Event, None);
        }
        if self.stream == JOB_EVENT_STREAM {
            return (Family::Production, Some(subject.to_owned()));
        }
        if subject == self.replayed_production {
            return (Family::Production, None);
        }
        match subject::reporting_agent(subject) {
            Some(agent) => (Family::Report, Some(agent)),
            None => (Family::Command, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subject_tells_what_a_message_is() {
        let commands = Source::commands(Service::Session);
        let replayed = "muster.cmd.session.replayed-event";
        assert_eq!(commands.origin(replayed), (Family::Event, None));
        let command = "muster.cmd.session.v1.open-node-session";
        assert_eq!(commands.origin(command), (Family::Command, None));
        let event = "muster.evt.node-allocation.v1.demo.nodes.granted";
        assert_eq!(
            Source::events(Service::Session).origin(event),
            (Family::Event, None)
        );
        let reports = Source::reports(Service::Session);
        let of_agent = (Family::Report, Some("n1.dusty".to_owned()));
        let report = "muster.agt.n1%2Edusty.report.session-hook-finished";
        assert_eq!(reports.origin(report), of_agent);
        let produced = Source::job_events(Service::JobArchive);
        let origin = (Family::Production, Some("cc.job.event".to_owned()));
        assert_eq!(produced.origin("cc.job.event"), origin);
        let replayed = "muster.cmd.session.replayed-production";
        assert_eq!(commands.origin(replayed), (Family::Production, None));
        let replayed = "muster.cmd.session.replayed-report.n1%2Edusty";
        assert_eq!(commands.origin(replayed), of_agent);
    }
}
