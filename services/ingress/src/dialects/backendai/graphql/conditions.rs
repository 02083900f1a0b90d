//! From a filter or an order in the manager's languages to what the session service is asked.

use muster_contract::session::{
    COMPARISON_LIMIT, CONDITION_VALUE_LIMIT, Comparison, ComparisonOperator, ComputeSessionField,
    ComputeSessionOrder, Condition, ConditionValue, ListComputeSessions,
};
use muster_platform::Timestamp;

use super::super::request_date::moment;
use super::filter_language::{Filter, Operator, Value, parse};
use super::identity::Names;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    /// One of some words, large or small.
    Word,
    /// `single-node` or `multi-node`, in any of their spellings.
    Mode,
    Number,
    Moment,
    /// A project, by its name or its id.
    Project,
    /// A principal, by its name or its id.
    User,
}

/// The fields that filters and orders name, in the words of all releases.
fn field(name: &str) -> Option<(ComputeSessionField, Kind)> {
    use ComputeSessionField as F;
    Some(match name {
        "id" | "session_id" | "row_id" => (F::Id, Kind::Text),
        "name" | "sess_id" => (F::Name, Kind::Text),
        "type" | "sess_type" => (F::Kind, Kind::Text),
        "image" | "lang" => (F::Image, Kind::Text),
        "tag" => (F::Tag, Kind::Text),
        "domain_name" => (F::Domain, Kind::Text),
        "group_name" | "project_name" => (F::Tenant, Kind::Text),
        "group_id" | "project_id" => (F::Tenant, Kind::Project),
        "user_email" | "full_name" => (F::User, Kind::Text),
        "user_id" => (F::User, Kind::User),
        "access_key" => (F::Owner, Kind::Text),
        "status" => (F::Status, Kind::Word),
        "status_info" => (F::StatusInfo, Kind::Text),
        "status_changed" | "status_updated" | "last_updated" => (F::StatusChangedAt, Kind::Moment),
        "created_at" => (F::CreatedAt, Kind::Moment),
        "terminated_at" => (F::TerminatedAt, Kind::Moment),
        "starts_at" => (F::StartsAt, Kind::Moment),
        "startup_command" => (F::StartupCommand, Kind::Text),
        "result" => (F::Result, Kind::Word),
        "scaling_group" => (F::ScalingGroup, Kind::Text),
        "cluster_size" => (F::ClusterSize, Kind::Number),
        "cluster_mode" => (F::ClusterMode, Kind::Mode),
        "agent" | "agent_id" | "agent_ids" | "agents" => (F::Agent, Kind::Text),
        _ => return None,
    })
}

/// What is meant by a filter.
pub(super) fn condition(
    text: &str,
    names: Names<'_>,
) -> Result<Condition<ComputeSessionField>, String> {
    let condition = meant(parse(text)?, names)?;
    if condition.comparisons() > COMPARISON_LIMIT {
        return Err(format!(
            "a filter has at most {COMPARISON_LIMIT} comparisons"
        ));
    }
    Ok(condition)
}

fn meant(filter: Filter, names: Names<'_>) -> Result<Condition<ComputeSessionField>, String> {
    Ok(match filter {
        Filter::All(one, other) => match (meant(*one, names)?, meant(*other, names)?) {
            // Side by side, so that it is seen which of them an index leads to.
            (one, Condition::All(mut others)) => {
                others.insert(0, one);
                Condition::All(others)
            }
            (one, other) => Condition::All(vec![one, other]),
        },
        Filter::Any(one, other) => Condition::Any(vec![meant(*one, names)?, meant(*other, names)?]),
        Filter::Not(one) => Condition::Not(Box::new(meant(*one, names)?)),
        Filter::Compare {
            field: name,
            operator,
            value,
        } => {
            let (field, kind) =
                field(&name).ok_or_else(|| format!("Unknown/unsupported field name: {name}"))?;
            let (operator, values) = compared(operator, kind, value, names)
                .map_err(|reason| format!("{name}: {reason}"))?;
            Condition::Field(Comparison {
                field,
                operator,
                values,
            })
        }
    })
}

fn compared(
    operator: Operator,
    kind: Kind,
    value: Value,
    names: Names<'_>,
) -> Result<(ComparisonOperator, Vec<ConditionValue>), String> {
    use ComparisonOperator as To;
    let plain = match (operator, &value) {
        (Operator::Is | Operator::Equal, Value::Null) => return Ok((To::IsNull, Vec::new())),
        (Operator::IsNot | Operator::NotEqual, Value::Null) => {
            return Ok((To::IsNotNull, Vec::new()));
        }
        (Operator::In, Value::Array(values)) if values.is_empty() => {
            return Err("there is nothing in the list".to_owned());
        }
        (Operator::In, Value::Array(values)) if values.len() > CONDITION_VALUE_LIMIT => {
            return Err(format!("a list has at most {CONDITION_VALUE_LIMIT} values"));
        }
        (Operator::In, Value::Array(_)) => To::In,
        (Operator::In, _) => return Err("in takes a list".to_owned()),
        (Operator::Equal, _) => To::Equal,
        (Operator::NotEqual, _) => To::NotEqual,
        (Operator::Greater, _) => To::Greater,
        (Operator::GreaterOrEqual, _) => To::GreaterOrEqual,
        (Operator::Less, _) => To::Less,
        (Operator::LessOrEqual, _) => To::LessOrEqual,
        (Operator::Contains, _) => To::Contains,
        (Operator::Like, _) => To::Like,
        (Operator::LikeIgnoringCase, _) => To::LikeIgnoringCase,
        (Operator::Is | Operator::IsNot, _) => return Err("is and isnot take null".to_owned()),
    };
    let is_pattern = matches!(plain, To::Contains | To::Like | To::LikeIgnoringCase);
    if is_pattern && matches!(kind, Kind::Number | Kind::Moment) {
        return Err("it is no text".to_owned());
    }
    let values = match value {
        Value::Array(values) if plain == To::In => values,
        value => vec![value],
    };
    let values = values
        .into_iter()
        .map(|value| converted(kind, is_pattern, value, names));
    let values = values.collect::<Result<Vec<_>, String>>()?;
    if let (To::Like | To::LikeIgnoringCase, [ConditionValue::Text(pattern)]) = (plain, &*values) {
        let backslashes = pattern.chars().rev().take_while(|&one| one == '\\');
        if backslashes.count() % 2 == 1 {
            return Err("a pattern must not end with \\".to_owned());
        }
    }
    Ok((plain, values))
}

fn converted(
    kind: Kind,
    is_pattern: bool,
    value: Value,
    names: Names<'_>,
) -> Result<ConditionValue, String> {
    let text = match (kind, value) {
        (Kind::Number, Value::Integer(number)) => return Ok(ConditionValue::Integer(number)),
        (Kind::Number, _) => return Err("it is a whole number".to_owned()),
        (Kind::Moment, Value::Text(text)) => {
            // A day alone is its beginning.
            let moment = moment(&text).or_else(|| moment(&format!("{text}T00:00:00")));
            let moment = moment.ok_or_else(|| format!("{text} is no date and time"))?;
            let moment = Timestamp::from(moment).as_micros();
            return Ok(ConditionValue::Integer(moment));
        }
        (Kind::Moment, _) => return Err("it is a date and time, as a text".to_owned()),
        (_, Value::Text(text)) if text.contains('\0') => {
            return Err("a text has the character NUL".to_owned());
        }
        (_, Value::Text(text)) => text,
        _ => return Err("it is a text".to_owned()),
    };
    Ok(ConditionValue::Text(match kind {
        _ if is_pattern => text,
        Kind::Word => text.to_ascii_uppercase(),
        Kind::Mode => text.to_ascii_lowercase().replace('_', "-"),
        Kind::Project => names.project(&text),
        Kind::User => names.user(&text),
        _ => text,
    }))
}

/// The order: `order` (`+name,-created_at`; clients from 21.03 on) or `order_key` and `order_asc`. What is unknown is told word for word
/// as by Backend.AI's manager.
pub(super) fn order(
    order: Option<&str>,
    key: Option<&str>,
    ascending: Option<bool>,
) -> Result<Vec<ComputeSessionOrder>, String> {
    let mut keys = Vec::new();
    match (order.filter(|order| !order.trim().is_empty()), key) {
        (Some(order), _) => {
            for key in order.split(',').map(str::trim) {
                let (key, ascending) = match key.strip_prefix('-') {
                    Some(key) => (key, false),
                    None => (key.strip_prefix('+').unwrap_or(key), true),
                };
                keys.push(order_by(key.trim(), ascending)?);
            }
        }
        (None, Some(key)) => keys.push(order_by(key, ascending.unwrap_or(true))?),
        (None, None) => {}
    }
    if keys.len() > ListComputeSessions::ORDER_LIMIT {
        return Err(format!(
            "an order has at most {} keys",
            ListComputeSessions::ORDER_LIMIT
        ));
    }
    Ok(keys)
}

fn order_by(name: &str, ascending: bool) -> Result<ComputeSessionOrder, String> {
    match field(name) {
        Some((key, _)) if key != ComputeSessionField::Agent => {
            Ok(ComputeSessionOrder { key, ascending })
        }
        _ => Err(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Condition<ComputeSessionField>, String> {
        condition(text, Names::default())
    }

    fn compares(text: &str) -> (ComparisonOperator, Vec<ConditionValue>) {
        match of(text) {
            Ok(Condition::Field(comparison)) => (comparison.operator, comparison.values),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn values_are_what_the_field_holds() {
        use ComparisonOperator as O;
        let text = |text: &str| vec![ConditionValue::Text(text.to_owned())];
        for (filter, expected) in [
            (r#"status == "running""#, (O::Equal, text("RUNNING"))),
            (
                r#"cluster_mode == "SINGLE_NODE""#,
                (O::Equal, text("single-node")),
            ),
            (
                "cluster_size > 1",
                (O::Greater, vec![ConditionValue::Integer(1)]),
            ),
            (
                r#"created_at >= "1970-01-01T00:00:01+00:00""#,
                (O::GreaterOrEqual, vec![ConditionValue::Integer(1_000_000)]),
            ),
            (
                r#"created_at < "1970-01-02""#,
                (O::Less, vec![ConditionValue::Integer(86_400_000_000)]),
            ),
            ("tag is null", (O::IsNull, vec![])),
            ("tag == null", (O::IsNull, vec![])),
            ("tag != null", (O::IsNotNull, vec![])),
            (r#"name ilike "Web%""#, (O::LikeIgnoringCase, text("Web%"))),
        ] {
            assert_eq!(compares(filter), expected, "{filter}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for filter in [
            "secret_key == \"x\"",
            "name == 1",
            "name is true",
            "name == 1.5",
            "name == [\"x\"]",
            "name in \"x\"",
            "name in []",
            "cluster_size == \"2\"",
            "created_at == \"yesterday\"",
            "created_at == 5",
            "created_at like \"2020%\"",
            r#"name like "x\""#,
            "name == \"\0\"",
        ] {
            assert!(of(filter).is_err(), "{filter}");
        }
    }

    #[test]
    fn a_condition_has_its_limits() {
        let comparisons = |count: usize| vec!["name == \"x\""; count].join(" & ");
        assert!(of(&comparisons(COMPARISON_LIMIT)).is_ok());
        assert!(of(&comparisons(COMPARISON_LIMIT + 1)).is_err());
        let values = |count: usize| format!("name in [{}]", vec!["\"x\""; count].join(","));
        assert!(of(&values(CONDITION_VALUE_LIMIT)).is_ok());
        assert!(of(&values(CONDITION_VALUE_LIMIT + 1)).is_err());
        let keys = |count: usize| order(Some(&vec!["name"; count].join(",")), None, None);
        assert!(keys(ListComputeSessions::ORDER_LIMIT).is_ok());
        assert!(keys(ListComputeSessions::ORDER_LIMIT + 1).is_err());
    }

    #[test]
    fn an_order_in_both_forms() {
        use ComputeSessionField::{CreatedAt, Name, StatusChangedAt};
        let of = |given, key, ascending| {
            let order = order(given, key, ascending).unwrap();
            let order = order.into_iter();
            order
                .map(|one| (one.key, one.ascending))
                .collect::<Vec<_>>()
        };
        assert_eq!(of(None, None, Some(true)), []);
        assert_eq!(of(Some(""), None, None), []);
        assert_eq!(of(Some("-created_at"), None, None), [(CreatedAt, false)]);
        assert_eq!(
            of(Some("+name, -created_at"), None, None),
            [(Name, true), (CreatedAt, false)]
        );
        assert_eq!(of(Some("name"), Some("created_at"), None), [(Name, true)]);
        assert_eq!(
            of(None, Some("status_changed"), None),
            [(StatusChangedAt, true)]
        );
        assert_eq!(
            of(None, Some("created_at"), Some(false)),
            [(CreatedAt, false)]
        );
        for unknown in ["secret_key", "agent", ""] {
            assert_eq!(order(None, Some(unknown), None).unwrap_err(), unknown);
        }
    }
}
