//! The ssid of a call: a session's id or its alias, as the client got it from us or made it up.

use muster_contract::Outcome;
use muster_contract::session::ListNodeSessions;
use muster_contract::session::SessionReference;
use uuid::Uuid;

use super::super::limits::{NAME_LIMIT, is_name};
use super::call::invalid_session;
use crate::frame::{Failure, Ingress};

/// An ssid that some session could have. Everything else is as if no session had it: a variable that was empty in a shell
/// script, or a line cut off at its `&`.
pub(super) fn checked(ssid: Option<&str>) -> Result<&str, Failure> {
    ssid.filter(|ssid| is_name(ssid, NAME_LIMIT))
        .ok_or_else(invalid_session)
}

/// As messages have it.
pub(super) fn reference(ssid: &str) -> SessionReference {
    SessionReference::Name(ssid.to_owned())
}

/// Whether any project has a session with that id. Aliases are their project's own affair.
pub(super) async fn exists(ingress: &Ingress, ssid: &str) -> Result<bool, Failure> {
    if Uuid::try_parse(ssid).is_err() {
        return Ok(false);
    }
    let query = ListNodeSessions {
        session: Some(reference(ssid)),
        limit: 1,
        ..ListNodeSessions::default()
    };
    match ingress.ask_for(None, &query).await? {
        Outcome::Done(page) => Ok(!page.sessions.is_empty()),
        Outcome::Refused(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_session_can_have_is_an_invalid_one() {
        let longest = "x".repeat(NAME_LIMIT);
        for ssid in ["storage", "é ' \" ; --", &longest] {
            assert_eq!(checked(Some(ssid)).unwrap(), ssid);
        }
        let too_long = "x".repeat(NAME_LIMIT + 1);
        for ssid in [None, Some(""), Some("a\0b"), Some("a\n"), Some(&*too_long)] {
            let failure = checked(ssid).unwrap_err();
            assert_eq!(failure.message(), "Invalid session ID");
            assert_eq!(failure.kind().status(), 403);
        }
    }
}
