//! What the OpenAPI document says besides its endpoints, and what all endpoints say alike.

use serde::Serialize;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{IntoResponses, Modify, OpenApi as _, ToSchema};

use super::error::{Detail, Msg};

/// The description without its endpoints.
pub(super) fn document() -> OpenApi {
    Description::openapi()
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Duffy",
        description = "Nodes lent to tests, in sessions that grow and shrink. The legacy API of CentOS CI, in which everything \
            stands in the query of a GET and parameters that nobody knows are ignored, and the API of Duffy 3 over the same \
            sessions.",
        license(name = "Apache-2.0 OR MIT"),
    ),
    modifiers(&Security),
    components(schemas(Msg, Detail)),
    tags(
        (name = "legacy", description = "For cico and scripts"),
        (name = "sessions", description = "Duffy 3: nodes in use"),
        (name = "pools", description = "Duffy 3: kinds of nodes"),
        (name = "nodes", description = "Duffy 3: nodes"),
        (name = "tenants", description = "Duffy 3: who may use them"),
    ),
)]
struct Description;

/// The name of the security scheme.
pub(super) const BASIC: &str = "HTTPBasic";

struct Security;

impl Modify for Security {
    fn modify(&self, openapi: &mut OpenApi) {
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme(
            BASIC,
            SecurityScheme::Http(Http::new(HttpAuthScheme::Basic)),
        );
    }
}

/// What would come of a request for nodes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Forecast {
    /// Always true: nothing was done.
    pub(super) dry_run: bool,
    /// Whether there would be nodes.
    pub(super) granted: bool,
    /// Why not.
    #[schema(example = "5 nodes wanted, 2 ready")]
    pub(super) reason: Option<String>,
    /// Pools that have such nodes.
    pub(super) pools: Vec<String>,
    /// Nodes of theirs that are ready.
    pub(super) ready: u32,
    /// Nodes of theirs in all, but for those set aside.
    pub(super) total: u32,
    /// Nodes that the project may hold; `null` = as many as it likes.
    pub(super) quota: Option<u32>,
    /// Nodes that it holds.
    pub(super) held: u32,
    /// Requests that wait before this one.
    pub(super) waiting: u32,
}

/// What may go wrong with any legacy call. What may go well the next time is plain text.
#[derive(IntoResponses)]
#[expect(
    dead_code,
    reason = "a description; failures are rendered by the frame"
)]
pub(super) enum LegacyFailures {
    /// A parameter is not valid.
    #[response(status = 400)]
    BadRequest(Msg<'static>),
    /// `Invalid duffy key`, `Invalid session ID`, `Invalid node`, or more nodes kept for a look than are allowed.
    #[response(status = 403)]
    Forbidden(Msg<'static>),
    /// The path knows GET alone.
    #[response(status = 405)]
    MethodNotAllowed(Msg<'static>),
    /// Path and query are too long.
    #[response(status = 414)]
    UriTooLong(Msg<'static>),
    /// The idempotency key was used for another request.
    #[response(status = 422)]
    UnprocessableEntity(Msg<'static>),
    /// Our mistake.
    #[response(status = 500, content_type = "text/plain")]
    InternalServerError(String),
    /// Cannot be done at this moment; nothing was done.
    #[response(
        status = 503, content_type = "text/plain",
        headers(("Retry-After" = u64, description = "Seconds to wait before trying again"))
    )]
    ServiceUnavailable(String),
    /// Not done in time; a write is carried out all the same.
    #[response(status = 504, content_type = "text/plain")]
    GatewayTimeout(String),
}

/// What may go wrong with any call of release 3.
#[derive(IntoResponses)]
#[expect(
    dead_code,
    reason = "a description; failures are rendered by the frame"
)]
pub(super) enum AnyFailure {
    /// Nobody has that name and key.
    #[response(
        status = 401,
        headers(("WWW-Authenticate" = String, description = "`Basic`"))
    )]
    Unauthorized(Detail<'static>),
    /// The path does not know the method.
    #[response(
        status = 405,
        headers(("Allow" = String, description = "The methods it knows"))
    )]
    MethodNotAllowed(Detail<'static>),
    /// Path and query are too long.
    #[response(status = 414)]
    UriTooLong(Detail<'static>),
    /// Our mistake.
    #[response(status = 500)]
    InternalServerError(Detail<'static>),
    /// Cannot be done at this moment; nothing was done.
    #[response(
        status = 503,
        headers(("Retry-After" = u64, description = "Seconds to wait before trying again"))
    )]
    ServiceUnavailable(Detail<'static>),
    /// Not done in time; a write is carried out all the same.
    #[response(status = 504)]
    GatewayTimeout(Detail<'static>),
}
