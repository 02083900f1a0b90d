//! What the tests of this crate share.

use muster_contract::{
    Principal, Role, Service,
    job_archive::{
        JobDetails, JobState, ListJobs, NodeSharing, Resource, StartJob, StopJob, StopTarget,
    },
};
use muster_testkit::TestDatabases;

use crate::{MIGRATIONS, domain::clusters::Clusters};

/// Any time that looks like one.
pub(crate) const NOON: i64 = 1_675_944_000;
/// A day, in seconds.
pub(crate) const DAY: i64 = 86_400;

/// A database of a test's own.
pub(crate) const DATABASES: TestDatabases = TestDatabases::new(Service::JobArchive, &MIGRATIONS);

/// Makes of one test two, one for each engine.
macro_rules! on_both_engines {
    ($($tests:tt)+) => {
        muster_testkit::on_both_engines! { crate::testing::DATABASES; $($tests)+ }
    };
}

pub(crate) use on_both_engines;

/// Two clusters, `alpha` with parts `main` (`a01` to `a10`) and `fat` (`a11`), and `beta` with any node.
pub(crate) fn clusters() -> Clusters {
    Clusters::from_documents(&[
        r#"{"name": "alpha", "subClusters": [{"name": "main", "nodes": "a[01-10]"}, {"name": "fat", "nodes": "a11"}]}"#,
        r#"{"name": "beta", "subClusters": [{"name": "all", "nodes": "*"}]}"#,
    ])
    .unwrap()
}

/// A principal of a tenant.
pub(crate) fn principal(name: &str, tenant: &str, roles: &[Role]) -> Principal {
    Principal {
        name: name.to_owned(),
        domain: "default".to_owned(),
        project: tenant.to_owned(),
        roles: roles.to_vec(),
    }
}

/// A token of the tenant `demo` that may use the API.
pub(crate) fn token() -> Principal {
    principal("token", "demo", &[Role::Api])
}

/// A job on `alpha` that has just started.
pub(crate) fn start(job_id: i64, start_time: i64) -> StartJob {
    StartJob {
        job_id,
        user: "alice".to_owned(),
        project: "physics".to_owned(),
        cluster: "alpha".to_owned(),
        sub_cluster: None,
        partition: "standard".to_owned(),
        array_job_id: 0,
        num_nodes: 1,
        num_hwthreads: 72,
        num_acc: 0,
        sharing: NodeSharing::None,
        monitoring_status: 1,
        smt: 1,
        state: JobState::Running,
        duration: 0,
        walltime: 3_600,
        start_time,
        details: JobDetails {
            resources: vec![Resource {
                hostname: "a01".to_owned(),
                ..Resource::default()
            }],
            ..JobDetails::default()
        },
        meta_data: std::collections::BTreeMap::new(),
        tags: vec![],
    }
}

/// A stop of the newest job of a number.
pub(crate) fn stop(job_id: i64, stop_time: i64) -> StopJob {
    StopJob {
        target: StopTarget::Newest {
            job_id,
            cluster: Some("alpha".to_owned()),
            start_time: None,
        },
        stop_time,
        state: JobState::Completed,
    }
}

/// The question for everything.
pub(crate) fn everything() -> ListJobs {
    ListJobs {
        states: vec![],
        cluster: None,
        project: None,
        start_from: None,
        start_to: None,
        page_size: None,
        page: 1,
        with_meta_data: false,
    }
}

/// Genuine files of ClusterCockpit sites whose names end like this, by name: of the archive's own tests and of the jobs
/// beside them. None where the data is missing, which is said.
pub(crate) fn genuine(ending: &str) -> Vec<(String, Vec<u8>)> {
    let data = muster_testkit::programs::repository().join("../shared/data/clustercockpit");
    let mut files = Vec::new();
    for directory in ["genuine", "jobs"] {
        let Ok(entries) = std::fs::read_dir(data.join(directory)) else {
            muster_testkit::skip(
                "genuine archive files",
                "../shared/data/clustercockpit is not there",
            );
            return Vec::new();
        };
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if name.ends_with(&format!(".{ending}")) {
                files.push((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}
