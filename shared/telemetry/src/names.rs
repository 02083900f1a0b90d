//! The names of spans, attributes and metrics: the only place that spells them. Dashboards and
//! their tests read from here.
//!
//! Where OpenTelemetry's semantic conventions have a name it is taken from their crate. The
//! messaging group is still in development there, so a new version may move names; this module is
//! what then has to follow. What the conventions have no name for begins with `nats.` or `muster.`.

pub use attributes::*;

/// Attribute keys of spans, metrics and the process.
mod attributes {
    pub use opentelemetry_semantic_conventions::attribute::{
        CLIENT_ADDRESS, DB_NAMESPACE, DB_OPERATION_BATCH_SIZE, DB_OPERATION_NAME, DB_SYSTEM_NAME,
        ERROR_TYPE, HTTP_REQUEST_BODY_SIZE, HTTP_REQUEST_METHOD, HTTP_RESPONSE_STATUS_CODE,
        HTTP_ROUTE, MESSAGING_BATCH_MESSAGE_COUNT, MESSAGING_CONSUMER_GROUP_NAME,
        MESSAGING_DESTINATION_NAME, MESSAGING_DESTINATION_TEMPLATE, MESSAGING_MESSAGE_BODY_SIZE,
        MESSAGING_MESSAGE_CONVERSATION_ID, MESSAGING_MESSAGE_ID, MESSAGING_OPERATION_NAME,
        MESSAGING_OPERATION_TYPE, MESSAGING_SYSTEM, SERVER_ADDRESS, SERVER_PORT,
        SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION, URL_PATH, URL_SCHEME,
        USER_AGENT_ORIGINAL,
    };

    /// The JetStream stream a message is in.
    pub const NATS_STREAM: &str = "nats.stream";
    /// The sequence number of a message in its stream.
    pub const NATS_STREAM_SEQUENCE: &str = "nats.stream_sequence";
    /// How often a message has been delivered, this time included.
    pub const NATS_DELIVERY_COUNT: &str = "nats.delivery_count";
    /// A message's identity for the inbox, the same when it is published again.
    pub const MUSTER_MESSAGE_ID: &str = "muster.message_id";
    /// The foreign HTTP API a request belongs to, such as `clustercockpit`.
    pub const MUSTER_DIALECT: &str = "muster.dialect";
    /// A command by its schema name, such as `job-archive.start`.
    pub const MUSTER_COMMAND: &str = "muster.command";
    /// A hook of the site, by the name of its program, such as `provision`.
    pub const MUSTER_HOOK: &str = "muster.hook";
    /// How a command ended: see [`CommandOutcome`](crate::metrics::CommandOutcome).
    pub const MUSTER_OUTCOME: &str = "muster.outcome";
    /// The part of Muster a value belongs to, such as `job-archive`.
    pub const MUSTER_PART: &str = "muster.part";
    /// Who a request is made for, by name.
    pub const MUSTER_PRINCIPAL: &str = "muster.principal";
    /// The project a request or message belongs to.
    pub const MUSTER_PROJECT: &str = "muster.project";
    /// A kind of message by its schema name, such as `node-allocation.allocate-nodes/1`.
    pub const MUSTER_MESSAGE: &str = "muster.message";
    /// The session that a message is about.
    pub const MUSTER_SESSION_ID: &str = "muster.session.id";
    /// What kind of session: `node`, `job` or `compute`.
    pub const MUSTER_SESSION_KIND: &str = "muster.session.kind";
    /// A state of sessions, by the name that their kind has for it.
    pub const MUSTER_SESSION_STATE: &str = "muster.session.state";
    /// A pool of nodes, by name.
    pub const MUSTER_POOL: &str = "muster.pool";
    /// A state of nodes.
    pub const MUSTER_NODE_STATE: &str = "muster.node.state";
    /// A group of agents, by name.
    pub const MUSTER_SCALING_GROUP: &str = "muster.scaling_group";
    /// How an agent is: `alive` or `lost`.
    pub const MUSTER_AGENT_STATUS: &str = "muster.agent.status";
    /// Something of which a project may have only so much: `nodes`, `sessions` or a kind of slot.
    pub const MUSTER_RESOURCE: &str = "muster.resource";
    /// What is lent out or waited for: `nodes` or `slots`.
    pub const MUSTER_QUEUE: &str = "muster.queue";
    /// Work that is done again and again, by name.
    pub const MUSTER_WORK: &str = "muster.work";
    /// Seconds from storing a message to taking it.
    pub const MUSTER_WAITED: &str = "muster.waited";
}

/// Fields of a span that `tracing-opentelemetry` reads as something other than an attribute.
pub mod field {
    /// The span's name; `tracing` itself wants a constant.
    pub const NAME: &str = "otel.name";
    /// The span's kind: one of [`kind`](super::kind).
    pub const KIND: &str = "otel.kind";
    /// The span's status: `ok` or `error`.
    pub const STATUS_CODE: &str = "otel.status_code";
    /// What went wrong, for the status `error`.
    pub const STATUS_DESCRIPTION: &str = "otel.status_description";
}

/// Values of [`field::KIND`].
pub mod kind {
    /// A request being answered.
    pub const SERVER: &str = "server";
    /// A request being made, also of a database.
    pub const CLIENT: &str = "client";
    /// A message being sent.
    pub const PRODUCER: &str = "producer";
    /// A message being processed.
    pub const CONSUMER: &str = "consumer";
}

/// Values of attributes that have fixed ones.
pub mod value {
    /// [`MESSAGING_SYSTEM`](super::MESSAGING_SYSTEM): not in the conventions' list, which allows
    /// others.
    pub const NATS: &str = "nats";
    /// [`MESSAGING_OPERATION_TYPE`](super::MESSAGING_OPERATION_TYPE): handing messages to the
    /// broker.
    pub const SEND: &str = "send";
    /// [`MESSAGING_OPERATION_TYPE`](super::MESSAGING_OPERATION_TYPE): taking messages from the
    /// broker.
    pub const RECEIVE: &str = "receive";
    /// [`MESSAGING_OPERATION_TYPE`](super::MESSAGING_OPERATION_TYPE): handling messages.
    pub const PROCESS: &str = "process";
    /// [`MESSAGING_OPERATION_TYPE`](super::MESSAGING_OPERATION_TYPE): telling the broker the
    /// outcome.
    pub const SETTLE: &str = "settle";
    /// [`DB_SYSTEM_NAME`](super::DB_SYSTEM_NAME).
    pub const SQLITE: &str = "sqlite";
    /// [`DB_SYSTEM_NAME`](super::DB_SYSTEM_NAME).
    pub const POSTGRESQL: &str = "postgresql";
    /// [`HTTP_REQUEST_METHOD`](super::HTTP_REQUEST_METHOD) of any method not known, so that clients
    /// cannot make up label values.
    pub const OTHER_METHOD: &str = "_OTHER";
    /// Of a label that has more values than are told apart: all the rest.
    pub const OTHER: &str = "_OTHER";
}

/// Names of metrics, as OpenTelemetry has them. On `/metrics` dots become underscores, and the unit
/// and `_total` are added: `muster.dead_letters` is `muster_dead_letters_total` there.
pub mod metric {
    pub use opentelemetry_semantic_conventions::metric::{
        HTTP_SERVER_REQUEST_DURATION, MESSAGING_CLIENT_CONSUMED_MESSAGES,
        MESSAGING_CLIENT_OPERATION_DURATION, MESSAGING_CLIENT_SENT_MESSAGES,
        MESSAGING_PROCESS_DURATION,
    };

    /// Seconds from accepting a command by HTTP to having its outcome. Histogram.
    pub const MUSTER_COMMAND_DURATION: &str = "muster.command.duration";
    /// Messages that were delivered again after they had been dealt with. Counter.
    pub const MUSTER_INBOX_DUPLICATES: &str = "muster.inbox.duplicates";
    /// Messages put aside because they could not be processed. Counter.
    pub const MUSTER_DEAD_LETTERS: &str = "muster.dead_letters";
    /// Messages dropped because they came faster than they were taken, of those that are said again anyway. Counter.
    pub const MUSTER_MESSAGES_DROPPED: &str = "muster.messages.dropped";
    /// Outbox rows not yet published. Gauge.
    pub const MUSTER_OUTBOX_UNPUBLISHED: &str = "muster.outbox.unpublished";
    /// Age in seconds of the oldest outbox row not yet published, 0 without one. Gauge.
    pub const MUSTER_OUTBOX_OLDEST_AGE: &str = "muster.outbox.oldest_age";
    /// Requests waiting for the outcome of a command. Up-down counter.
    pub const MUSTER_INGRESS_WAITERS: &str = "muster.ingress.waiters";
    /// Messages handled in one transaction. Histogram.
    pub const MUSTER_BATCH_SIZE: &str = "muster.batch.size";
    /// Seconds from storing a message (a command, an event, an order, a report) to the end of what it sets off where it is
    /// taken: one step of a saga. Histogram.
    pub const MUSTER_SAGA_STEP_DURATION: &str = "muster.saga.step.duration";
    /// Seconds that one run of work takes that is done again and again. Histogram.
    pub const MUSTER_PERIODIC_DURATION: &str = "muster.periodic.duration";
    /// Dead letters that nobody has replayed or discarded. Gauge.
    pub const MUSTER_DEAD_LETTERS_WAITING: &str = "muster.dead_letters.waiting";
    /// Messages that a stream holds. Gauge.
    pub const MUSTER_STREAM_MESSAGES: &str = "muster.stream.messages";
    /// Messages that a consumer has not been given yet. Gauge.
    pub const MUSTER_CONSUMER_PENDING: &str = "muster.consumer.pending";
    /// Messages that a consumer was given and has not acknowledged. Gauge.
    pub const MUSTER_CONSUMER_UNACKNOWLEDGED: &str = "muster.consumer.unacknowledged";
    /// Messages that a consumer was given more than once and has not acknowledged. Gauge.
    pub const MUSTER_CONSUMER_REDELIVERED: &str = "muster.consumer.redelivered";
    /// Messages of a work queue that nobody will be given: stored, but neither pending nor unacknowledged. Gauge.
    pub const MUSTER_MESSAGES_STUCK: &str = "muster.messages.stuck";
    /// Nodes of a pool in a state. Gauge.
    pub const MUSTER_POOL_NODES: &str = "muster.pool.nodes";
    /// Leases that are not over. Gauge.
    pub const MUSTER_LEASES: &str = "muster.leases";
    /// How much of a resource a project has. Gauge.
    pub const MUSTER_QUOTA_USED: &str = "muster.quota.used";
    /// How much of it the project may have; nothing where there is no limit. Gauge.
    pub const MUSTER_QUOTA_LIMIT: &str = "muster.quota.limit";
    /// Slots that the agents of a group have. Gauge.
    pub const MUSTER_SLOTS_CAPACITY: &str = "muster.slots.capacity";
    /// Slots of a group's agents that sessions have. Gauge.
    pub const MUSTER_SLOTS_OCCUPIED: &str = "muster.slots.occupied";
    /// Requests that wait in a queue. Gauge.
    pub const MUSTER_QUEUE_LENGTH: &str = "muster.queue.length";
    /// Seconds that the first of a queue has waited, 0 without one. Gauge.
    pub const MUSTER_QUEUE_OLDEST_WAIT: &str = "muster.queue.oldest_wait";
    /// Seconds that a request waited in a queue until it was granted, 0 for one that was met at once. Histogram.
    pub const MUSTER_QUEUE_WAIT: &str = "muster.queue.wait";
    /// Agents that run containers. Gauge.
    pub const MUSTER_AGENTS: &str = "muster.agents";
    /// Seconds since the last word of that agent of a group, of those that count as alive, that has been silent for longest. Gauge.
    pub const MUSTER_AGENTS_LONGEST_SILENCE: &str = "muster.agents.longest_silence";
    /// Sessions that are not over. Gauge.
    pub const MUSTER_SESSIONS: &str = "muster.sessions";
    /// Jobs whose files in the archive are still to be written, written anew or removed. Gauge.
    pub const MUSTER_ARCHIVE_BACKLOG: &str = "muster.archive.backlog";

    /// Every metric, for the tests of dashboards.
    pub const ALL: [&str; 34] = [
        HTTP_SERVER_REQUEST_DURATION,
        MESSAGING_CLIENT_CONSUMED_MESSAGES,
        MESSAGING_CLIENT_OPERATION_DURATION,
        MESSAGING_CLIENT_SENT_MESSAGES,
        MESSAGING_PROCESS_DURATION,
        MUSTER_COMMAND_DURATION,
        MUSTER_INBOX_DUPLICATES,
        MUSTER_DEAD_LETTERS,
        MUSTER_MESSAGES_DROPPED,
        MUSTER_OUTBOX_UNPUBLISHED,
        MUSTER_OUTBOX_OLDEST_AGE,
        MUSTER_INGRESS_WAITERS,
        MUSTER_BATCH_SIZE,
        MUSTER_SAGA_STEP_DURATION,
        MUSTER_PERIODIC_DURATION,
        MUSTER_DEAD_LETTERS_WAITING,
        MUSTER_STREAM_MESSAGES,
        MUSTER_CONSUMER_PENDING,
        MUSTER_CONSUMER_UNACKNOWLEDGED,
        MUSTER_CONSUMER_REDELIVERED,
        MUSTER_MESSAGES_STUCK,
        MUSTER_POOL_NODES,
        MUSTER_LEASES,
        MUSTER_QUOTA_USED,
        MUSTER_QUOTA_LIMIT,
        MUSTER_SLOTS_CAPACITY,
        MUSTER_SLOTS_OCCUPIED,
        MUSTER_QUEUE_LENGTH,
        MUSTER_QUEUE_OLDEST_WAIT,
        MUSTER_QUEUE_WAIT,
        MUSTER_AGENTS,
        MUSTER_AGENTS_LONGEST_SILENCE,
        MUSTER_SESSIONS,
        MUSTER_ARCHIVE_BACKLOG,
    ];
}

/// Names of spans: the operation and what kind of thing it is done to, never an id.
pub mod span {
    use super::value::{PROCESS, RECEIVE, SEND, SETTLE};

    /// `GET /api/jobs/{id}`.
    #[must_use]
    pub fn http_server(method: &str, route: &str) -> String {
        format!("{method} {route}")
    }

    /// `send muster.cmd.job-archive.v1.start`: a message to `destination`, without ids.
    #[must_use]
    pub fn send(destination: &str) -> String {
        format!("{SEND} {destination}")
    }

    /// `receive MUSTER_COMMANDS_JOB_ARCHIVE`: a batch from `destination`.
    #[must_use]
    pub fn receive(destination: &str) -> String {
        format!("{RECEIVE} {destination}")
    }

    /// `process muster.cmd.job-archive.v1.start`: a message from `destination`, without ids.
    #[must_use]
    pub fn process(destination: &str) -> String {
        format!("{PROCESS} {destination}")
    }

    /// `settle MUSTER_COMMANDS_JOB_ARCHIVE`: acknowledging messages of `destination`.
    #[must_use]
    pub fn settle(destination: &str) -> String {
        format!("{SETTLE} {destination}")
    }

    /// `run provision`: a program of the site.
    #[must_use]
    pub fn run(program: &str) -> String {
        format!("run {program}")
    }

    /// `commit job_archive`: a database operation in `namespace`.
    #[must_use]
    pub fn database(operation: &str, namespace: &str) -> String {
        format!("{operation} {namespace}")
    }
}
