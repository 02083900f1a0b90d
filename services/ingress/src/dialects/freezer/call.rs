//! A call of Freezer's API: who calls, for which project, about what.

use std::collections::HashMap;

use axum::extract::{FromRequestParts, Path};
use axum::http::Method;
use axum::http::request::Parts;
use muster_contract::Principal;
use muster_contract::session::limits::{CLIENT_ID_LIMIT, ID_LIMIT, is_valid_id};
use muster_platform::site::NAME_LIMIT;

use super::authentication::may_write;
use crate::frame::{Caller, Failure, FailureKind, Ingress};

/// The project in a path of release 2.
const PROJECT: &str = "project_id";

/// A call that its caller may make. A handler that takes one is reached by no other.
#[derive(Debug)]
pub(super) struct Call {
    /// Who calls.
    pub(super) caller: Caller,
    /// The project that the call is for.
    pub(super) tenant: String,
    parameters: HashMap<String, String>,
}

impl Call {
    /// Whether it is of release 1.
    pub(super) fn is_v1(&self) -> bool {
        !self.parameters.contains_key(PROJECT)
    }

    /// An id in the path.
    pub(super) fn id(&self, name: &'static str) -> Result<String, Failure> {
        let id = self.parameters.get(name).map_or("", String::as_str);
        if !is_valid_id(id) {
            return Err(Failure::invalid(format!(
                "{name} has to be 1 to {ID_LIMIT} bytes of visible ASCII"
            )));
        }
        Ok(id.to_owned())
    }

    /// The id of a client in the path: the name of a host in it may make it longer than other ids.
    pub(super) fn client_id(&self) -> Result<String, Failure> {
        let id = self.parameters.get("client_id").map_or("", String::as_str);
        let is_valid = (1..=CLIENT_ID_LIMIT).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_valid {
            return Err(Failure::invalid(format!(
                "client_id has to be 1 to {CLIENT_ID_LIMIT} bytes of visible ASCII"
            )));
        }
        Ok(id.to_owned())
    }

    /// A number in the path.
    pub(super) fn number(&self, name: &'static str) -> Result<i64, Failure> {
        self.parameters
            .get(name)
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| Failure::invalid(format!("{name} has to be a whole number")))
    }
}

impl FromRequestParts<Ingress> for Call {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, ingress: &Ingress) -> Result<Self, Failure> {
        let caller = Caller::from_request_parts(parts, ingress).await?;
        let reads = matches!(parts.method, Method::GET | Method::HEAD);
        let Path(parameters) = Path::<HashMap<String, String>>::from_request_parts(parts, ingress)
            .await
            .map_err(|rejection| Failure::invalid(rejection.body_text()))?;
        let project = parameters.get(PROJECT).map(String::as_str);
        let tenant = tenant(&caller.principal, project, reads)?.to_owned();
        Ok(Self {
            caller,
            tenant,
            parameters,
        })
    }
}

/// The project that is meant, if the caller may do this to it.
fn tenant<'a>(
    principal: &'a Principal,
    project: Option<&'a str>,
    reads: bool,
) -> Result<&'a str, Failure> {
    let forbidden = |message| Err(Failure::new(FailureKind::Forbidden, message));
    let project = project.unwrap_or(&principal.project);
    if project != principal.project {
        let may = if reads {
            principal.sees_all_tenants()
        } else {
            principal.crosses_tenants()
        };
        if !may {
            return forbidden("the token is for another project");
        }
        if project.is_empty() || project.len() > NAME_LIMIT || project.chars().any(char::is_control)
        {
            return Err(Failure::invalid("no project can have that name"));
        }
    }
    if !reads && !may_write(principal) {
        return forbidden("the token has no role that may change anything");
    }
    Ok(project)
}

#[cfg(test)]
mod tests {
    use muster_contract::Role;

    use super::*;

    #[test]
    fn who_may_do_what_to_which_project() {
        for (roles, own_write, other_read, other_write) in [
            (&[][..], 403, 403, 403),
            (&[Role::User], 200, 403, 403),
            (&[Role::Api], 200, 403, 403),
            (&[Role::Support], 403, 200, 403),
            (&[Role::Admin], 200, 200, 200),
        ] {
            let principal = Principal {
                name: "alice".to_owned(),
                domain: "default".to_owned(),
                project: "demo".to_owned(),
                roles: roles.to_vec(),
            };
            let status = |project, reads| match tenant(&principal, project, reads) {
                Ok(tenant) => {
                    assert_eq!(tenant, project.unwrap_or("demo"));
                    200
                }
                Err(failure) => failure.kind().status().as_u16(),
            };
            for own in [None, Some("demo")] {
                assert_eq!(status(own, true), 200, "{roles:?}");
                assert_eq!(status(own, false), own_write, "{roles:?}");
            }
            assert_eq!(status(Some("other"), true), other_read, "{roles:?}");
            assert_eq!(status(Some("other"), false), other_write, "{roles:?}");
        }
    }

    #[test]
    fn administrators_have_no_projects_that_cannot_be() {
        let admin = Principal {
            name: "root".to_owned(),
            domain: "default".to_owned(),
            project: "demo".to_owned(),
            roles: vec![Role::Admin],
        };
        let too_long = "x".repeat(NAME_LIMIT + 1);
        for project in ["", "a\0b", "a\nb", &too_long] {
            let failure = tenant(&admin, Some(project), true).unwrap_err();
            assert_eq!(failure.kind().status(), 400, "{project:?}");
        }
    }
}
