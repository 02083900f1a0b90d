//! What the OpenAPI document says besides its endpoints, and what all endpoints say alike.

use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::{IntoParams, IntoResponses, Modify, OpenApi as _};

use super::error::{Description, IdentityError};

/// The description without its endpoints.
pub(super) fn document() -> OpenApi {
    Whole::openapi()
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Freezer",
        description = "Jobs that start together, in sessions; what they do, where they run, and the backups they make. Every path \
            may end in a slash, and is there without `/v2/{project_id}` under `/v1` too: for the project that the token is for.",
        license(name = "Apache-2.0 OR MIT"),
    ),
    modifiers(&Security),
    security(("X-Auth-Token" = [])),
    components(schemas(Description, IdentityError)),
    tags(
        (name = "versions", description = "What there is"),
        (name = "identity", description = "Signing in, as with Keystone"),
        (name = "sessions", description = "Jobs that start together"),
        (name = "jobs", description = "What is to be done when, and by whom"),
        (name = "actions", description = "What is done"),
        (name = "clients", description = "Who does it"),
        (name = "backups", description = "What came of it"),
    ),
)]
struct Whole;

struct Security;

impl Modify for Security {
    fn modify(&self, openapi: &mut OpenApi) {
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme(
            "X-Auth-Token",
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-Auth-Token"))),
        );
    }
}

/// The project in every path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "a description; the path is read by the call")]
pub(super) struct ProjectParameter {
    /// The project: that of the token, or any for an administrator.
    project_id: String,
}

/// What may go wrong with any call.
#[derive(IntoResponses)]
#[expect(
    dead_code,
    reason = "a description; failures are rendered by the frame"
)]
pub(super) enum AnyFailure {
    /// Something that is asked for is not valid.
    #[response(status = 400)]
    BadRequest(Description<'static>),
    /// No token, or one that is of nobody, or no longer.
    #[response(
        status = 401,
        headers(("WWW-Authenticate" = String, description = "`Keystone`"))
    )]
    Unauthorized(Description<'static>),
    /// The token is for another project, or may only read.
    #[response(status = 403)]
    Forbidden(Description<'static>),
    /// The path does not know the method.
    #[response(
        status = 405,
        headers(("Allow" = String, description = "The methods it knows"))
    )]
    MethodNotAllowed(Description<'static>),
    /// The request was not sent in time.
    #[response(status = 408)]
    RequestTimeout(Description<'static>),
    /// The body is too large.
    #[response(status = 413)]
    PayloadTooLarge(Description<'static>),
    /// Path and query are too long.
    #[response(status = 414)]
    UriTooLong(Description<'static>),
    /// Understood, and cannot be; or the idempotency key was used for another request.
    #[response(status = 422)]
    UnprocessableEntity(Description<'static>),
    /// Our mistake.
    #[response(status = 500)]
    InternalServerError(Description<'static>),
    /// Cannot be done at this moment; nothing was done.
    #[response(
        status = 503,
        headers(("Retry-After" = u64, description = "Seconds to wait before trying again"))
    )]
    ServiceUnavailable(Description<'static>),
    /// Not done in time; a write is carried out all the same.
    #[response(status = 504)]
    GatewayTimeout(Description<'static>),
}

/// What may go wrong with any call of the part of Keystone.
#[derive(IntoResponses)]
#[expect(
    dead_code,
    reason = "a description; failures are rendered by the frame"
)]
pub(super) enum AnyIdentityFailure {
    /// The request makes no sense.
    #[response(status = 400)]
    BadRequest(IdentityError<'static>),
    /// Nobody has that name and password, or that token.
    #[response(
        status = 401,
        headers(("WWW-Authenticate" = String, description = "`Keystone`"))
    )]
    Unauthorized(IdentityError<'static>),
    /// The path does not know the method.
    #[response(
        status = 405,
        headers(("Allow" = String, description = "The methods it knows"))
    )]
    MethodNotAllowed(IdentityError<'static>),
    /// The request was not sent in time.
    #[response(status = 408)]
    RequestTimeout(IdentityError<'static>),
    /// The body is too large.
    #[response(status = 413)]
    PayloadTooLarge(IdentityError<'static>),
    /// Path and query are too long.
    #[response(status = 414)]
    UriTooLong(IdentityError<'static>),
    /// Too many wrong passwords.
    #[response(
        status = 429,
        headers(("Retry-After" = u64, description = "Seconds to wait before trying again"))
    )]
    TooManyRequests(IdentityError<'static>),
    /// Our mistake.
    #[response(status = 500)]
    InternalServerError(IdentityError<'static>),
    /// Too many are signing in.
    #[response(
        status = 503,
        headers(("Retry-After" = u64, description = "Seconds to wait before trying again"))
    )]
    ServiceUnavailable(IdentityError<'static>),
}
