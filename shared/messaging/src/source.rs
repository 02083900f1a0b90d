//! Where a service takes messages from.

use muster_contract::{Service, subject, topology::EVENT_STREAM};

/// A durable consumer that all replicas of a service share.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) stream: &'static str,
    pub(crate) consumer: &'static str,
    /// What comes from it, in messages for people.
    pub(crate) what: &'static str,
    /// Subject of the events that come again through the stream of commands.
    replayed: String,
}

/// Which of a service's handlers a message is for. By its subject, which the broker guards, and not by what it says of
/// itself: whoever may send a command must not be able to pass it off as an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Family {
    Command,
    Event,
}

impl Source {
    /// The commands of the service.
    pub(crate) fn commands(service: Service) -> Self {
        Self {
            stream: service.command_stream(),
            consumer: service.name(),
            what: "commands",
            replayed: subject::replayed_event(service.name()),
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

    /// What a message with this subject is.
    pub(crate) fn family(&self, subject: &str) -> Family {
        if self.stream == EVENT_STREAM || subject == self.replayed {
            Family::Event
        } else {
            Family::Command
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subject_tells_events_from_commands() {
        let commands = Source::commands(Service::Session);
        let replayed = "muster.cmd.session.replayed-event";
        assert_eq!(commands.family(replayed), Family::Event);
        let command = "muster.cmd.session.v1.open-node-session";
        assert_eq!(commands.family(command), Family::Command);
        let event = "muster.evt.node-allocation.v1.demo.nodes.granted";
        assert_eq!(
            Source::events(Service::Session).family(event),
            Family::Event
        );
    }
}
