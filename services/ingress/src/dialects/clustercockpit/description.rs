//! What the OpenAPI document says besides its endpoints, and what all endpoints say alike.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{OpenApi, SecurityRequirement};
use utoipa::{IntoResponses, Modify, OpenApi as _};

use super::error::ErrorResponse;

/// The description without its endpoints.
pub(super) fn document() -> OpenApi {
    Description::openapi()
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "ClusterCockpit REST API",
        description = "Batch jobs told to and asked of the archive. Understands clients of cc-backend's releases from \
            2023 to 2026: JSON is read as theirs was (names of members whatever their case, null as absent, the last of \
            repeated members, no unknown ones, integers as integers), and answers have the members of both.",
        license(name = "Apache-2.0 OR MIT"),
    ),
    modifiers(&Security),
    tags(
        (name = "query", description = "Asking"),
        (name = "add and modify", description = "Telling"),
        (name = "remove", description = "Deleting, untagging"),
        (name = "users", description = "Who may do what"),
    ),
)]
struct Description;

struct Security;

impl Modify for Security {
    fn modify(&self, openapi: &mut OpenApi) {
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme(
            "ApiKeyAuth",
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(
                "X-Auth-Token",
                "A token of the site, or a JWT signed with Ed25519. It needs the role `api`.",
            ))),
        );
        components.add_security_scheme(
            "BearerAuth",
            SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)),
        );
        let no_scopes: [&str; 0] = [];
        openapi.security = Some(vec![
            SecurityRequirement::new("ApiKeyAuth", no_scopes),
            SecurityRequirement::new("BearerAuth", no_scopes),
        ]);
    }
}

/// What may go wrong with any request.
#[derive(IntoResponses)]
#[expect(
    dead_code,
    reason = "a description; failures are rendered by the frame"
)]
pub(super) enum AnyFailure {
    /// A parameter, the body, or what it says is not valid.
    #[response(status = 400)]
    BadRequest(ErrorResponse<'static>),
    /// No token, or one that lets nobody in.
    #[response(
        status = 401,
        headers(("WWW-Authenticate" = String, description = "`Bearer`"))
    )]
    Unauthorized(ErrorResponse<'static>),
    /// The token's user has not the role `api`.
    #[response(status = 403)]
    Forbidden(ErrorResponse<'static>),
    /// There is nothing at this path.
    #[response(status = 404)]
    NotFound(ErrorResponse<'static>),
    /// The path does not know the method.
    #[response(
        status = 405,
        headers(("Allow" = String, description = "The methods it knows"))
    )]
    MethodNotAllowed(ErrorResponse<'static>),
    /// Path and query are too long.
    #[response(status = 414)]
    UriTooLong(ErrorResponse<'static>),
    /// Our mistake.
    #[response(status = 500)]
    InternalServerError(ErrorResponse<'static>),
    /// Cannot be done at this moment; nothing was done.
    #[response(
        status = 503,
        headers(("Retry-After" = u64, description = "Seconds to wait before trying again"))
    )]
    ServiceUnavailable(ErrorResponse<'static>),
    /// Not done in time. A write is carried out all the same: the same request with the same
    /// Idempotency-Key finds its outcome.
    #[response(status = 504)]
    GatewayTimeout(ErrorResponse<'static>),
}

/// What may go wrong with a request that has a body, besides.
#[derive(IntoResponses)]
#[expect(
    dead_code,
    reason = "a description; failures are rendered by the frame"
)]
pub(super) enum BodyFailure {
    /// The body was not received in time.
    #[response(status = 408)]
    RequestTimeout(ErrorResponse<'static>),
    /// The body is too large.
    #[response(status = 413)]
    PayloadTooLarge(ErrorResponse<'static>),
}

/// What may go wrong with a write.
pub(super) struct WriteFailures;

impl IntoResponses for WriteFailures {
    fn responses()
    -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
        let mut responses = AnyFailure::responses();
        responses.extend(BodyFailure::responses());
        responses
    }
}
