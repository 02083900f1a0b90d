//! Who sees which sessions (`api/backendai.md` §4, "Scoping"): a user those of its own access key, a domain's administrator those of
//! the domain, administrators of the site all, and which agents there are.

use muster_contract::session::{ComputeSessionField, ComputeSessionFilter, Condition};
use muster_contract::{Principal, Role};

/// How far a caller sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// Everything.
    Site,
    /// A domain.
    Domain(String),
    /// What belongs to its own access key.
    Own {
        /// The access key.
        access_key: String,
        /// The domain of its principal.
        domain: String,
    },
}

/// What is asked for is outside of what the caller sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outside;

impl Scope {
    /// How far the principal with this access key sees.
    pub(super) fn of(principal: &Principal, access_key: &str) -> Self {
        if principal.crosses_tenants() {
            Self::Site
        } else if principal.has(Role::DomainAdmin) {
            Self::Domain(principal.domain.clone())
        } else {
            Self::Own {
                access_key: access_key.to_owned(),
                domain: principal.domain.clone(),
            }
        }
    }

    /// Narrows what is asked for to what the caller sees; refused if it names what is outside.
    pub(super) fn narrow(
        &self,
        mut filter: ComputeSessionFilter,
    ) -> Result<ComputeSessionFilter, Outside> {
        let condition = filter.condition.as_ref();
        let fields = condition.map(Condition::fields).unwrap_or_default();
        if fields.contains(&&ComputeSessionField::Agent) && !self.sees_agents() {
            return Err(Outside);
        }
        match self {
            Self::Site => {}
            Self::Domain(domain) => fix(&mut filter.domain, domain)?,
            Self::Own { access_key, domain } => {
                fix(&mut filter.domain, domain)?;
                fix(&mut filter.owner, access_key)?;
            }
        }
        Ok(filter)
    }

    /// Whether the caller may know which agents there are.
    pub(super) fn sees_agents(&self) -> bool {
        *self == Self::Site
    }
}

/// Says the only value that is allowed, unless another one is named.
fn fix(wanted: &mut Option<String>, allowed: &str) -> Result<(), Outside> {
    match wanted {
        Some(named) if named != allowed => Err(Outside),
        _ => {
            *wanted = Some(allowed.to_owned());
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use muster_contract::session::{Comparison, ComparisonOperator};

    use super::*;

    fn scope(role: Role) -> Scope {
        let principal = Principal {
            name: "alice".to_owned(),
            domain: "here".to_owned(),
            project: "demo".to_owned(),
            roles: vec![role],
        };
        Scope::of(&principal, "AK")
    }

    fn filter(owner: Option<&str>, domain: Option<&str>) -> ComputeSessionFilter {
        ComputeSessionFilter {
            owner: owner.map(str::to_owned),
            domain: domain.map(str::to_owned),
            ..ComputeSessionFilter::default()
        }
    }

    #[test]
    fn each_role_and_what_it_may_ask_for() {
        let named = [
            (None, None),
            (Some("AK"), None),
            (Some("OTHER"), None),
            (None, Some("here")),
            (None, Some("elsewhere")),
            (Some("OTHER"), Some("here")),
        ];
        let may =
            |role| named.map(|(owner, domain)| scope(role).narrow(filter(owner, domain)).is_ok());
        for role in [Role::User, Role::Manager, Role::Support, Role::Api] {
            assert_eq!(
                may(role),
                [true, true, false, true, false, false],
                "{role:?}"
            );
        }
        assert_eq!(
            may(Role::DomainAdmin),
            [true, true, true, true, false, true]
        );
        assert_eq!(may(Role::Admin), [true; 6]);
        assert_eq!(may(Role::Superadmin), [true; 6]);
    }

    #[test]
    fn only_those_who_see_agents_may_ask_for_them() {
        let condition = Condition::Field(Comparison {
            field: ComputeSessionField::Agent,
            operator: ComparisonOperator::IsNotNull,
            values: Vec::new(),
        });
        let condition = Condition::Not(Box::new(Condition::Any(vec![condition])));
        let may = |role| {
            let condition = Some(condition.clone());
            let filter = ComputeSessionFilter {
                condition,
                ..filter(None, None)
            };
            scope(role).narrow(filter).is_ok()
        };
        let roles = [Role::User, Role::DomainAdmin, Role::Admin, Role::Superadmin];
        assert_eq!(roles.map(may), [false, false, true, true]);
    }

    #[test]
    fn who_names_nothing_gets_what_it_may_see() {
        let narrow = |role| scope(role).narrow(filter(None, None)).unwrap();
        assert_eq!(narrow(Role::User), filter(Some("AK"), Some("here")));
        assert_eq!(narrow(Role::DomainAdmin), filter(None, Some("here")));
        assert_eq!(narrow(Role::Superadmin), filter(None, None));
    }
}
