//! What the OpenAPI document says besides its endpoints, and what all endpoints say alike.

use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::{IntoParams, IntoResponses, Modify, OpenApi as _};

use super::error::Problem;

/// The description without its endpoints.
pub(super) fn document() -> OpenApi {
    Whole::openapi()
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Backend.AI",
        description = "Compute sessions: containers that run an image. What is under `/session` is there under `/kernel` too, for \
            clients before version 5. Members and parameters that nobody knows are ignored.",
        license(name = "Apache-2.0 OR MIT"),
    ),
    modifiers(&Security),
    security(("Authorization" = [])),
    components(schemas(Problem)),
    tags(
        (name = "sessions", description = "Containers that run an image"),
        (name = "code", description = "What is run in them"),
        (name = "events", description = "What becomes of them"),
        (name = "graphql", description = "What sessions there are"),
        (name = "manager", description = "The site"),
    ),
)]
struct Whole;

struct Security;

impl Modify for Security {
    fn modify(&self, openapi: &mut OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let description = "`BackendAI signMethod=HMAC-SHA256, credential=ACCESS_KEY:SIGNATURE`; `Date` and `X-BackendAI-Version` are \
            part of what is signed.";
        components.add_security_scheme(
            "Authorization",
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(
                "Authorization",
                description,
            ))),
        );
    }
}

/// The session in a path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "a description; the path is read by the call")]
pub(super) struct SessionParameter {
    /// Its name or its id; if neither is, how the name or id of exactly one begins.
    session: String,
}

/// Whose session it is.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description; the query is read by hand")]
pub(super) struct OwnerParameter {
    /// For administrators: whose session; without it the caller's own.
    owner_access_key: Option<String>,
}

/// Headers that every write may have.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "a description; the headers are read by the frame")]
pub(super) struct ClientTokenHeaders {
    /// 1 to 255 visible ASCII characters. The same request with the same key is carried out once and gets the first one's
    /// outcome; another request with that key is refused with 422.
    #[param(rename = "Idempotency-Key", max_length = 255)]
    idempotency_key: Option<String>,
    /// The same under Backend.AI's name for it.
    #[param(rename = "X-BackendAI-Client-Token", max_length = 255)]
    client_token: Option<String>,
}

/// What may go wrong with a session in a path.
#[derive(IntoResponses)]
#[expect(
    dead_code,
    reason = "a description; failures are rendered by the frame"
)]
pub(super) enum SessionFailure {
    /// There is no such session, or several begin like that.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem<'static>),
}

/// What may go wrong with any call.
#[derive(IntoResponses)]
#[expect(
    dead_code,
    reason = "a description; failures are rendered by the frame"
)]
pub(super) enum AnyFailure {
    /// Something that is asked for is not valid; or date, version or signature cannot be read.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(Problem<'static>),
    /// Not signed, or not by anybody who is known.
    #[response(
        status = 401, content_type = "application/problem+json",
        headers(("WWW-Authenticate" = String, description = "`BackendAI`"))
    )]
    Unauthorized(Problem<'static>),
    /// For administrators, or about somebody else.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem<'static>),
    /// The path does not know the method.
    #[response(
        status = 405, content_type = "application/problem+json",
        headers(("Allow" = String, description = "The methods it knows"))
    )]
    MethodNotAllowed(Problem<'static>),
    /// The request was not sent in time.
    #[response(status = 408, content_type = "application/problem+json")]
    RequestTimeout(Problem<'static>),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    PayloadTooLarge(Problem<'static>),
    /// Path and query are too long.
    #[response(status = 414, content_type = "application/problem+json")]
    UriTooLong(Problem<'static>),
    /// The idempotency key was used for another request.
    #[response(status = 422, content_type = "application/problem+json")]
    UnprocessableEntity(Problem<'static>),
    /// Our mistake.
    #[response(status = 500, content_type = "application/problem+json")]
    InternalServerError(Problem<'static>),
    /// Cannot be done at this moment; nothing was done.
    #[response(
        status = 503, content_type = "application/problem+json",
        headers(("Retry-After" = u64, description = "Seconds to wait before trying again"))
    )]
    ServiceUnavailable(Problem<'static>),
    /// Not done in time; a write is carried out all the same.
    #[response(status = 504, content_type = "application/problem+json")]
    GatewayTimeout(Problem<'static>),
}
