//! Subjects: `muster.<kind>.<service>.v<version>.…`. No ids in them but the project of an event (so that a tenant's
//! subscriber can be let in to just its own): JetStream keeps an index entry per subject.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// First token of every subject.
pub const ROOT: &str = "muster";

/// What may stand in a token as it is: letters, digits, `-` and `_`. Dots, blanks, wildcards and everything else are
/// percent-encoded.
const TOKEN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// Stands for an empty name; `%` alone cannot come out of the encoding.
const EMPTY: &str = "%";

/// A name as one token of a subject.
///
/// ```
/// assert_eq!(muster_contract::subject::encode_token("a.b c"), "a%2Eb%20c");
/// ```
#[must_use]
pub fn encode_token(name: &str) -> String {
    if name.is_empty() {
        return EMPTY.to_owned();
    }
    utf8_percent_encode(name, TOKEN).to_string()
}

/// The name that [`encode_token`] made the token of; `None` if it made no such token.
#[must_use]
pub fn decode_token(token: &str) -> Option<String> {
    if token == EMPTY {
        return Some(String::new());
    }
    percent_decode_str(token)
        .decode_utf8()
        .ok()
        .map(std::borrow::Cow::into_owned)
}

/// Subject of a command.
#[must_use]
pub fn command(service: &str, version: u32, name: &str) -> String {
    format!("{ROOT}.cmd.{service}.v{version}.{name}")
}

/// Subject of a query.
#[must_use]
pub fn query(service: &str, version: u32, name: &str) -> String {
    format!("{ROOT}.qry.{service}.v{version}.{name}")
}

/// Subject of an event of one project.
#[must_use]
pub fn event(service: &str, version: u32, project: &str, name: &str) -> String {
    format!(
        "{ROOT}.evt.{service}.v{version}.{}.{name}",
        encode_token(project)
    )
}

/// Subject of an event of every project.
#[must_use]
pub fn event_of_any_project(service: &str, version: u32, name: &str) -> String {
    format!("{ROOT}.evt.{service}.v{version}.*.{name}")
}

/// Subject of an order to an agent.
#[must_use]
pub fn order(agent: &str, name: &str) -> String {
    format!("{ROOT}.agt.{}.order.{name}", encode_token(agent))
}

/// Subject of the orders of this kind to every agent.
#[must_use]
pub fn order_to_any_agent(name: &str) -> String {
    format!("{ROOT}.agt.*.order.{name}")
}

/// Subject of all orders to an agent.
#[must_use]
pub fn orders_to(agent: &str) -> String {
    format!("{ROOT}.agt.{}.order.>", encode_token(agent))
}

/// Subject of an agent's report.
#[must_use]
pub fn report(agent: &str, name: &str) -> String {
    format!("{ROOT}.agt.{}.report.{name}", encode_token(agent))
}

/// Subject of the reports of this kind of every agent.
#[must_use]
pub fn report_of_any_agent(name: &str) -> String {
    format!("{ROOT}.agt.*.report.{name}")
}

/// The agent whose report has this subject, be it its first or a [replayed](replayed_report) one.
#[must_use]
pub fn reporting_agent(subject: &str) -> Option<String> {
    let mut tokens = subject.split('.');
    let token = match (
        tokens.next()?,
        tokens.next()?,
        tokens.next()?,
        tokens.next()?,
    ) {
        (ROOT, "agt", token, "report") => token,
        (ROOT, "cmd", _, REPLAYED_REPORT) => tokens.next()?,
        _ => return None,
    };
    decode_token(token)
}

/// Where an agent says something of itself again and again.
#[must_use]
pub fn signal(agent: &str, name: &str) -> String {
    format!("{ROOT}.agt.{}.{name}", encode_token(agent))
}

/// The same of any agent.
#[must_use]
pub fn signal_of_any_agent(name: &str) -> String {
    format!("{ROOT}.agt.*.{name}")
}

/// The agent whose [signal] has this subject.
#[must_use]
pub fn signalling_agent(subject: &str) -> Option<String> {
    let mut tokens = subject.split('.');
    match (
        tokens.next()?,
        tokens.next()?,
        tokens.next()?,
        tokens.next()?,
        tokens.next(),
    ) {
        (ROOT, "agt", token, _name, None) => decode_token(token),
        _ => None,
    }
}

/// Where an agent is asked something.
#[must_use]
pub fn agent_question(agent: &str, name: &str) -> String {
    format!("{ROOT}.agt.{}.ask.{name}", encode_token(agent))
}

/// What an agent is [asked](agent_question) under this subject.
#[must_use]
pub fn question_name(subject: &str) -> Option<&str> {
    let mut tokens = subject.splitn(5, '.');
    match (
        tokens.next()?,
        tokens.next()?,
        tokens.next()?,
        tokens.next()?,
        tokens.next()?,
    ) {
        (ROOT, "agt", _agent, "ask", name) => Some(name),
        _ => None,
    }
}

/// The same of any agent.
#[must_use]
pub fn question_to_any_agent(name: &str) -> String {
    format!("{ROOT}.agt.*.ask.{name}")
}

/// Everything that the agent is asked.
#[must_use]
pub fn questions_to(agent: &str) -> String {
    format!("{ROOT}.agt.{}.ask.>", encode_token(agent))
}

/// Subject under which a service gives itself an event again that it had put aside as a dead letter: in the stream of its
/// commands, since the event concerns nobody else once more. Only the service itself may publish there.
#[must_use]
pub fn replayed_event(service: &str) -> String {
    format!("{ROOT}.cmd.{service}.replayed-event")
}

/// Token of [`replayed_report`].
const REPLAYED_REPORT: &str = "replayed-report";

/// The same for a report. Whose it is stays in the subject: the broker guards who publishes there, too.
#[must_use]
pub fn replayed_report(service: &str, agent: &str) -> String {
    format!(
        "{ROOT}.cmd.{service}.{REPLAYED_REPORT}.{}",
        encode_token(agent)
    )
}

/// Subject under which a service gives itself a message of a producer again. Which subject it first came to, a header says.
#[must_use]
pub fn replayed_production(service: &str) -> String {
    format!("{ROOT}.cmd.{service}.replayed-production")
}

/// Subject on which one instance of a part takes the outcomes of its commands.
#[must_use]
pub fn reply(part: &str, instance: &str) -> String {
    format!("{ROOT}.rpl.{part}.{instance}")
}

/// Prefix of a part's inboxes for answers to its queries; each part may listen to its own alone.
#[must_use]
pub fn inbox_prefix(part: &str) -> String {
    format!("_INBOX.{part}")
}

/// Prefix of an agent's inboxes; no part is called `agent`.
#[must_use]
pub fn agent_inbox_prefix(agent: &str) -> String {
    format!("_INBOX.agent.{}", encode_token(agent))
}

/// Prefix of a producer's inboxes; no part is called `producer`.
#[must_use]
pub fn producer_inbox_prefix(producer: &str) -> String {
    format!("_INBOX.producer.{}", encode_token(producer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_name_is_one_token_and_comes_back(name in ".*") {
            let token = encode_token(&name);
            prop_assert!(!token.is_empty());
            prop_assert!(token.chars().all(|c| c.is_ascii_alphanumeric() || "-_%".contains(c)));
            prop_assert_eq!(decode_token(&token), Some(name));
        }

        #[test]
        fn two_names_never_share_a_token(left in ".*", right in ".*") {
            prop_assert_eq!(encode_token(&left) == encode_token(&right), left == right);
        }

        #[test]
        fn a_report_says_whose_it_is_first_and_replayed(agent in ".*") {
            prop_assert_eq!(reporting_agent(&report(&agent, "node-hook-finished")), Some(agent.clone()));
            prop_assert_eq!(reporting_agent(&replayed_report("session", &agent)), Some(agent.clone()));
            prop_assert_eq!(reporting_agent(&order(&agent, "run-node-hook")), None);
            prop_assert_eq!(reporting_agent(&signal(&agent, "beat")), None);
        }

        #[test]
        fn a_signal_says_whose_it_is_and_is_nothing_else(agent in ".*") {
            prop_assert_eq!(signalling_agent(&signal(&agent, "beat")), Some(agent.clone()));
            prop_assert_eq!(signalling_agent(&order(&agent, "start-container")), None);
            prop_assert_eq!(signalling_agent(&report(&agent, "container-ended")), None);
            prop_assert_eq!(signalling_agent(&agent_question(&agent, "execute-code")), None);
            prop_assert_eq!(signalling_agent(&event("session", 1, &agent, "beat")), None);
        }

        #[test]
        fn a_question_says_what_is_asked_whoever_is_asked(agent in ".*") {
            let asked = agent_question(&agent, "execute-code");
            prop_assert!(asked.starts_with(questions_to(&agent).trim_end_matches('>')));
            prop_assert_eq!(question_name(&asked), Some("execute-code"));
            for other in [signal(&agent, "beat"), order(&agent, "ask")] {
                prop_assert_eq!(question_name(&other), None);
            }
        }
    }
}
