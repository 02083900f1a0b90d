//! The statement of a list: its streams, merged.
//!
//! ```sql
//! SELECT * FROM (SELECT … FROM job WHERE <stream> AND <range> AND <rest> ORDER BY start_time DESC, id DESC) AS j
//! UNION ALL …
//! ORDER BY start_time DESC, id DESC LIMIT $n
//! ```
//!
//! Both engines run this as a merge of index scans that ends with the last row that is wanted. The inner `ORDER BY` is
//! what makes PostgreSQL do so: without it, it reads all streams to their ends and sorts. It also wants to be told in
//! every stream that only so many rows are wanted, else it may sort a stream that it thinks short; SQLite must not be
//! told, for then it sorts each.

use muster_storage::{Bind, ComposedSql, Engine};

use super::job_row::{job_columns, no_meta_data};
use crate::domain::streams::{Filter, Stream};

/// A place in the list's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Cursor {
    pub(crate) start_time: i64,
    pub(crate) id: i64,
}

impl Cursor {
    /// Before the first job that can fit.
    pub(crate) fn first(filter: &Filter) -> Self {
        Self {
            start_time: filter.start_to,
            id: i64::MAX,
        }
    }
}

/// What is read of the jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Columns {
    /// The place in the list: in every index, so no job is read for it.
    Cursor,
    /// The job.
    Job,
    /// The job with its meta data.
    JobAndMetaData,
}

impl Columns {
    const fn text(self) -> &'static str {
        match self {
            Self::Cursor => "job.start_time, job.id",
            Self::Job => concat!(job_columns!(), ", ", no_meta_data!()),
            Self::JobAndMetaData => concat!(job_columns!(), ", job.meta_data"),
        }
    }
}

/// A statement with its values.
pub(crate) struct Statement {
    pub(crate) sql: ComposedSql,
    pub(crate) binds: Vec<Bind>,
}

/// Which of the jobs that fit are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slice {
    /// Those after this place ...
    pub(crate) after: Cursor,
    /// ... without so many ...
    pub(crate) skipped: u64,
    /// ... and so many at most.
    pub(crate) limit: u64,
}

/// Reads the slice of what the streams have.
pub(crate) fn list_statement(
    engine: Engine,
    filter: &Filter,
    streams: &[Stream<'_>],
    columns: Columns,
    slice: Slice,
) -> Statement {
    let mut text = Text::default();
    let Slice {
        after,
        skipped,
        limit,
    } = slice;
    let range = Range {
        start_time: text.place(after.start_time),
        id: text.place(after.id),
        start_from: text.place(filter.start_from),
    };
    let rest = Rest::of(filter, streams, &mut text);
    let enough =
        (engine == Engine::Postgres).then(|| text.place(count(limit.saturating_add(skipped))));
    for (number, stream) in streams.iter().enumerate() {
        text.push(if number == 0 { "" } else { " UNION ALL " });
        text.push("SELECT * FROM (SELECT ");
        text.push(columns.text());
        text.push(" FROM job WHERE ");
        text.stream(*stream);
        text.push("(job.start_time, job.id) < (");
        text.at(range.start_time);
        text.push(", ");
        text.at(range.id);
        text.push(") AND job.start_time >= ");
        text.at(range.start_from);
        rest.write(&mut text);
        text.push(" ORDER BY job.start_time DESC, job.id DESC");
        if let Some(enough) = enough {
            text.push(" LIMIT ");
            text.at(enough);
        }
        text.push(") AS j");
    }
    text.push(" ORDER BY start_time DESC, id DESC LIMIT ");
    text.value(count(limit));
    if skipped > 0 {
        text.push(" OFFSET ");
        text.value(count(skipped));
    }
    Statement {
        sql: text.sql,
        binds: text.binds,
    }
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Places of the values that bound every stream.
struct Range {
    start_time: usize,
    id: usize,
    start_from: usize,
}

/// Places of the values that jobs must have besides those that make them part of a stream.
struct Rest {
    states: Vec<usize>,
    cluster: Option<usize>,
    project: Option<usize>,
    user: Option<usize>,
}

impl Rest {
    /// What the streams do not see to themselves. All streams of a list are of one kind.
    fn of(filter: &Filter, streams: &[Stream<'_>], text: &mut Text) -> Self {
        let by_state = matches!(streams, [Stream::State { .. }, ..]);
        let by_project = matches!(streams, [Stream::Project { .. }, ..]);
        let by_user = matches!(streams, [Stream::User { .. }, ..]);
        let mut place = |value: Option<&str>, seen_to: bool| {
            value.filter(|_| !seen_to).map(|value| text.place(value))
        };
        Self {
            cluster: place(filter.cluster.as_deref(), by_state),
            project: place(filter.project.as_deref(), by_project),
            user: place(filter.scope.user(), by_user),
            states: filter
                .states
                .iter()
                .filter_map(|state| place(Some(state.name()), by_state))
                .collect(),
        }
    }

    fn write(&self, text: &mut Text) {
        for (column, value) in [
            (" AND job.cluster = ", self.cluster),
            (" AND job.project = ", self.project),
            (" AND job.user_name = ", self.user),
        ] {
            if let Some(value) = value {
                text.push(column);
                text.at(value);
            }
        }
        for (number, state) in self.states.iter().enumerate() {
            text.push(if number == 0 {
                " AND job.state IN ("
            } else {
                ", "
            });
            text.at(*state);
        }
        text.push(if self.states.is_empty() { "" } else { ")" });
    }
}

/// A statement in the making.
#[derive(Default)]
struct Text {
    sql: ComposedSql,
    binds: Vec<Bind>,
}

impl Text {
    fn push(&mut self, piece: &'static str) {
        self.sql = std::mem::take(&mut self.sql).push(piece);
    }

    /// Keeps a value and tells its place.
    fn place(&mut self, value: impl Into<Bind>) -> usize {
        self.binds.push(value.into());
        self.binds.len()
    }

    /// Writes the place of a value that is kept.
    fn at(&mut self, place: usize) {
        self.sql = std::mem::take(&mut self.sql).push_place(place);
    }

    /// Keeps a value and writes its place.
    fn value(&mut self, value: impl Into<Bind>) {
        let place = self.place(value);
        self.at(place);
    }

    fn stream(&mut self, stream: Stream<'_>) {
        let (tenant, column) = match stream {
            Stream::Everything => return,
            Stream::Tenant { tenant } => (tenant, None),
            Stream::User { tenant, user } => (tenant, Some((" AND job.user_name = ", user))),
            Stream::Project { tenant, project } => (tenant, Some((" AND job.project = ", project))),
            Stream::State {
                tenant,
                cluster,
                state,
            } => {
                self.push("job.state = ");
                self.value(state.name());
                self.push(" AND ");
                (tenant, Some((" AND job.cluster = ", cluster)))
            }
        };
        self.push("job.tenant = ");
        self.value(tenant);
        if let Some((condition, value)) = column {
            self.push(condition);
            self.value(value);
        }
        self.push(" AND ");
    }
}
