//! `/api/users/` and `/api/user/{id}`
//!
//! Who there is stands in the site file, which every ingress reads: it can be looked at here and is changed there.

use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use muster_contract::{Principal, Role};
use serde::Serialize;
use utoipa::ToSchema;

use super::description::{AnyFailure, WriteFailures};
use super::writing::to_json;
use crate::frame::{Caller, Failure, FailureKind, Ingress};

/// A user.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct UserObject<'a> {
    /// The name it signs in with.
    #[schema(example = "abcd100h")]
    username: &'a str,
    /// Its name in full, which is not known here.
    name: &'a str,
    /// What it may do.
    #[schema(example = json!(["user"]))]
    roles: Vec<&'static str>,
    /// Its address, which is not known here.
    email: &'a str,
    /// The project it acts for.
    #[schema(example = json!(["abcd100"]))]
    projects: [&'a str; 1],
}

impl<'a> From<&'a Principal> for UserObject<'a> {
    fn from(principal: &'a Principal) -> Self {
        Self {
            username: &principal.name,
            name: "",
            roles: principal.roles.iter().map(|role| role.name()).collect(),
            email: "",
            projects: [&principal.project],
        }
    }
}

/// Lists the users
///
/// The principals of the site; for administrators.
#[utoipa::path(
    get,
    path = "/api/users/",
    operation_id = "list_users",
    tag = "users",
    params(("not-just-user" = Option<bool>, Query, description = "`true`: without those that have the role `user` alone")),
    responses(
        (status = 200, description = "The users by name", body = Vec<UserObject>),
        AnyFailure,
    ),
)]
pub(super) async fn list_users(
    State(ingress): State<Ingress>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    admins_only(&caller, "only admins are allowed to fetch a list of users")?;
    let query = query.unwrap_or_default();
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    let special = parameters.any(|(name, value)| name == "not-just-user" && value == "true");
    let mut users: Vec<UserObject<'_>> = ingress
        .directory
        .principals()
        .filter(|principal| !special || principal.roles.iter().any(|role| *role != Role::User))
        .map(UserObject::from)
        .collect();
    users.sort_unstable_by_key(|user| user.username);
    Ok(([(CONTENT_TYPE, "application/json")], to_json(&users)).into_response())
}

/// Changes a user
///
/// Refused: users, their roles and projects are declared in the site file.
#[utoipa::path(
    post,
    path = "/api/user/{id}",
    operation_id = "change_user",
    tag = "users",
    params(("id" = String, Path, description = "Name of the user")),
    responses(
        (status = 422, description = "Always", body = super::error::ErrorResponse),
        WriteFailures,
    ),
)]
pub(super) async fn change_user(caller: Caller) -> Failure {
    declared_elsewhere(&caller, "only admins are allowed to update a user")
}

/// Makes a user
///
/// Refused, for the same reason.
#[utoipa::path(
    method(post, put, delete),
    path = "/api/users/",
    operation_id = "change_users",
    tag = "users",
    responses(
        (status = 422, description = "Always", body = super::error::ErrorResponse),
        WriteFailures,
    ),
)]
pub(super) async fn change_users(caller: Caller) -> Failure {
    declared_elsewhere(&caller, "only admins are allowed to create or delete users")
}

fn declared_elsewhere(caller: &Caller, otherwise: &'static str) -> Failure {
    match admins_only(caller, otherwise) {
        Ok(()) => Failure::new(
            FailureKind::Unprocessable,
            "users, their roles and projects are declared in the site file; change them there",
        ),
        Err(failure) => failure,
    }
}

fn admins_only(caller: &Caller, otherwise: &'static str) -> Result<(), Failure> {
    if caller.principal.crosses_tenants() {
        Ok(())
    } else {
        Err(Failure::new(FailureKind::Forbidden, otherwise))
    }
}
