//! Where there are jobs: tenants, and clusters of a tenant.
//!
//! Each is found by a jump in an index to the next greater value, so what this costs grows with the tenants and
//! clusters, not with the jobs.

use muster_storage::{Snapshot, StorageError};

use crate::domain::streams::{Lookup, Place};

macro_rules! tenants {
    () => {
        "WITH RECURSIVE tenants (tenant) AS ( \
             SELECT MIN(tenant) FROM job \
             UNION ALL \
             SELECT (SELECT MIN(job.tenant) FROM job WHERE job.tenant > tenants.tenant) FROM tenants \
             WHERE tenants.tenant IS NOT NULL)"
    };
}

macro_rules! clusters {
    ($tenants:literal) => {
        concat!(
            "places (tenant, cluster) AS ( \
                 SELECT t.tenant, (SELECT MIN(job.cluster) FROM job WHERE job.tenant = t.tenant) \
                 FROM ",
            $tenants,
            " AS t \
                 UNION ALL \
                 SELECT places.tenant, (SELECT MIN(job.cluster) FROM job \
                     WHERE job.tenant = places.tenant AND job.cluster > places.cluster) \
                 FROM places WHERE places.cluster IS NOT NULL) \
             SELECT tenant, cluster FROM places WHERE cluster IS NOT NULL"
        )
    };
}

pub(crate) const TENANTS: &str = concat!(
    tenants!(),
    " SELECT tenant, '' AS cluster FROM tenants WHERE tenant IS NOT NULL"
);

pub(crate) const CLUSTERS_OF: &str = concat!(
    "WITH RECURSIVE ",
    clusters!("(SELECT CAST($1 AS TEXT) AS tenant)")
);

pub(crate) const TENANTS_AND_CLUSTERS: &str = concat!(
    tenants!(),
    ", ",
    clusters!("(SELECT tenant FROM tenants WHERE tenant IS NOT NULL)")
);

/// What a list has to know of the table.
pub(crate) async fn look_up(
    snapshot: &mut Snapshot,
    lookup: Lookup<'_>,
) -> Result<Vec<Place>, StorageError> {
    let rows: Vec<(String, String)> = match lookup {
        Lookup::Nothing => Vec::new(),
        Lookup::Tenants => snapshot.fetch_all(TENANTS, &[]).await?,
        Lookup::ClustersOf(tenant) => snapshot.fetch_all(CLUSTERS_OF, &[tenant.into()]).await?,
        Lookup::TenantsAndClusters => snapshot.fetch_all(TENANTS_AND_CLUSTERS, &[]).await?,
    };
    let places = rows.into_iter();
    Ok(places
        .map(|(tenant, cluster)| Place { tenant, cluster })
        .collect())
}
