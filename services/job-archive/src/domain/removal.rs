//! Removals that may be of any number of rows, and are therefore carried out in portions.

use muster_contract::job_archive::{NewTag, OmitTagged};
use serde::{Deserialize, Serialize};

use super::scope::Scope;

/// Rows looked at in one transaction: some ten milliseconds on SQLite, in which nobody else can write.
pub(crate) const PORTION: usize = 500;

/// What is left to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Removal {
    /// Deleting old jobs.
    Jobs {
        /// Of these tenants; the last one is at hand.
        tenants: Vec<String>,
        /// Of this user only.
        user: Option<String>,
        /// That started before: seconds since 1970 UTC.
        before: i64,
        /// Which are spared.
        omit: OmitTagged,
        /// Start and number of the job looked at last, of the tenant at hand.
        after: (i64, i64),
    },
    /// Taking tags off jobs.
    Tags {
        /// The tags; the last one is at hand.
        tags: Vec<NewTag>,
        /// Off jobs of this tenant only.
        tenant: Option<String>,
        /// Off jobs of this user only.
        user: Option<String>,
        /// The job looked at last, of the tag at hand.
        after: i64,
    },
}

/// Before every job.
const FIRST: (i64, i64) = (i64::MIN, i64::MIN);

impl Removal {
    /// Of the jobs of these tenants, of those of one user if the scope says so, that started before a time.
    pub(crate) fn of_jobs(
        tenants: Vec<String>,
        scope: &Scope,
        before: i64,
        omit: OmitTagged,
    ) -> Self {
        Self::Jobs {
            tenants,
            user: scope.user().map(str::to_owned),
            before,
            omit,
            after: FIRST,
        }
    }

    /// Of these tags from the jobs in the scope.
    pub(crate) fn of_tags(tags: Vec<NewTag>, scope: &Scope) -> Self {
        Self::Tags {
            tags,
            tenant: scope.tenant().map(str::to_owned),
            user: scope.user().map(str::to_owned),
            after: i64::MIN,
        }
    }

    /// Whether nothing is left.
    pub(crate) fn is_done(&self) -> bool {
        match self {
            Self::Jobs { tenants, .. } => tenants.is_empty(),
            Self::Tags { tags, .. } => tags.is_empty(),
        }
    }

    /// What is at hand has come to its end.
    pub(crate) fn next(&mut self) {
        match self {
            Self::Jobs { tenants, after, .. } => {
                tenants.pop();
                *after = FIRST;
            }
            Self::Tags { tags, after, .. } => {
                tags.pop();
                *after = i64::MIN;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_at_hand_ends_before_the_next_begins() {
        let scope = Scope::All;
        let tenants = vec!["a".to_owned(), "b".to_owned()];
        let mut removal = Removal::of_jobs(tenants, &scope, 7, OmitTagged::None);
        assert!(!removal.is_done());
        if let Removal::Jobs { after, .. } = &mut removal {
            *after = (3, 4);
        }
        removal.next();
        let rest = Removal::of_jobs(vec!["a".to_owned()], &scope, 7, OmitTagged::None);
        assert_eq!(removal, rest);
        removal.next();
        assert!(removal.is_done());
        assert!(Removal::of_tags(Vec::new(), &scope).is_done());
    }
}
