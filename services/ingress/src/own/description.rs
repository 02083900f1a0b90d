//! What the OpenAPI document of our own endpoints says besides them.

use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

/// The description without its endpoints.
pub(super) fn document() -> OpenApi {
    Description::openapi()
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Muster",
        description = "Muster's own endpoints. They ask for no token. Failures are problem details (RFC 9457).",
        license(name = "Apache-2.0 OR MIT"),
    ),
    components(schemas(super::problem::Problem)),
    tags(
        (name = "about", description = "What answers here"),
        (name = "operating", description = "For operators and their machines"),
    ),
)]
struct Description;
