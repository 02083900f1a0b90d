use muster_contract::Role;
use muster_contract::job_archive::{MetricStatistics, Unit};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::go_json::decode;

fn caller() -> Principal {
    Principal {
        name: "alice".to_owned(),
        domain: "default".to_owned(),
        project: "demo".to_owned(),
        roles: vec![Role::Api],
    }
}

/// The smallest job, with other members added or put in place.
fn job(members: &Value) -> Value {
    let mut job = json!({
        "jobId": 7,
        "user": "abcd100h",
        "cluster": "fritz",
        "numNodes": 1,
        "startTime": 100,
        "resources": [{"hostname": "f0101"}],
    });
    for (name, value) in members.as_object().unwrap() {
        job[name] = value.clone();
    }
    job
}

fn command(members: &Value) -> Result<StartJob, RequestError> {
    decode::<JobMeta>(job(members).to_string().as_bytes())
        .unwrap()
        .into_command(&caller())
}

fn refused(members: &Value) -> String {
    let failure = command(members).unwrap_err();
    assert!(matches!(failure, RequestError::Invalid(_)), "{members}");
    failure.to_string()
}

#[test]
fn what_is_left_out_has_its_default() {
    let command = command(&json!({})).unwrap();
    assert_eq!(
        command,
        StartJob {
            job_id: 7,
            user: "abcd100h".to_owned(),
            project: String::new(),
            cluster: "fritz".to_owned(),
            sub_cluster: None,
            partition: String::new(),
            array_job_id: 0,
            num_nodes: 1,
            num_hwthreads: 0,
            num_acc: 0,
            sharing: NodeSharing::None,
            monitoring_status: 1,
            smt: 0,
            state: JobState::Running,
            duration: 0,
            walltime: 0,
            start_time: 100,
            details: JobDetails {
                resources: vec![muster_contract::job_archive::Resource {
                    hostname: "f0101".to_owned(),
                    ..Default::default()
                }],
                ..JobDetails::default()
            },
            meta_data: BTreeMap::new(),
            tags: Vec::new(),
        }
    );
}

#[test]
fn what_cc_slurm_adapter_sends_is_read() {
    let command = command(&json!({
        "project": "p", "subCluster": "", "partition": "main", "numHwthreads": 72, "numAcc": 0,
        "shared": "single_user", "smt": 0, "jobState": "", "duration": 0, "walltime": 86_400,
        "requestedMemory": 128_000, "submitTime": 90, "energy": 0, "monitoringStatus": 1,
        "statistics": null, "footprint": null, "energyFootprint": null, "tags": null, "id": null,
        "concurrentJobs": {"items": null, "count": 0},
        "resources": [{"hostname": "f0101", "hwthreads": [0, 1], "accelerators": ["00:1"], "configuration": "c"}],
        "metaData": {"jobName": "x", "slurmInfo": "y", "submitTime": "z"},
    }))
    .unwrap();
    assert_eq!(command.sub_cluster, None);
    assert_eq!(command.sharing, NodeSharing::SingleUser);
    assert_eq!(command.state, JobState::Running);
    assert_eq!(command.details.resources[0].hwthreads, [0, 1]);
    assert_eq!(command.details.resources[0].accelerators, ["00:1"]);
    assert_eq!(command.details.resources[0].configuration, "c");
    assert_eq!(command.details.requested_memory, 128_000);
    assert_eq!(command.details.submit_time, 90);
    assert_eq!(command.details.energy, Some(0.0));
    assert_eq!(command.meta_data.len(), 3);
}

#[test]
fn what_early_clients_send_is_read() {
    // cc-slurm-sync and cc-condor-sync write `metadata`, and `exclusive`.
    let text = job(&json!({"exclusive": 0, "metadata": {"jobScript": "s"}, "smt": 4})).to_string();
    let command = decode::<JobMeta>(text.as_bytes())
        .unwrap()
        .into_command(&caller())
        .unwrap();
    assert_eq!(command.sharing, NodeSharing::MultiUser);
    assert_eq!(command.meta_data["jobScript"], "s");
    assert_eq!(command.smt, 4);
}

#[test]
fn checks_come_in_cc_backends_order() {
    let mut wrong = json!({
        "cluster": "", "jobState": "x", "user": "", "resources": [], "numNodes": 0, "exclusive": 3,
    });
    let mut fix = |name: &str, value: Value| {
        let message = refused(&wrong);
        wrong[name] = value;
        message
    };
    assert_eq!(fix("cluster", json!("fritz")), "no such cluster: ");
    assert_eq!(fix("jobState", json!("")), "not a valid job state: x");
    let empty = "'resources' and 'user' should not be empty";
    assert_eq!(fix("user", json!("a")), empty);
    assert_eq!(fix("resources", json!([{"hostname": "h"}])), empty);
    let counts = "'numNodes', 'numAcc' or 'numHWThreads' invalid";
    assert_eq!(fix("numNodes", json!(2)), counts);
    assert_eq!(
        fix("numNodes", json!(1)),
        "len(resources) does not equal numNodes (1 vs 2)"
    );
    assert_eq!(
        fix("exclusive", json!(2)),
        "'exclusive' has to be 0, 1 or 2 and is 3"
    );
    assert_eq!(command(&wrong).unwrap().sharing, NodeSharing::SingleUser);
    assert_eq!(refused(&json!({"numHwthreads": -1})), counts);
    assert_eq!(refused(&json!({"numAcc": -1})), counts);
}

#[test]
fn every_state_of_every_release_is_taken() {
    for state in JobState::ALL {
        let command = command(&json!({"jobState": state.name()})).unwrap();
        assert_eq!(command.state, *state);
    }
    assert_eq!(
        refused(&json!({"jobState": "Running"})),
        "not a valid job state: Running"
    );
}

#[test]
fn ranges_end_where_they_should() {
    for good in [
        json!({"monitoringStatus": 0}),
        json!({"monitoringStatus": 3}),
        json!({"smt": 0}),
        json!({"smt": i32::MAX}),
        json!({"startTime": 0}),
        json!({"jobId": 0}),
    ] {
        assert!(command(&good).is_ok(), "{good}");
    }
    assert_eq!(
        refused(&json!({"monitoringStatus": 4})),
        "'monitoringStatus' has to be from 0 to 3 and is 4"
    );
    refused(&json!({"monitoringStatus": -1}));
    refused(&json!({"smt": -1}));
    refused(&json!({"exclusive": -1}));
    assert_eq!(
        refused(&json!({"shared": "all"})),
        "'shared' has to be none, single_user or multi_user and is \"all\""
    );
}

#[test]
fn both_names_of_sharing_may_be_there_if_they_agree() {
    for (exclusive, shared) in [(0, "multi_user"), (1, "none"), (2, "single_user")] {
        let both = json!({"exclusive": exclusive, "shared": shared});
        assert_eq!(command(&both).unwrap().sharing.exclusive(), exclusive);
    }
    assert_eq!(
        refused(&json!({"exclusive": 1, "shared": "multi_user"})),
        "'exclusive' 1 and 'shared' \"multi_user\" contradict each other"
    );
}

#[test]
fn a_text_may_be_as_long_as_the_limit() {
    let longest = "x".repeat(TEXT_LIMIT);
    let too_long = "x".repeat(TEXT_LIMIT + 1);
    let with = |text: &str| {
        [
            json!({"user": text}),
            json!({"project": text}),
            json!({"cluster": text}),
            json!({"subCluster": text}),
            json!({"partition": text}),
            json!({"resources": [{"hostname": text}]}),
            json!({"tags": [{"type": text, "name": "n"}]}),
            json!({"tags": [{"type": "t", "name": text}]}),
        ]
    };
    for good in with(&longest) {
        assert!(command(&good).is_ok());
    }
    for wrong in with(&too_long) {
        assert!(refused(&wrong).ends_with("has 256 bytes and may have 255"));
    }
    assert!(command(&json!({"metaData": {"jobScript": "x".repeat(100_000)}})).is_ok());
}

#[test]
fn tags_are_global_unless_they_say_otherwise() {
    let command = command(&json!({"tags": [
        {"type": "a", "name": "b"},
        {"id": 5, "type": "a", "name": "b", "scope": ""},
        {"type": "a", "name": "b", "scope": "admin"},
        {"type": "a", "name": "b", "scope": "alice"},
    ]}))
    .unwrap();
    let scopes: Vec<&str> = command.tags.iter().map(|tag| &*tag.scope).collect();
    assert_eq!(scopes, ["global", "global", "admin", "alice"]);
}

#[test]
fn nobody_writes_tags_of_somebody_else() {
    let tags = json!({"tags": [{"type": "a", "name": "b", "scope": "bob"}]});
    let refused = command(&tags).unwrap_err();
    assert!(matches!(refused, RequestError::Forbidden(_)));
}

#[test]
fn units_are_words_or_objects() {
    let unit = |unit: Value| {
        let statistics =
            json!({"statistics": {"clock": {"unit": unit, "avg": 2, "min": 1, "max": 3}}});
        command(&statistics).unwrap().details.statistics["clock"].clone()
    };
    let parts = |base: &str, prefix: Option<&str>| {
        Some(Unit::Parts {
            base: base.to_owned(),
            prefix: prefix.map(str::to_owned),
        })
    };
    assert_eq!(
        unit(json!("GHz")),
        MetricStatistics {
            unit: Some(Unit::Word("GHz".to_owned())),
            avg: 2.0,
            min: 1.0,
            max: 3.0,
        }
    );
    assert_eq!(
        unit(json!({"base": "Hz", "prefix": "G"})).unit,
        parts("Hz", Some("G"))
    );
    assert_eq!(
        unit(json!({"base": "", "prefix": ""})).unit,
        parts("", None)
    );
    assert_eq!(unit(json!(null)).unit, None);
    for wrong in [json!(7), json!([]), json!({"basis": "Hz"})] {
        let text = job(&json!({"statistics": {"clock": {"unit": wrong}}})).to_string();
        assert!(decode::<JobMeta>(text.as_bytes()).is_err(), "{text}");
    }
}

/// Any JSON, with a liking for what a job is made of.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!("running")),
        Just(json!("fritz")),
        (-1_i64..5).prop_map(Value::from),
    ];
    let name = prop_oneof![
        any::<String>(),
        proptest::sample::select(vec![
            "jobId",
            "user",
            "cluster",
            "numNodes",
            "resources",
            "hostname",
            "METADATA",
            "tags",
            "statistics",
            "unit",
            "exclusive",
            "shared",
            "jobState",
            "smt",
            "concurrentJobs",
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(name.clone(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_sent_is_a_command_or_a_refusal(body in any_json()) {
        if let Ok(job) = decode::<JobMeta>(body.to_string().as_bytes())
            && let Err(error) = job.into_command(&caller())
        {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn a_job_with_one_strange_member_is_a_command_or_a_refusal(
        name in proptest::sample::select(vec!["jobId", "user", "numNodes", "resources", "metaData", "tags", "statistics", "shared", "smt", "startTime"]),
        value in any_json(),
    ) {
        let text = job(&json!({name: value})).to_string();
        if let Ok(job) = decode::<JobMeta>(text.as_bytes())
            && let Err(error) = job.into_command(&caller())
        {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

#[test]
fn the_real_jobs_become_commands() {
    let data = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/data/clustercockpit"
    );
    let Ok(folders) = ["jobs", "genuine"]
        .map(|folder| std::fs::read_dir(format!("{data}/{folder}")))
        .into_iter()
        .collect::<Result<Vec<_>, _>>()
    else {
        eprintln!("skipped: {data} is not there");
        return;
    };
    let mut read = 0;
    for file in folders.into_iter().flatten() {
        let path = file.unwrap().path();
        if !path.to_string_lossy().ends_with(".meta.json") {
            continue;
        }
        let mut job: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        // Two of them have it, and no release takes it.
        job.as_object_mut().unwrap().remove("stopTime");
        let command = decode::<JobMeta>(job.to_string().as_bytes())
            .unwrap()
            .into_command(&caller())
            .unwrap();
        assert_eq!(command.job_id, job["jobId"], "{}", path.display());
        read += 1;
    }
    assert!(read > 40, "{read}");
}
