//! `GET /`

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::dialects;
use crate::dialects::backendai;
use crate::dialects::freezer::{self, Version};
use crate::frame::PublicRoot;

/// What answers here. Later dialects add what their clients look for at the root.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Root {
    /// Muster itself.
    muster: About,
    /// The versions of Freezer's API and of Keystone's, for OpenStack's clients.
    versions: Vec<Version>,
    /// The version of Backend.AI's API that its clients are to speak.
    #[schema(example = "v5.20191215")]
    version: &'static str,
    /// Release, for Backend.AI's clients.
    #[schema(example = "0.1.0")]
    manager: &'static str,
}

/// What Muster is.
#[derive(Debug, Serialize, ToSchema)]
struct About {
    /// Release.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// The foreign APIs that are served.
    #[schema(example = json!(["duffy", "clustercockpit", "freezer", "backendai"]))]
    dialects: Vec<&'static str>,
    /// Where to read about all of it.
    #[schema(example = "/docs/")]
    documentation: &'static str,
}

/// What answers here
#[utoipa::path(
    get,
    path = "/",
    operation_id = "root",
    tag = "about",
    responses((status = 200, description = "What answers here", body = Root)),
)]
pub(super) async fn root(PublicRoot(address): PublicRoot) -> Json<Root> {
    Json(Root {
        versions: freezer::versions(&address),
        version: backendai::VERSION,
        manager: env!("CARGO_PKG_VERSION"),
        muster: About {
            version: env!("CARGO_PKG_VERSION"),
            dialects: dialects::ALL.iter().map(|dialect| dialect.name).collect(),
            documentation: "/docs/",
        },
    })
}
