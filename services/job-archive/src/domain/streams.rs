//! From which runs of which index a list is merged.
//!
//! Every index of the job table has, behind its leading columns, the jobs in the list's own order. A **stream** is the
//! run of one index where the leading columns are fixed. A list merges as few streams as give it only what fits, so that
//! a page costs what it shows, however long the history is: nothing is sorted, nothing is read to its end.

use muster_contract::job_archive::JobState;

use super::scope::Scope;

/// Streams that one list is merged from, at most; SQLite takes 500 in one statement. Beyond it a list is merged from
/// fewer, longer streams and what does not fit is passed over.
pub(crate) const MAX_STREAMS: usize = 256;

/// Which jobs are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Filter {
    /// What the caller may see.
    pub(crate) scope: Scope,
    /// One of these states; empty = any.
    pub(crate) states: Vec<JobState>,
    /// Of this cluster.
    pub(crate) cluster: Option<String>,
    /// Of this accounting project.
    pub(crate) project: Option<String>,
    /// Started then or later.
    pub(crate) start_from: i64,
    /// Started then or earlier.
    pub(crate) start_to: i64,
}

/// A run of one index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream<'a> {
    /// Jobs of a tenant on a cluster in a state.
    State {
        tenant: &'a str,
        cluster: &'a str,
        state: JobState,
    },
    /// Jobs of a tenant.
    Tenant { tenant: &'a str },
    /// Jobs that a user of a tenant submitted.
    User { tenant: &'a str, user: &'a str },
    /// Jobs of a tenant for an accounting project.
    Project { tenant: &'a str, project: &'a str },
    /// The whole table, which the engine has to sort: only where there are more tenants than streams.
    Everything,
}

/// What has to be known of the table before the streams are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookup<'a> {
    /// Nothing.
    Nothing,
    /// The tenants that have jobs.
    Tenants,
    /// The clusters on which the tenant has jobs.
    ClustersOf(&'a str),
    /// Both.
    TenantsAndClusters,
}

/// Where a tenant has jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) tenant: String,
    /// Empty where only tenants were looked up.
    pub(crate) cluster: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Index {
    State,
    Start,
    User,
    Project,
}

impl Filter {
    /// What to look up for [`Filter::streams`].
    pub(crate) fn lookup(&self) -> Lookup<'_> {
        let needs_clusters = self.index() == Index::State && self.cluster.is_none();
        match (self.scope.tenant(), needs_clusters) {
            (Some(_), false) => Lookup::Nothing,
            (Some(tenant), true) => Lookup::ClustersOf(tenant),
            (None, false) => Lookup::Tenants,
            (None, true) => Lookup::TenantsAndClusters,
        }
    }

    /// The streams. `places` is what was looked up.
    pub(crate) fn streams<'a>(&'a self, places: &'a [Place]) -> Vec<Stream<'a>> {
        if self.index() == Index::State {
            let streams = self.state_streams(places);
            if streams.len() <= MAX_STREAMS {
                return streams;
            }
        }
        let streams: Vec<Stream<'a>> = self
            .tenants(places)
            .into_iter()
            .map(|tenant| match (self.scope.user(), &self.project) {
                (Some(user), _) => Stream::User { tenant, user },
                (None, Some(project)) => Stream::Project { tenant, project },
                (None, None) => Stream::Tenant { tenant },
            })
            .collect();
        if streams.len() <= MAX_STREAMS {
            streams
        } else {
            vec![Stream::Everything]
        }
    }

    /// What has not finished is little, so it is taken from there whatever else is asked. Otherwise a user's or a
    /// project's own jobs are fewer than a cluster's.
    fn index(&self) -> Index {
        let unfinished = |state: &JobState| {
            matches!(
                state,
                JobState::Pending | JobState::Running | JobState::Suspended
            )
        };
        if !self.states.is_empty() && self.states.iter().all(unfinished) {
            Index::State
        } else if self.scope.user().is_some() {
            Index::User
        } else if self.project.is_some() {
            Index::Project
        } else if !self.states.is_empty() || self.cluster.is_some() {
            Index::State
        } else {
            Index::Start
        }
    }

    fn state_streams<'a>(&'a self, places: &'a [Place]) -> Vec<Stream<'a>> {
        let places: Vec<(&str, &str)> = match (self.scope.tenant(), self.cluster.as_deref()) {
            (Some(tenant), Some(cluster)) => vec![(tenant, cluster)],
            (None, Some(cluster)) => self
                .tenants(places)
                .into_iter()
                .map(|tenant| (tenant, cluster))
                .collect(),
            (_, None) => places
                .iter()
                .map(|place| (place.tenant.as_str(), place.cluster.as_str()))
                .collect(),
        };
        let states = if self.states.is_empty() {
            JobState::ALL
        } else {
            &self.states
        };
        places
            .into_iter()
            .flat_map(|(tenant, cluster)| {
                states.iter().map(move |state| Stream::State {
                    tenant,
                    cluster,
                    state: *state,
                })
            })
            .collect()
    }

    fn tenants<'a>(&'a self, places: &'a [Place]) -> Vec<&'a str> {
        if let Some(tenant) = self.scope.tenant() {
            return vec![tenant];
        }
        let mut tenants: Vec<&str> = places.iter().map(|place| place.tenant.as_str()).collect();
        tenants.sort_unstable();
        tenants.dedup();
        tenants
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(scope: Scope) -> Filter {
        Filter {
            scope,
            states: vec![],
            cluster: None,
            project: None,
            start_from: 0,
            start_to: 0,
        }
    }

    fn tenant() -> Filter {
        filter(Scope::Tenant("t".to_owned()))
    }

    fn places(tenants: usize, clusters: usize) -> Vec<Place> {
        let place = |tenant, cluster| Place {
            tenant: format!("t{tenant}"),
            cluster: format!("c{cluster}"),
        };
        (0..tenants)
            .flat_map(|tenant| (0..clusters).map(move |cluster| place(tenant, cluster)))
            .collect()
    }

    #[test]
    fn a_tenants_own_list_is_one_stream() {
        assert_eq!(tenant().lookup(), Lookup::Nothing);
        assert_eq!(tenant().streams(&[]), [Stream::Tenant { tenant: "t" }]);
    }

    #[test]
    fn a_state_of_a_cluster_is_one_stream() {
        let mut filter = tenant();
        filter.cluster = Some("c".to_owned());
        filter.states = vec![JobState::Failed];
        assert_eq!(filter.lookup(), Lookup::Nothing);
        let state = JobState::Failed;
        assert_eq!(
            filter.streams(&[]),
            [Stream::State {
                tenant: "t",
                cluster: "c",
                state
            }]
        );
        filter.states.clear();
        assert_eq!(filter.streams(&[]).len(), JobState::ALL.len());
    }

    #[test]
    fn a_state_of_any_cluster_is_one_stream_for_each() {
        let mut filter = tenant();
        filter.states = vec![JobState::Failed, JobState::Timeout];
        assert_eq!(filter.lookup(), Lookup::ClustersOf("t"));
        assert_eq!(filter.streams(&places(1, 3)).len(), 6);
        assert!(filter.streams(&[]).is_empty());
    }

    #[test]
    fn a_user_and_a_project_have_their_own_streams_but_for_what_runs() {
        let (user, tenant_name) = ("alice", "t");
        let mut own = filter(Scope::User {
            tenant: tenant_name.to_owned(),
            user: user.to_owned(),
        });
        own.cluster = Some("c".to_owned());
        let stream = Stream::User {
            tenant: tenant_name,
            user,
        };
        assert_eq!(own.streams(&[]), [stream]);
        own.states = vec![JobState::Running];
        assert!(matches!(own.streams(&[])[..], [Stream::State { .. }]));

        let mut project = tenant();
        project.project = Some("p".to_owned());
        project.states = vec![JobState::Completed, JobState::Running];
        assert!(matches!(project.streams(&[])[..], [Stream::Project { .. }]));
        project.states = vec![JobState::Running];
        assert_eq!(project.lookup(), Lookup::ClustersOf("t"));
    }

    #[test]
    fn whoever_sees_all_has_the_streams_of_every_tenant() {
        let mut all = filter(Scope::All);
        assert_eq!(all.lookup(), Lookup::Tenants);
        assert_eq!(all.streams(&places(3, 1)).len(), 3);
        all.cluster = Some("c".to_owned());
        assert_eq!(all.lookup(), Lookup::Tenants);
        assert_eq!(all.streams(&places(2, 1)).len(), 2 * JobState::ALL.len());
        all.cluster = None;
        all.states = vec![JobState::Running];
        assert_eq!(all.lookup(), Lookup::TenantsAndClusters);
        assert_eq!(all.streams(&places(2, 3)).len(), 6);
    }

    #[test]
    fn there_are_never_too_many_streams() {
        let mut all = filter(Scope::All);
        all.states = vec![JobState::Running];
        assert_eq!(all.streams(&places(128, 2)).len(), MAX_STREAMS);
        let many = places(128, 3);
        let fewer = all.streams(&many);
        assert_eq!(fewer.len(), 128);
        assert!(matches!(fewer[0], Stream::Tenant { .. }));
        assert_eq!(all.streams(&places(257, 3)), [Stream::Everything]);
    }
}
