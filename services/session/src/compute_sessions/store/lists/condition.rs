//! Conditions and orders in SQL.

use muster_contract::session::{
    COMPARISON_LIMIT, CONDITION_VALUE_LIMIT, Comparison, ComparisonOperator as Operator,
    ComputeSessionField as Field, Condition, ConditionValue, ListComputeSessions,
};
use muster_storage::{Bind, Engine};

use super::statement::Statement;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
}

/// Where a field is. What has no column of its own is in the document of what was asked for, which both engines read alike.
fn column(field: Field) -> (&'static str, Kind) {
    match field {
        Field::Id => ("compute_session.id", Kind::Text),
        Field::Name => ("compute_session.name", Kind::Text),
        Field::Kind => ("(json(compute_session.wish) ->> 'kind')", Kind::Text),
        Field::Image => (
            "(json(compute_session.wish) -> 'image' ->> 'name')",
            Kind::Text,
        ),
        Field::Tag => ("(json(compute_session.wish) ->> 'tag')", Kind::Text),
        Field::Domain => ("compute_session.domain", Kind::Text),
        Field::Tenant => ("compute_session.tenant", Kind::Text),
        Field::User => ("(json(compute_session.wish) ->> 'user')", Kind::Text),
        Field::Owner => ("compute_session.owner", Kind::Text),
        Field::Status => ("compute_session.status", Kind::Text),
        Field::StatusInfo => ("compute_session.status_info", Kind::Text),
        Field::StatusChangedAt => ("compute_session.status_changed_at", Kind::Number),
        Field::CreatedAt => ("compute_session.created_at", Kind::Number),
        Field::TerminatedAt => ("compute_session.terminated_at", Kind::Number),
        Field::StartsAt => (
            "CAST(json(compute_session.wish) ->> 'starts_at' AS BIGINT)",
            Kind::Number,
        ),
        Field::StartupCommand => (
            "(json(compute_session.wish) ->> 'startup_command')",
            Kind::Text,
        ),
        Field::Result => ("compute_session.result", Kind::Text),
        Field::ScalingGroup => ("compute_session.scaling_group", Kind::Text),
        Field::ClusterSize => (
            "CAST(json(compute_session.wish) ->> 'cluster_size' AS BIGINT)",
            Kind::Number,
        ),
        Field::ClusterMode => (
            "CASE WHEN CAST(json(compute_session.wish) ->> 'on_one_agent' AS TEXT) IN ('1', 'true') \
             THEN 'single-node' ELSE 'multi-node' END",
            Kind::Text,
        ),
        Field::Agent => ("compute_container.agent", Kind::Text),
    }
}

/// Why a question is not one that is answered. Those who ask have checked it; nothing else gets as far as a database.
pub(super) fn check(question: &ListComputeSessions) -> Result<(), String> {
    if question.order.len() > ListComputeSessions::ORDER_LIMIT {
        return Err("an order has too many keys".to_owned());
    }
    if question.order.iter().any(|order| order.key == Field::Agent) {
        return Err("nothing is ordered by its agents".to_owned());
    }
    let ids = question.filter.ids.as_deref().unwrap_or_default();
    if ids.len() > ListComputeSessions::PAGE_LIMIT as usize {
        return Err("too many ids".to_owned());
    }
    let Some(condition) = &question.filter.condition else {
        return Ok(());
    };
    if condition.comparisons() > COMPARISON_LIMIT {
        return Err("a condition has too many comparisons".to_owned());
    }
    check_condition(condition)
}

fn check_condition(condition: &Condition<Field>) -> Result<(), String> {
    match condition {
        Condition::All(parts) | Condition::Any(parts) if parts.is_empty() => {
            Err("a condition is empty".to_owned())
        }
        Condition::All(parts) | Condition::Any(parts) => parts.iter().try_for_each(check_condition),
        Condition::Not(part) => check_condition(part),
        Condition::Field(comparison) => check_comparison(comparison),
    }
}

fn check_comparison(comparison: &Comparison<Field>) -> Result<(), String> {
    let (_, kind) = column(comparison.field);
    let values = &comparison.values;
    let expected = match comparison.operator {
        Operator::IsNull | Operator::IsNotNull => 0..=0,
        Operator::In => 1..=CONDITION_VALUE_LIMIT,
        _ => 1..=1,
    };
    if !expected.contains(&values.len()) {
        return Err("a comparison has not as many values as it takes".to_owned());
    }
    let fits = |value: &ConditionValue| match value {
        ConditionValue::Text(text) => kind == Kind::Text && !text.contains('\0'),
        ConditionValue::Integer(_) => kind == Kind::Number,
    };
    if !values.iter().all(fits) {
        return Err("a value is not of the type of its field".to_owned());
    }
    let is_pattern = matches!(
        comparison.operator,
        Operator::Contains | Operator::Like | Operator::LikeIgnoringCase
    );
    if is_pattern && kind != Kind::Text {
        return Err("a pattern is compared with a number".to_owned());
    }
    let is_like = matches!(
        comparison.operator,
        Operator::Like | Operator::LikeIgnoringCase
    );
    let text = values.first().and_then(text_of).unwrap_or_default();
    if is_like && ends_in_escape(text) {
        return Err("a pattern must not end with \\".to_owned());
    }
    Ok(())
}

fn text_of(value: &ConditionValue) -> Option<&str> {
    match value {
        ConditionValue::Text(text) => Some(text),
        ConditionValue::Integer(_) => None,
    }
}

fn ends_in_escape(pattern: &str) -> bool {
    let backslashes = pattern.chars().rev().take_while(|&one| one == '\\');
    backslashes.count() % 2 == 1
}

/// Adds a condition that was checked.
pub(super) fn push(statement: &mut Statement, engine: Engine, condition: &Condition<Field>) {
    match condition {
        Condition::All(parts) => push_all(statement, engine, parts, " AND "),
        Condition::Any(parts) => push_all(statement, engine, parts, " OR "),
        Condition::Not(part) => {
            statement.push("NOT (");
            push(statement, engine, part);
            statement.push(")");
        }
        Condition::Field(comparison) if comparison.field == Field::Agent => {
            statement.push(
                "EXISTS (SELECT 1 FROM compute_container WHERE compute_container.session = compute_session.id AND ",
            );
            compare(statement, engine, comparison);
            statement.push(")");
        }
        Condition::Field(comparison) => compare(statement, engine, comparison),
    }
}

fn push_all(
    statement: &mut Statement,
    engine: Engine,
    parts: &[Condition<Field>],
    between: &'static str,
) {
    statement.push("(");
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            statement.push(between);
        }
        push(statement, engine, part);
    }
    statement.push(")");
}

fn compare(statement: &mut Statement, engine: Engine, comparison: &Comparison<Field>) {
    let (column, _) = column(comparison.field);
    let text = comparison
        .values
        .first()
        .and_then(text_of)
        .unwrap_or_default();
    let operator = match comparison.operator {
        Operator::Equal => " = ",
        Operator::NotEqual => " <> ",
        Operator::Greater => " > ",
        Operator::GreaterOrEqual => " >= ",
        Operator::Less => " < ",
        Operator::LessOrEqual => " <= ",
        Operator::Contains => return like(statement, engine, column, &containing(text)),
        Operator::Like => return like(statement, engine, column, text),
        Operator::LikeIgnoringCase => {
            statement.push("LOWER(");
            statement.push(column);
            statement.push(") LIKE LOWER(");
            statement.bind(text);
            return statement.push(") ESCAPE '\\'");
        }
        Operator::In => {
            statement.push(column);
            statement.push(" IN (");
            statement.bind_all(comparison.values.iter().map(bind));
            return statement.push(")");
        }
        Operator::IsNull | Operator::IsNotNull => {
            statement.push(column);
            let is_null = comparison.operator == Operator::IsNull;
            return statement.push(if is_null { " IS NULL" } else { " IS NOT NULL" });
        }
    };
    statement.push(column);
    statement.push(operator);
    if let Some(value) = comparison.values.first() {
        statement.bind(bind(value));
    }
}

fn bind(value: &ConditionValue) -> Bind {
    match value {
        ConditionValue::Text(text) => text.into(),
        ConditionValue::Integer(number) => (*number).into(),
    }
}

/// `LIKE` of SQLite does not tell large letters from small ones, but `GLOB` does.
fn like(statement: &mut Statement, engine: Engine, column: &'static str, pattern: &str) {
    statement.push(column);
    match engine {
        Engine::Sqlite => {
            statement.push(" GLOB ");
            statement.bind(glob(pattern));
        }
        Engine::Postgres => {
            statement.push(" LIKE ");
            statement.bind(pattern);
            statement.push(" ESCAPE '\\'");
        }
    }
}

/// The pattern of anything that contains a text.
fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for one in text.chars() {
        if matches!(one, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(one);
    }
    pattern.push('%');
    pattern
}

/// The same pattern for `GLOB`.
fn glob(pattern: &str) -> String {
    let mut glob = String::new();
    let mut characters = pattern.chars();
    while let Some(one) = characters.next() {
        match one {
            '%' => glob.push('*'),
            '_' => glob.push('?'),
            one => {
                let literal = if one == '\\' {
                    characters.next()
                } else {
                    Some(one)
                };
                match literal {
                    Some(special @ ('*' | '?' | '[')) => {
                        glob.push('[');
                        glob.push(special);
                        glob.push(']');
                    }
                    literal => glob.extend(literal),
                }
            }
        }
    }
    glob
}

/// Adds an order, and the id after it.
pub(super) fn order_by(statement: &mut Statement, question: &ListComputeSessions) {
    statement.push(" ORDER BY ");
    for order in &question.order {
        statement.push(column(order.key).0);
        statement.push(if order.ascending {
            " ASC NULLS LAST, "
        } else {
            " DESC NULLS FIRST, "
        });
    }
    match question.order.first() {
        None => statement.push("status_changed_at DESC, id DESC"),
        Some(order) if order.ascending => statement.push("id"),
        Some(_) => statement.push("id DESC"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_sqlite() {
        for (pattern, expected) in [
            ("a%b_c", "a*b?c"),
            (r"100\%", "100%"),
            (r"\\x", r"\x"),
            ("[*?]", "[[][*][?]]"),
            (r"\_\*", "_[*]"),
            ("", ""),
        ] {
            assert_eq!(glob(pattern), expected, "{pattern}");
        }
        assert_eq!(containing("5%_\\"), r"%5\%\_\\%");
        assert!(ends_in_escape(r"a\") && !ends_in_escape(r"a\\") && !ends_in_escape(""));
    }
}
