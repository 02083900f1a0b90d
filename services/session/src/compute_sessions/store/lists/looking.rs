//! Pages that are looked for: with conditions, and in orders that no index has.

use muster_contract::session::{
    ComparisonOperator as Operator, ComputeSessionField as Field, ComputeSessionFilter,
    ComputeSessionStatus, Condition, ListComputeSessions, ListComputeSessionsRefusal,
};
use muster_storage::{Bind, ComposedSql, Engine, Snapshot, StorageError};
use uuid::Uuid;

use super::{
    super::session_row::id,
    condition,
    scope::{Scope, whose},
    statement::Statement,
};

/// What is found: the ids of a page and how many there are on all; or why nothing was looked for.
type Found = Result<(Vec<Uuid>, u64), ListComputeSessionsRefusal>;

/// Looks, unless there is too much to look through.
pub(super) async fn ids(
    snapshot: &mut Snapshot,
    engine: Engine,
    question: &ListComputeSessions,
    scope: &Scope,
) -> Result<Found, StorageError> {
    let filter = &question.filter;
    if scope.total() == 0 || filter.ids.as_ref().is_some_and(Vec::is_empty) {
        return Ok(Ok((Vec::new(), 0)));
    }
    let limit = ListComputeSessions::LOOK_LIMIT;
    if filter.ids.is_none() && scope.total() > u64::from(limit) {
        let Some((sql, binds)) = width_statement(engine, filter, scope) else {
            return Ok(Err(ListComputeSessionsRefusal::TooWide { limit }));
        };
        if number(snapshot, sql, &binds).await? > u64::from(limit) {
            return Ok(Err(ListComputeSessionsRefusal::TooWide { limit }));
        }
    }
    let total = if filter.ids.is_none() && filter.condition.is_none() {
        scope.total()
    } else {
        let (sql, binds) = total_statement(engine, filter, scope);
        number(snapshot, sql, &binds).await?
    };
    if total <= u64::from(question.offset) || question.limit == 0 {
        return Ok(Ok((Vec::new(), total)));
    }
    let (sql, binds) = page_statement(engine, question, scope);
    let rows: Vec<(String,)> = snapshot.fetch_composed(sql, &binds).await?;
    let ids: Result<Vec<Uuid>, StorageError> = rows.iter().map(|(session,)| id(session)).collect();
    Ok(Ok((ids?, total)))
}

async fn number(
    snapshot: &mut Snapshot,
    sql: ComposedSql,
    binds: &[Bind],
) -> Result<u64, StorageError> {
    let rows: Vec<(i64,)> = snapshot.fetch_composed(sql, binds).await?;
    let number = rows.first().map_or(0, |(number,)| *number);
    Ok(u64::try_from(number).unwrap_or_default())
}

/// What an index leads to, the fewest first: an equal name is that of few, and so is a span of time.
const INDEXED: [Field; 4] = [
    Field::Id,
    Field::Name,
    Field::CreatedAt,
    Field::StatusChangedAt,
];

/// The parts of the condition that an index leads to.
fn leading(condition: &Condition<Field>) -> Vec<&Condition<Field>> {
    let parts: Vec<&Condition<Field>> = match condition {
        Condition::All(parts) => parts.iter().collect(),
        other => vec![other],
    };
    let leads = |part: &&Condition<Field>, field: Field| match part {
        Condition::Field(comparison) if comparison.field == field => matches!(
            comparison.operator,
            Operator::Equal
                | Operator::In
                | Operator::Greater
                | Operator::GreaterOrEqual
                | Operator::Less
                | Operator::LessOrEqual
        ),
        _ => false,
    };
    INDEXED
        .into_iter()
        .map(|field| {
            let parts = parts.iter().copied();
            parts.filter(|part| leads(part, field)).collect::<Vec<_>>()
        })
        .find(|leading| !leading.is_empty())
        .unwrap_or_default()
}

/// How many have to be looked through, as far as it matters; `None` = all of the scope.
pub(in super::super) fn width_statement(
    engine: Engine,
    filter: &ComputeSessionFilter,
    scope: &Scope,
) -> Option<(ComposedSql, Vec<Bind>)> {
    let leading = leading(filter.condition.as_ref()?);
    if leading.is_empty() {
        return None;
    }
    let mut statement =
        Statement::begin("SELECT COUNT(*) FROM (SELECT 1 AS one FROM compute_session WHERE ");
    whose_in(&mut statement, filter, scope);
    for part in leading {
        statement.push(" AND ");
        condition::push(&mut statement, engine, part);
    }
    statement.push(" LIMIT ");
    statement.bind(i64::from(ListComputeSessions::LOOK_LIMIT) + 1);
    statement.push(") AS looked");
    Some(statement.done())
}

/// How many there are.
pub(in super::super) fn total_statement(
    engine: Engine,
    filter: &ComputeSessionFilter,
    scope: &Scope,
) -> (ComposedSql, Vec<Bind>) {
    let mut statement = Statement::begin("SELECT COUNT(*) FROM compute_session WHERE ");
    all_of(&mut statement, engine, filter, scope);
    statement.done()
}

/// The ids of a page.
pub(in super::super) fn page_statement(
    engine: Engine,
    question: &ListComputeSessions,
    scope: &Scope,
) -> (ComposedSql, Vec<Bind>) {
    let mut statement = Statement::begin("SELECT id FROM compute_session WHERE ");
    all_of(&mut statement, engine, &question.filter, scope);
    condition::order_by(&mut statement, question);
    let limit = question.limit.min(ListComputeSessions::PAGE_LIMIT);
    statement.push(" LIMIT ");
    statement.bind(limit);
    statement.push(" OFFSET ");
    statement.bind(question.offset);
    statement.done()
}

fn all_of(statement: &mut Statement, engine: Engine, filter: &ComputeSessionFilter, scope: &Scope) {
    if let Some(ids) = &filter.ids {
        statement.push("compute_session.id IN (");
        statement.bind_all(ids.iter().map(Uuid::to_string));
        statement.push(") AND ");
    }
    whose_in(statement, filter, scope);
    if let Some(condition) = &filter.condition {
        statement.push(" AND ");
        condition::push(statement, engine, condition);
    }
}

fn whose_in(statement: &mut Statement, filter: &ComputeSessionFilter, scope: &Scope) {
    whose(statement, filter);
    statement.push(if filter.ids.is_none() {
        "status IN ("
    } else {
        "status || '' IN ("
    });
    statement.bind_all(scope.statuses().map(ComputeSessionStatus::name));
    statement.push(")");
}
