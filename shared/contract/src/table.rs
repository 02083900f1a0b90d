//! The contract table: every message of Muster, once.

mod archive_api;

use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::{
    AgentQuestion, Command, Event, Message, Order, Outcome, Part, Query, Report, Service, Signal,
    agent, job_archive, node_allocation, reply::ReplySchema, session, subject, topology,
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
    /// Something for an agent to do.
    Order,
    /// What an agent says of an order.
    Report,
    /// What an agent says of itself again and again.
    Signal,
    /// A question to an agent.
    AgentQuestion,
}

/// One row of the contract table.
pub struct Entry {
    /// What it is for.
    pub kind: Kind,
    /// The service that owns what it is about: it takes the command, answers the query, emits the event, gives the order,
    /// takes the report.
    pub service: Service,
    /// Its name within the service.
    pub name: &'static str,
    /// Version of its body.
    pub version: u32,
    /// What the `Muster-Schema` header says.
    pub schema: String,
    /// Subject; of an event, with `*` for the project; of what agents take and say, with `*` for the agent.
    pub subject: String,
    /// Parts that publish it. A report and a signal come from the agents of the site, which are no parts.
    pub producers: &'static [Part],
    /// Parts that take it. Events are also for whoever else the site lets subscribe. An order and a
    /// question to an agent are for an agent.
    pub consumers: &'static [Part],
    /// JSON schema of the body.
    pub body: fn(&mut SchemaGenerator) -> Schema,
    /// JSON schema of what comes back: of a command the reply, of a question the answer.
    pub answer: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// Of an order: what the `Muster-Schema` header of the report says that answers it.
    pub answered_by: Option<String>,
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

    fn order<O: Order>() -> Self {
        let subject = subject::order_to_any_agent(O::NAME);
        Self {
            answered_by: Some(O::Report::schema()),
            ..Self::new::<O>(Kind::Order, subject, owner(O::SERVICE), &[], None)
        }
    }

    fn report<R: Report>() -> Self {
        let subject = subject::report_of_any_agent(R::NAME);
        Self::new::<R>(Kind::Report, subject, &[], owner(R::SERVICE), None)
    }

    fn signal<S: Signal>(consumers: &'static [Part]) -> Self {
        let subject = subject::signal_of_any_agent(S::NAME);
        Self::new::<S>(Kind::Signal, subject, &[], consumers, None)
    }

    fn agent_question<Q: AgentQuestion>(producers: &'static [Part]) -> Self {
        let subject = subject::question_to_any_agent(Q::NAME);
        let answer = schema_of::<Outcome<Q::Answer, Q::Refusal>>;
        Self::new::<Q>(Kind::AgentQuestion, subject, producers, &[], Some(answer))
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
            answered_by: None,
        }
    }

    /// The stream that keeps it; none keeps a question or a signal.
    #[must_use]
    pub fn stream(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Command => Some(self.service.command_stream()),
            Kind::Event => Some(topology::EVENT_STREAM),
            Kind::Query | Kind::Signal | Kind::AgentQuestion => None,
            Kind::Order => Some(topology::ORDER_STREAM),
            Kind::Report => Some(topology::REPORT_STREAM),
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
    entries.extend(compute_session_entries());
    entries.extend(node_allocation_entries());
    entries.extend(job_archive_entries());
    entries.extend(archive_api::entries());
    entries
});

fn session_entries() -> Vec<Entry> {
    use agent::{RunSessionHook, SessionHookFinished};
    use session::{
        AccountNodeSessions, AddSessionJob, CancelNodeRequest, CloseNodeSession, DeleteBackup,
        DeleteBackupAction, DeleteBackupClient, DeleteBackupJob, DeleteJobSession,
        DiscardDeadLetter, EndSessionJob, ExtendNodeSession, GrowNodeSession, HoldNodeSession,
        ListBackupActions, ListBackupClients, ListBackupJobs, ListBackups, ListDeadLetters,
        ListJobSessions, ListNodeSessions, ListSessionRuns, NodeSessionClosed, NodeSessionGrown,
        NodeSessionHeld, NodeSessionOpened, NodeSessionShrunk, NodeSessionTearDownFailed,
        OpenNodeSession, RegisterBackupClient, RemoveSessionJob, ReplayDeadLetter, SaveBackup,
        SaveBackupAction, SaveBackupJob, SaveJobSession, SessionJobEnded, SessionRunCompleted,
        SessionRunStarted, ShrinkNodeSession, SignalBackupJob, StartSessionJob,
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
        Entry::event::<NodeSessionTearDownFailed>(&[]),
        Entry::query::<ListNodeSessions>(&[Part::Ingress, Part::Operator]),
        Entry::query::<AccountNodeSessions>(&[Part::Operator]),
        Entry::query::<ListDeadLetters>(&[Part::Operator]),
        Entry::command::<SaveBackupJob>(&[Part::Ingress]),
        Entry::command::<DeleteBackupJob>(&[Part::Ingress]),
        Entry::command::<SignalBackupJob>(&[Part::Ingress]),
        Entry::command::<SaveBackupAction>(&[Part::Ingress]),
        Entry::command::<DeleteBackupAction>(&[Part::Ingress]),
        Entry::command::<RegisterBackupClient>(&[Part::Ingress]),
        Entry::command::<DeleteBackupClient>(&[Part::Ingress]),
        Entry::command::<SaveBackup>(&[Part::Ingress]),
        Entry::command::<DeleteBackup>(&[Part::Ingress]),
        Entry::query::<ListBackupJobs>(&[Part::Ingress]),
        Entry::query::<ListBackupActions>(&[Part::Ingress]),
        Entry::query::<ListBackupClients>(&[Part::Ingress]),
        Entry::query::<ListBackups>(&[Part::Ingress]),
        Entry::command::<SaveJobSession>(&[Part::Ingress]),
        Entry::command::<DeleteJobSession>(&[Part::Ingress]),
        Entry::command::<AddSessionJob>(&[Part::Ingress]),
        Entry::command::<RemoveSessionJob>(&[Part::Ingress]),
        Entry::command::<StartSessionJob>(&[Part::Ingress]),
        Entry::command::<EndSessionJob>(&[Part::Ingress]),
        Entry::event::<SessionRunStarted>(&[]),
        Entry::event::<SessionJobEnded>(&[Part::JobArchive]),
        Entry::event::<SessionRunCompleted>(&[]),
        Entry::query::<ListJobSessions>(&[Part::Ingress]),
        Entry::query::<ListSessionRuns>(&[Part::Ingress]),
        Entry::order::<RunSessionHook>(),
        Entry::report::<SessionHookFinished>(),
    ]
}

fn compute_session_entries() -> Vec<Entry> {
    use agent::{
        ContainerEnded, ContainerStarted, ContainersUsage, ExecuteCode, ReadContainerLogs,
        RestartContainer, StartContainer, StopContainer,
    };
    use session::{
        ComputeSessionChanged, CreateComputeSession, DestroyComputeSession, FindComputeSession,
        ListComputeContainers, ListComputeSessions, MatchComputeSessions, RestartComputeSession,
        UseComputeSession,
    };
    vec![
        Entry::command::<CreateComputeSession>(&[Part::Ingress]),
        Entry::command::<DestroyComputeSession>(&[Part::Ingress, Part::Operator]),
        Entry::command::<RestartComputeSession>(&[Part::Ingress]),
        Entry::command::<UseComputeSession>(&[Part::Ingress]),
        Entry::event::<ComputeSessionChanged>(&[Part::JobArchive, Part::Ingress]),
        Entry::query::<FindComputeSession>(&[Part::Ingress]),
        Entry::query::<MatchComputeSessions>(&[Part::Ingress]),
        Entry::query::<ListComputeSessions>(&[Part::Ingress, Part::Operator]),
        Entry::query::<ListComputeContainers>(&[Part::Ingress]),
        Entry::order::<StartContainer>(),
        Entry::order::<RestartContainer>(),
        Entry::order::<StopContainer>(),
        Entry::report::<ContainerStarted>(),
        Entry::report::<ContainerEnded>(),
        Entry::signal::<ContainersUsage>(&[Part::Session, Part::JobArchive]),
        Entry::agent_question::<ExecuteCode>(&[Part::Ingress]),
        Entry::agent_question::<ReadContainerLogs>(&[Part::Ingress]),
    ]
}

fn node_allocation_entries() -> Vec<Entry> {
    use agent::{AgentBeat, NodeHookFinished, RunNodeHook};
    use node_allocation::{
        AllocateNodes, AllocateSlots, AllocationRefused, CancelAllocation, ChangeNode,
        DiscardDeadLetter, ExplainAllocation, HoldNodes, ListAgents, ListDeadLetters, ListNodes,
        ListPools, NodesGranted, NodesHeld, NodesReleased, ReleaseNodes, ReleaseSlots,
        ReplayDeadLetter, SlotsGranted, SlotsLost, SlotsQueued, SlotsRefused,
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
        Entry::order::<RunNodeHook>(),
        Entry::report::<NodeHookFinished>(),
        Entry::command::<AllocateSlots>(&[Part::Session]),
        Entry::command::<ReleaseSlots>(&[Part::Session]),
        Entry::event::<SlotsGranted>(&[Part::Session]),
        Entry::event::<SlotsQueued>(&[Part::Session]),
        Entry::event::<SlotsRefused>(&[Part::Session]),
        Entry::event::<SlotsLost>(&[Part::Session]),
        Entry::query::<ListAgents>(&[Part::Ingress, Part::Operator]),
        Entry::signal::<AgentBeat>(&[Part::NodeAllocation]),
    ]
}

fn job_archive_entries() -> Vec<Entry> {
    use job_archive::{
        DiscardDeadLetter, JobMetrics, JobStarted, JobStopped, ListDeadLetters, ListJobs,
        ReplayDeadLetter, StartJob, StopJob,
    };
    vec![
        Entry::command::<StartJob>(&[Part::Ingress]),
        Entry::command::<StopJob>(&[Part::Ingress]),
        Entry::command::<ReplayDeadLetter>(&[Part::Operator]),
        Entry::command::<DiscardDeadLetter>(&[Part::Operator]),
        Entry::event::<JobStarted>(&[]),
        Entry::event::<JobStopped>(&[Part::Session]),
        Entry::query::<ListJobs>(&[Part::Ingress]),
        Entry::query::<JobMetrics>(&[Part::Ingress]),
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
        for entry in entries(Kind::Command).chain(entries(Kind::Query)) {
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

    #[test]
    fn every_order_comes_from_its_owner_who_takes_the_report_that_answers_it() {
        for order in entries(Kind::Order) {
            assert_eq!(order.producers, [order.service.part()], "{}", order.subject);
            let report = entries(Kind::Report)
                .find(|report| Some(&report.schema) == order.answered_by.as_ref())
                .unwrap_or_else(|| panic!("nothing answers {}", order.subject));
            assert_eq!(report.consumers, order.producers, "{}", report.subject);
        }
    }

    #[test]
    fn every_signal_is_for_its_service_and_comes_from_no_part() {
        for signal in entries(Kind::Signal) {
            let owner = signal.service.part();
            assert!(signal.consumers.contains(&owner), "{}", signal.subject);
            assert_eq!(signal.producers, [], "{}", signal.subject);
            assert!(signal.stream().is_none(), "{}", signal.subject);
        }
    }

    #[test]
    fn every_question_to_an_agent_has_somebody_who_asks_it_and_an_answer() {
        for question in entries(Kind::AgentQuestion) {
            assert!(!question.producers.is_empty(), "{}", question.subject);
            assert_eq!(question.consumers, [], "{}", question.subject);
            assert!(question.answer.is_some(), "{}", question.subject);
            assert!(question.stream().is_none(), "{}", question.subject);
        }
    }

    #[test]
    fn every_report_answers_an_order_and_comes_from_no_part() {
        for report in entries(Kind::Report) {
            assert_eq!(
                report.consumers,
                [report.service.part()],
                "{}",
                report.subject
            );
            assert_eq!(report.producers, [], "{}", report.subject);
            let answers = entries(Kind::Order)
                .any(|order| order.answered_by.as_ref() == Some(&report.schema));
            assert!(answers, "{}", report.subject);
        }
    }
}
