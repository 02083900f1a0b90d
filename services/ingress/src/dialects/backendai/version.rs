//! Versions of the API (`api/backendai.md` §1): `GET /` says ours, clients say with each call which one they speak.

use axum::http::{HeaderMap, HeaderName};

use super::error::INVALID_AUTH;
use crate::frame::Failure;

/// The version that is said in `GET /`: clients that know a later one speak this one with us.
pub(crate) const CURRENT: &str = "v5.20191215";

/// Versions that clients may say they speak; where they differ, a client is spoken to in its own.
const KNOWN: [&str; 8] = [
    "v4.20181215",
    "v4.20190115",
    "v4.20190315",
    "v4.20190615",
    CURRENT,
    "v6.20200815",
    "v6.20210815",
    "v7.20230615",
];

/// From this version on, resources are slots by name.
const SLOTS_SINCE: &str = "v4.20190315";

/// Where a version stands, and its name in a signature; the second is from before the project was renamed.
const HEADERS: [(HeaderName, &str); 2] = [
    (
        HeaderName::from_static("x-backendai-version"),
        "x-backendai-version",
    ),
    (
        HeaderName::from_static("x-sorna-version"),
        "x-sorna-version",
    ),
];

/// The version that a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    /// Its name.
    pub(super) name: &'static str,
    /// The header that it stood in.
    pub(super) header: &'static str,
}

impl Version {
    /// The version that a request says.
    pub(super) fn of_request(headers: &HeaderMap) -> Result<Self, Failure> {
        let mut given = HEADERS
            .into_iter()
            .filter_map(|(name, header)| Some((headers.get(name)?, header)));
        let (text, header) = given
            .next()
            .ok_or_else(|| Failure::invalid("X-BackendAI-Version is missing").code(INVALID_AUTH))?;
        let known = KNOWN
            .into_iter()
            .find(|known| known.as_bytes() == text.as_bytes());
        let name = known.ok_or_else(|| Failure::invalid("Unsupported API version"))?;
        Ok(Self { name, header })
    }

    /// Whether its resources are the older `instanceMemory` and `instanceCores`.
    pub(super) fn has_instances(self) -> bool {
        self.name < SLOTS_SINCE
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn version(headers: &[(&'static str, &'static str)]) -> Result<Version, Failure> {
        let headers = headers.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        Version::of_request(&headers.collect())
    }

    #[test]
    fn a_version_is_one_that_is_known_under_either_name() {
        for known in KNOWN {
            let version = version(&[("x-backendai-version", known)]).unwrap();
            assert_eq!(
                (version.name, version.header),
                (known, "x-backendai-version")
            );
        }
        let version = version(&[("x-sorna-version", "v4.20181215")]).unwrap();
        assert_eq!(version.header, "x-sorna-version");
        assert!(version.has_instances());
    }

    #[test]
    fn any_other_is_the_clients_mistake() {
        assert_eq!(version(&[]).unwrap_err().given_code(), Some(INVALID_AUTH));
        for wrong in ["", "v5", "v3.20170615", "V5.20191215", "v99.20991231"] {
            let failure = version(&[("x-backendai-version", wrong)]).unwrap_err();
            assert_eq!(failure.kind().status(), 400, "{wrong}");
        }
    }

    #[test]
    fn slots_came_with_the_third_version_of_2019() {
        let older: Vec<&str> = KNOWN
            .into_iter()
            .filter(|name| {
                let header = "";
                Version { name, header }.has_instances()
            })
            .collect();
        assert_eq!(older, ["v4.20181215", "v4.20190115"]);
    }
}
