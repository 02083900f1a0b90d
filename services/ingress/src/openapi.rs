//! The OpenAPI documents, and the schema of GraphQL: made from the endpoints themselves, kept in the repository for readers,
//! and compared by a test.

use crate::dialects;

/// The documents, each with the name of its dialect; `muster` for our own endpoints.
///
/// # Errors
/// A document cannot be written as JSON, which none that the tests have seen leads to.
pub fn openapi_documents() -> Result<Vec<(&'static str, String)>, serde_json::Error> {
    dialects::with_own()
        .map(|dialect| {
            let (_, document) = (dialect.routes)().split_for_parts();
            let mut text = document.to_pretty_json()?;
            text.push('\n');
            Ok((dialect.name, text))
        })
        .collect()
}

/// The schemas of GraphQL, each with the name of its dialect, in GraphQL's own language.
#[must_use]
pub fn graphql_schemas() -> Vec<(&'static str, String)> {
    vec![("backendai", dialects::backendai::sdl())]
}

#[cfg(test)]
mod tests;
