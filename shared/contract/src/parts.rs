//! The parts of Muster that sign in to NATS, and the services among them that own tables.

use std::fmt;

/// Whoever connects to NATS under its own name. Its key allows it the subjects of the contract table and no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// The HTTP ingress.
    Ingress,
    /// The service that owns sessions.
    Session,
    /// The service that owns pools, nodes and leases.
    NodeAllocation,
    /// The service that owns the archive of jobs.
    JobArchive,
    /// The operator's command line; it may use every subject.
    Operator,
}

impl Part {
    /// Every part.
    pub const ALL: &'static [Part] = &[
        Part::Ingress,
        Part::Session,
        Part::NodeAllocation,
        Part::JobArchive,
        Part::Operator,
    ];

    /// The name used for its NATS user, its settings section, its sub command and its files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Part::Ingress => "ingress",
            Part::Session => "session",
            Part::NodeAllocation => "node-allocation",
            Part::JobArchive => "job-archive",
            Part::Operator => "operator",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A part that owns tables and takes commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// Sessions: what belongs together, has an owner and a life.
    Session,
    /// Pools, nodes, leases, quotas and the queue for them.
    NodeAllocation,
    /// Jobs, tags and cluster descriptions.
    JobArchive,
}

impl Service {
    /// Every service.
    pub const ALL: &'static [Service] = &[
        Service::Session,
        Service::NodeAllocation,
        Service::JobArchive,
    ];

    /// The part it signs in as.
    #[must_use]
    pub const fn part(self) -> Part {
        match self {
            Service::Session => Part::Session,
            Service::NodeAllocation => Part::NodeAllocation,
            Service::JobArchive => Part::JobArchive,
        }
    }

    /// Its name, the third token of its subjects.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.part().name()
    }

    /// The service with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|service| service.name() == name)
    }

    /// The work-queue stream that keeps its commands.
    #[must_use]
    pub const fn command_stream(self) -> &'static str {
        match self {
            Service::Session => "MUSTER_COMMANDS_SESSION",
            Service::NodeAllocation => "MUSTER_COMMANDS_NODE_ALLOCATION",
            Service::JobArchive => "MUSTER_COMMANDS_JOB_ARCHIVE",
        }
    }

    /// Its PostgreSQL schema.
    #[must_use]
    pub const fn schema(self) -> &'static str {
        match self {
            Service::Session => "session",
            Service::NodeAllocation => "node_allocation",
            Service::JobArchive => "job_archive",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
