use muster_contract::job_archive::{JobDetails, JobState, NodeSharing, Unit};
use serde_json::{Value, json};

use super::*;

/// A job with nothing in it that can be left out.
pub(in super::super) fn smallest() -> Job {
    Job {
        id: 1,
        job_id: 7,
        tenant: "demo".to_owned(),
        user: "abcd100h".to_owned(),
        project: String::new(),
        cluster: "fritz".to_owned(),
        sub_cluster: "main".to_owned(),
        partition: String::new(),
        array_job_id: 0,
        num_nodes: 1,
        num_hwthreads: 0,
        num_acc: 0,
        sharing: NodeSharing::None,
        monitoring_status: 0,
        smt: 0,
        state: JobState::Completed,
        duration: 50,
        walltime: 0,
        start_time: 100,
        details: JobDetails {
            resources: vec![ContractResource {
                hostname: "f0101".to_owned(),
                ..ContractResource::default()
            }],
            ..JobDetails::default()
        },
        meta_data: None,
        tags: Vec::new(),
    }
}

fn rendered(job: &Job) -> Value {
    serde_json::to_value(JobObject::new(job)).unwrap()
}

#[test]
fn zero_values_are_left_out_where_cc_backend_leaves_them_out() {
    assert_eq!(
        rendered(&smallest()),
        json!({
            "id": 1,
            "jobId": 7,
            "user": "abcd100h",
            "project": "",
            "cluster": "fritz",
            "subCluster": "main",
            "numNodes": 1,
            "exclusive": 1,
            "shared": "none",
            "jobState": "completed",
            "duration": 50,
            "startTime": 100,
            "resources": [{"hostname": "f0101"}],
            "metaData": null,
            "concurrentJobs": {"items": null, "count": 0},
        })
    );
}

#[test]
fn everything_told_of_a_job_is_told_again() {
    let job = Job {
        partition: "singlenode".to_owned(),
        array_job_id: 5,
        num_hwthreads: 72,
        num_acc: 2,
        sharing: NodeSharing::MultiUser,
        monitoring_status: 3,
        smt: 2,
        walltime: 86_400,
        details: JobDetails {
            requested_memory: 128_000,
            submit_time: 90,
            energy: Some(0.0),
            footprint: BTreeMap::from([("mem_used_max".to_owned(), 1.5)]),
            energy_footprint: BTreeMap::from([("cpu".to_owned(), 2.0)]),
            statistics: BTreeMap::from([(
                "clock".to_owned(),
                MetricStatistics {
                    unit: Some(Unit::Parts {
                        base: "Hz".to_owned(),
                        prefix: Some("M".to_owned()),
                    }),
                    avg: 2.0,
                    min: 1.0,
                    max: 3.0,
                },
            )]),
            ..smallest().details
        },
        meta_data: Some(BTreeMap::from([("jobName".to_owned(), "x".to_owned())])),
        tags: vec![ContractTag {
            id: 4,
            kind: "Debug".to_owned(),
            name: "Testjob".to_owned(),
            scope: "global".to_owned(),
        }],
        ..smallest()
    };
    let mut expected = rendered(&smallest());
    let more = json!({
        "partition": "singlenode",
        "arrayJobId": 5,
        "numHwthreads": 72,
        "numAcc": 2,
        "exclusive": 0,
        "shared": "multi_user",
        "monitoringStatus": 3,
        "smt": 2,
        "walltime": 86_400,
        "submitTime": 90,
        "requestedMemory": 128_000,
        "energy": 0.0,
        "footprint": {"mem_used_max": 1.5},
        "energyFootprint": {"cpu": 2.0},
        "statistics": {"clock": {"unit": {"base": "Hz", "prefix": "M"}, "avg": 2.0, "min": 1.0, "max": 3.0}},
        "metaData": {"jobName": "x"},
        "tags": [{"id": 4, "type": "Debug", "name": "Testjob", "scope": "global"}],
    });
    for (member, value) in more.as_object().unwrap() {
        expected[member] = value.clone();
    }
    assert_eq!(rendered(&job), expected);
}
