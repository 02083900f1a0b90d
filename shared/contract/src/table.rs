//! The contract table: every message of Muster, once.

use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::{
    Command, Event, Message, Outcome, Part, Query, Service, job_archive, node_allocation,
    reply::ReplySchema, session, subject,
};

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A request to change something.
    Command,
    /// A fact.
    Event,
    /// A question.
    Query,
}

/// One row of the contract table.
pub struct Entry {
    /// What it is for.
    pub kind: Kind,
    /// The service that owns what it is about: it takes the command, answers the query, emits the event.
    pub service: Service,
    /// Its name within the service.
    pub name: &'static str,
    /// Version of its body.
    pub version: u32,
    /// What the `Muster-Schema` header says.
    pub schema: String,
    /// Subject; of an event, with `*` for the project.
    pub subject: String,
    /// Parts that publish it.
    pub producers: &'static [Part],
    /// Parts that take it. Events are also for whoever else the site lets subscribe.
    pub consumers: &'static [Part],
    /// JSON schema of the body.
    pub body: fn(&mut SchemaGenerator) -> Schema,
    /// JSON schema of what comes back: of a command the reply, of a query the answer.
    pub answer: Option<fn(&mut SchemaGenerator) -> Schema>,
}

impl Entry {
    fn command<C: Command>(producers: &'static [Part]) -> Self {
        let subject = C::subject();
        let answer = schema_of::<ReplySchema<Outcome<C::Reply, C::Refusal>>>;
        Self::new::<C>(
            Kind::Command,
            subject,
            producers,
            owner(C::SERVICE),
            Some(answer),
        )
    }

    fn event<E: Event>(consumers: &'static [Part]) -> Self {
        let subject = subject::event_of_any_project(E::SERVICE.name(), E::VERSION, E::NAME);
        Self::new::<E>(Kind::Event, subject, owner(E::SERVICE), consumers, None)
    }

    fn query<Q: Query>(producers: &'static [Part]) -> Self {
        let subject = Q::subject();
        let answer = schema_of::<Outcome<Q::Answer, Q::Refusal>>;
        Self::new::<Q>(
            Kind::Query,
            subject,
            producers,
            owner(Q::SERVICE),
            Some(answer),
        )
    }

    fn new<M: Message>(
        kind: Kind,
        subject: String,
        producers: &'static [Part],
        consumers: &'static [Part],
        answer: Option<fn(&mut SchemaGenerator) -> Schema>,
    ) -> Self {
        Self {
            kind,
            service: M::SERVICE,
            name: M::NAME,
            version: M::VERSION,
            schema: M::schema(),
            subject,
            producers,
            consumers,
            body: schema_of::<M>,
            answer,
        }
    }

    /// The stream that keeps it; none keeps a query.
    #[must_use]
    pub fn stream(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Command => Some(self.service.command_stream()),
            Kind::Event => Some(crate::topology::EVENT_STREAM),
            Kind::Query => None,
        }
    }
}

fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

const fn owner(service: Service) -> &'static [Part] {
    match service {
        Service::Session => &[Part::Session],
        Service::NodeAllocation => &[Part::NodeAllocation],
        Service::JobArchive => &[Part::JobArchive],
    }
}

/// Every message of Muster.
pub static CONTRACT: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let mut entries = Vec::new();
    entries.extend(session_entries());
    entries.extend(node_allocation_entries());
    entries.extend(job_archive_entries());
    entries
});

fn session_entries() -> Vec<Entry> {
    use session::{
        AccountNodeSessions, CancelNodeRequest, CloseNodeSession, DiscardDeadLetter,
        ExtendNodeSession, GrowNodeSession, HoldNodeSession, ListDeadLetters, ListNodeSessions,
        NodeSessionClosed, NodeSessionGrown, NodeSessionHeld, NodeSessionOpened, NodeSessionShrunk,
        OpenNodeSession, ReplayDeadLetter, ShrinkNodeSession,
    };
    vec![
        Entry::command::<OpenNodeSession>(&[Part::Ingress]),
        Entry::command::<GrowNodeSession>(&[Part::Ingress]),
        Entry::command::<ShrinkNodeSession>(&[Part::Ingress]),
        Entry::command::<HoldNodeSession>(&[Part::Ingress]),
        Entry::command::<CloseNodeSession>(&[Part::Ingress, Part::Operator]),
        Entry::command::<ExtendNodeSession>(&[Part::Ingress]),
        Entry::command::<CancelNodeRequest>(&[Part::Ingress]),
        Entry::command::<ReplayDeadLetter>(&[Part::Operator]),
        Entry::command::<DiscardDeadLetter>(&[Part::Operator]),
        Entry::event::<NodeSessionOpened>(&[]),
        Entry::event::<NodeSessionGrown>(&[]),
        Entry::event::<NodeSessionShrunk>(&[]),
        Entry::event::<NodeSessionHeld>(&[]),
        Entry::event::<NodeSessionClosed>(&[]),
        Entry::query::<ListNodeSessions>(&[Part::Ingress, Part::Operator]),
        Entry::query::<AccountNodeSessions>(&[Part::Operator]),
        Entry::query::<ListDeadLetters>(&[Part::Operator]),
    ]
}

fn node_allocation_entries() -> Vec<Entry> {
    use node_allocation::{
        AllocateNodes, AllocationRefused, CancelAllocation, ChangeNode, DiscardDeadLetter,
        ExplainAllocation, HoldNodes, ListDeadLetters, ListNodes, ListPools, NodesGranted,
        NodesHeld, NodesReleased, ReleaseNodes, ReplayDeadLetter,
    };
    vec![
        Entry::command::<AllocateNodes>(&[Part::Session]),
        Entry::command::<CancelAllocation>(&[Part::Session]),
        Entry::command::<ReleaseNodes>(&[Part::Session]),
        Entry::command::<HoldNodes>(&[Part::Session]),
        Entry::command::<ChangeNode>(&[Part::Ingress, Part::Operator]),
        Entry::command::<ReplayDeadLetter>(&[Part::Operator]),
        Entry::command::<DiscardDeadLetter>(&[Part::Operator]),
        Entry::event::<NodesGranted>(&[Part::Session]),
        Entry::event::<AllocationRefused>(&[Part::Session]),
        Entry::event::<NodesReleased>(&[Part::Session]),
        Entry::event::<NodesHeld>(&[Part::Session]),
        Entry::query::<ListNodes>(&[Part::Ingress, Part::Operator]),
        Entry::query::<ListPools>(&[Part::Ingress, Part::Operator]),
        Entry::query::<ExplainAllocation>(&[Part::Ingress, Part::Operator]),
        Entry::query::<ListDeadLetters>(&[Part::Operator]),
    ]
}

fn job_archive_entries() -> Vec<Entry> {
    use job_archive::{
        DiscardDeadLetter, JobStarted, JobStopped, ListDeadLetters, ListJobs, ReplayDeadLetter,
        StartJob, StopJob,
    };
    vec![
        Entry::command::<StartJob>(&[Part::Ingress]),
        Entry::command::<StopJob>(&[Part::Ingress]),
        Entry::command::<ReplayDeadLetter>(&[Part::Operator]),
        Entry::command::<DiscardDeadLetter>(&[Part::Operator]),
        Entry::event::<JobStarted>(&[]),
        Entry::event::<JobStopped>(&[Part::Session]),
        Entry::query::<ListJobs>(&[Part::Ingress]),
        Entry::query::<ListDeadLetters>(&[Part::Operator]),
    ]
}

/// The entries of one kind.
pub fn entries(kind: Kind) -> impl Iterator<Item = &'static Entry> {
    CONTRACT.iter().filter(move |entry| entry.kind == kind)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_subject_and_no_schema_stands_twice() {
        let subjects: HashSet<_> = CONTRACT.iter().map(|entry| &entry.subject).collect();
        assert_eq!(subjects.len(), CONTRACT.len());
        let schemas: HashSet<_> = CONTRACT.iter().map(|entry| &entry.schema).collect();
        assert_eq!(schemas.len(), CONTRACT.len());
    }

    #[test]
    fn every_command_and_query_has_somebody_who_sends_it_and_its_owner_takes_it() {
        for entry in CONTRACT.iter().filter(|entry| entry.kind != Kind::Event) {
            assert!(!entry.producers.is_empty(), "{}", entry.subject);
            assert_eq!(entry.consumers, [entry.service.part()], "{}", entry.subject);
        }
    }

    #[test]
    fn every_event_comes_from_its_owner() {
        for entry in entries(Kind::Event) {
            assert_eq!(entry.producers, [entry.service.part()], "{}", entry.subject);
        }
    }
}
