//! The foreign APIs. To add one: a folder beside these, and its line in [`ALL`].

pub(crate) mod backendai;
mod clustercockpit;
mod duffy;
pub(crate) mod freezer;

use crate::frame::Dialect;
use crate::own::OWN;

/// Every dialect. Where paths could belong to two, the first one has them.
pub(crate) static ALL: [&Dialect; 4] = [
    &duffy::DUFFY,
    &clustercockpit::CLUSTERCOCKPIT,
    &freezer::FREEZER,
    &backendai::BACKENDAI,
];

/// The dialect a path belongs to, also one that leads nowhere; our own, if to no other.
pub(crate) fn of(path: &str) -> &'static Dialect {
    ALL.into_iter()
        .find(|dialect| (dialect.owns)(path))
        .unwrap_or(&OWN)
}

/// Every dialect, and our own endpoints as one more.
pub(crate) fn with_own() -> impl Iterator<Item = &'static Dialect> {
    ALL.into_iter().chain([&OWN])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_belongs_to_one_dialect_also_if_it_leads_nowhere() {
        for (path, name) in [
            ("/api/jobs/", "clustercockpit"),
            ("/api", "clustercockpit"),
            ("/api/nowhere", "clustercockpit"),
            ("/api/v1/sessions", "duffy"),
            ("/api/v1/jobs", "clustercockpit"),
            ("/Node/nowhere", "duffy"),
            ("/v1/sessions", "freezer"),
            ("/v2/demo/nowhere", "freezer"),
            ("/v3/auth/tokens", "freezer"),
            ("/session", "backendai"),
            ("/Session/get", "duffy"),
            ("/apis", "muster"),
            ("/", "muster"),
            ("/healthz", "muster"),
            ("", "muster"),
            ("*", "muster"),
        ] {
            assert_eq!(of(path).name, name, "{path}");
        }
    }
}
