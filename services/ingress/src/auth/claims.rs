//! What a signed token says.

use muster_contract::Role;
use serde::Deserialize;

/// The claims that are looked at; a token may have others.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(super) struct Claims {
    /// Who.
    #[serde(default)]
    pub(super) sub: String,
    /// What that user may do.
    #[serde(default)]
    roles: RoleNames,
    /// When it was issued: seconds since 1970 UTC, perhaps with a fraction (RFC 7519, `NumericDate`).
    pub(super) iat: Option<f64>,
    /// When it becomes valid.
    pub(super) nbf: Option<f64>,
    /// When it ceases to be.
    pub(super) exp: Option<f64>,
}

/// A list, or a single name as early cc-backend took it. What is no text is passed over, as there.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
enum RoleNames {
    One(String),
    Many(Vec<serde_json::Value>),
    Other(serde_json::Value),
}

impl Default for RoleNames {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Claims {
    /// The roles that are known here.
    pub(super) fn roles(&self) -> Vec<Role> {
        let names: Vec<&str> = match &self.roles {
            RoleNames::One(name) => vec![name],
            RoleNames::Many(names) => names.iter().filter_map(|name| name.as_str()).collect(),
            RoleNames::Other(_) => Vec::new(),
        };
        let mut roles: Vec<Role> = names.into_iter().filter_map(Role::from_name).collect();
        roles.sort_unstable();
        roles.dedup();
        roles
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(claims: &str) -> Vec<Role> {
        serde_json::from_str::<Claims>(claims).unwrap().roles()
    }

    #[test]
    fn roles_that_are_not_known_are_passed_over() {
        assert_eq!(
            roles(r#"{"roles":["api","wizard","user","api",7,null]}"#),
            [Role::User, Role::Api]
        );
        assert_eq!(roles(r#"{"roles":"api"}"#), [Role::Api]);
        for none in [
            "{}",
            r#"{"roles":null}"#,
            r#"{"roles":{}}"#,
            r#"{"roles":[]}"#,
        ] {
            assert_eq!(roles(none), [], "{none}");
        }
    }

    #[test]
    fn times_may_have_fractions_and_must_be_numbers() {
        let claims: Claims = serde_json::from_str(r#"{"exp":1.5,"iat":null}"#).unwrap();
        assert_eq!(claims.exp, Some(1.5));
        assert_eq!(claims.iat, None);
        assert!(serde_json::from_str::<Claims>(r#"{"exp":"1"}"#).is_err());
        assert!(serde_json::from_str::<Claims>(r#"{"sub":7}"#).is_err());
    }
}
