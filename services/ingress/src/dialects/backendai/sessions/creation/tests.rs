use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use muster_contract::agent::ContainerImage;
use muster_contract::session::{ComputeSessionType, CreateComputeSession, ScheduleRule};
use muster_contract::{Principal, ResourceSlots};
use muster_platform::site::{ComputeQuota, ResourcePolicy, SecretKey, SiteImage, SlotLimits};
use muster_platform::{Timestamp, slot_amount};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::super::version::Version;
use super::*;
use crate::auth::KeyPair;
use crate::frame::Failure;

const NOW: Timestamp = Timestamp::from_seconds(1_000);

const V5: Version = Version {
    name: "v5.20191215",
    header: "x-backendai-version",
};

const OLD: Version = Version {
    name: "v4.20181215",
    header: "x-backendai-version",
};

fn slots(given: &[(&str, &str)]) -> ResourceSlots {
    given
        .iter()
        .map(|(slot, text)| ((*slot).to_owned(), slot_amount(slot, text).unwrap()))
        .collect()
}

fn image() -> SiteImage {
    SiteImage {
        image: ContainerImage {
            name: "python:3.11".to_owned(),
            command: vec!["python3".to_owned()],
            docker: None,
            interpreter: None,
            services: Vec::new(),
            environ: BTreeMap::new(),
        },
        aliases: vec!["python".to_owned()],
        minimum: slots(&[("cpu", "1"), ("mem", "64m")]),
        maximum: SlotLimits::from(slots(&[("cpu", "8")])),
    }
}

fn owner() -> KeyPair {
    KeyPair {
        access_key: "AK".to_owned(),
        secret_key: SecretKey::from("secret".to_owned()),
        principal: Arc::new(Principal {
            name: "alice".to_owned(),
            domain: "north".to_owned(),
            project: "demo".to_owned(),
            roles: Vec::new(),
        }),
        policy: Some(Arc::new(ResourcePolicy {
            name: "default".to_owned(),
            quota: ComputeQuota::default(),
            containers_per_session: Some(4),
            idle_timeout: Some(Duration::from_mins(1)),
        })),
    }
}

fn request(body: &Value, version: Version) -> Result<CreationRequest, Failure> {
    CreationRequest::of(body.as_object().unwrap(), version, NOW)
}

fn command_of(body: &Value, version: Version) -> Result<CreateComputeSession, Failure> {
    let wish = Wanted {
        name: "mysess-01".to_owned(),
        answer: ScheduleRule::Enqueued,
    };
    wanted(request(body, version)?, &owner(), &image(), wish)
}

fn command(body: &Value) -> Result<CreateComputeSession, Failure> {
    command_of(body, V5)
}

fn refusal(body: &Value) -> (u16, String) {
    let failure = command(body).unwrap_err();
    let status = failure.kind().status().as_u16();
    (status, failure.message().to_owned())
}

#[test]
fn the_request_of_the_command_line_client() {
    let body = json!({
        "tag": null, "name": "mysess-01",
        "config": {
            "mounts": [], "environ": {"A": "B"}, "clusterSize": 1,
            "resources": {"cpu": "1", "mem": "4g"}, "resource_opts": {}, "scalingGroup": null,
            "mount_map": {}, "preopen_ports": [],
        },
        "starts_at": null, "bootstrap_script": null, "owner_access_key": null,
        "domain": "default", "group": "default", "type": "interactive", "enqueueOnly": false,
        "maxWaitSeconds": 0, "reuseIfExists": true, "startupCommand": null,
        "image": "python:3.11",
    });
    let read = request(&body, V5).unwrap();
    assert_eq!(read.name.as_deref(), Some("mysess-01"));
    assert_eq!(
        (read.wait, read.enqueue_only, read.reuse),
        (None, false, true)
    );
    let command = command(&body).unwrap();
    assert_eq!(command.owner, "AK");
    assert_eq!(
        (command.tenant.as_str(), command.domain.as_str()),
        ("demo", "north")
    );
    assert_eq!(command.slots, slots(&[("cpu", "1"), ("mem", "4g")]));
    assert_eq!(command.environ.get("A").map(String::as_str), Some("B"));
    assert_eq!((command.cluster_size, command.on_one_agent), (1, false));
    assert_eq!(command.idle_timeout, Some(60_000_000));
    assert_eq!(command.kind, ComputeSessionType::Interactive);
}

#[test]
fn the_request_of_the_seed() {
    let body = json!({
        "image": "python:3.11", "clientSessionToken": "mysession-01", "enqueueOnly": false,
        "maxWaitSeconds": 30, "reuseIfExists": true, "domain": "default", "group": "default",
        "config": {
            "clusterSize": 2, "environ": {"MYCONFIG": "XXX"}, "mounts": ["mydata", "mypkgs"],
            "resources": {"cpu": "2", "mem": "4g", "cuda.devices": "1"},
        },
        "tag": "example-tag",
    });
    let read = request(&body, V5).unwrap();
    assert_eq!(read.name.as_deref(), Some("mysession-01"));
    assert_eq!(read.wait, Some(Duration::from_secs(30)));
    let command = command(&body).unwrap();
    assert_eq!(command.mounts, ["mydata", "mypkgs"]);
    assert_eq!(command.cluster_size, 2);
    assert_eq!(command.tag.as_deref(), Some("example-tag"));
    // Whether there is such a slot is for those to say who know the agents.
    let wanted = [("cpu", "2"), ("mem", "4g"), ("cuda.devices", "1")];
    assert_eq!(command.slots, slots(&wanted));
}

#[test]
fn requests_by_other_names() {
    let body = json!({
        "lang": "python:3.11", "sessionType": "batch", "groupName": "demo", "domain_name": "north",
        "startup_command": "make", "starts_at": "30m", "bootstrap_script": "ZWNobyBoaQ==",
        "dependencies": ["other"], "clusterSize": 3, "clusterMode": "single-node",
        "enqueueOnly": "true", "maxWaitSeconds": "5", "callback_url": null, "architecture": "x86_64",
        "config": {
            "mount_options": {}, "mount_ids": [], "mount_id_map": {}, "cluster_size": 1,
            "scaling_group": "gpu", "resourceOpts": {"shmem": "1g", "flag": true},
            "resources": {"cpu": 2, "mem": "1.5g", "cuda.shares": 0.5, "tpu.device": 0},
            "preopen_ports": [5000, 6000], "mountMap": {"a": "/home/work/a"},
        },
    });
    let command = command(&body).unwrap();
    assert_eq!(command.kind, ComputeSessionType::Batch);
    assert_eq!(command.startup_command.as_deref(), Some("make"));
    assert_eq!(command.starts_at, Some(2_800_000_000));
    assert_eq!(command.bootstrap_script.as_deref(), Some("echo hi"));
    assert_eq!(command.dependencies, ["other"]);
    assert_eq!((command.cluster_size, command.on_one_agent), (3, true));
    assert_eq!(command.scaling_group.as_deref(), Some("gpu"));
    let wanted = [("cpu", "2"), ("mem", "1.5g"), ("cuda.shares", "0.5")];
    assert_eq!(command.slots, slots(&wanted));
    assert_eq!(command.resource_options.len(), 2);
    assert_eq!(command.preopen_ports, [5000, 6000]);
}

#[test]
fn what_is_not_asked_for_is_as_the_image_needs() {
    let least = slots(&[("cpu", "1"), ("mem", "128m")]);
    for body in [
        json!({"image": "python"}),
        json!({"image": "python", "config": null}),
        json!({"image": "python", "config": {"resources": {"cpu": 0, "mem": "0"}}}),
        json!({"image": "python", "config": {"resources": {"cpu": null}}}),
    ] {
        assert_eq!(command(&body).unwrap().slots, least, "{body}");
    }
    let more_shared = json!({"image": "python", "config": {"resource_opts": {"shmem": "1g"}}});
    let expected = slots(&[("cpu", "1"), ("mem", "1088m")]);
    assert_eq!(command(&more_shared).unwrap().slots, expected);
}

#[test]
fn less_than_the_least_and_more_than_the_most_are_refused() {
    let with = |resources: Value| json!({"image": "python", "config": {"resources": resources}});
    assert_eq!(
        refusal(&with(json!({"mem": "127m"}))),
        (
            400,
            "resources is less than the image needs: (cpu=1 mem=134217728)".to_owned()
        )
    );
    assert_eq!(refusal(&with(json!({"cpu": "0.5"}))).0, 400);
    assert_eq!(
        refusal(&with(json!({"cpu": "9"}))),
        (
            400,
            "resources is more than the image may have: (cpu=8)".to_owned()
        )
    );
}

#[test]
fn more_containers_than_the_owner_may_have_are_not_acceptable() {
    let of = |size: u32| json!({"image": "python", "config": {"clusterSize": size}});
    assert!(command(&of(4)).is_ok());
    assert_eq!(refusal(&of(5)).0, 406);
}

#[test]
fn old_clients_send_a_command_for_every_session() {
    let body = json!({"image": "python", "type": "interactive", "startupCommand": "help text"});
    assert_eq!(command(&body).unwrap().startup_command, None);
}

#[test]
fn versions_before_slots_have_memory_and_cores() {
    let of = |config: Value| command_of(&json!({"lang": "python", "config": config}), OLD);
    let command = of(json!({"instanceMemory": 2, "instanceCores": 3})).unwrap();
    assert_eq!(command.slots, slots(&[("cpu", "3"), ("mem", "2g")]));
    let command = of(json!({"instanceMemory": "0.5", "instanceGPUs": 0})).unwrap();
    assert_eq!(command.slots, slots(&[("cpu", "1"), ("mem", "512m")]));
    assert!(of(json!({"instanceGPUs": 1})).is_err());
    assert!(of(json!({"instanceMemory": [1]})).is_err());
}

#[test]
fn mistakes_are_the_clients() {
    let config = |config: Value| json!({"image": "python", "config": config});
    let many: Vec<String> = (0..101).map(|number| format!("session-{number}")).collect();
    for body in [
        json!({}),
        json!({"image": ""}),
        json!({"image": 7}),
        json!({"image": "python", "name": "x"}),
        json!({"image": "python", "type": "other"}),
        json!({"image": "python", "type": "batch"}),
        json!({"image": "python", "type": "batch", "startupCommand": ""}),
        json!({"image": "python", "starts_at": "30m"}),
        json!({"image": "python", "type": "batch", "startupCommand": "x", "starts_at": "soon"}),
        json!({"image": "python", "group": "other"}),
        json!({"image": "python", "domain": "other"}),
        json!({"image": "python", "enqueueOnly": "maybe"}),
        json!({"image": "python", "maxWaitSeconds": -1}),
        json!({"image": "python", "tag": "x".repeat(65)}),
        json!({"image": "python", "bootstrap_script": "%"}),
        json!({"image": "python", "dependencies": "other"}),
        json!({"image": "python", "dependencies": many}),
        json!({"image": "python", "clusterMode": "other"}),
        json!({"image": "python", "config": []}),
        config(json!({"clusterSize": 0})),
        config(json!({"clusterSize": 1_001})),
        config(json!({"clusterSize": "x"})),
        config(json!({"environ": {"A": 1}})),
        config(json!({"environ": {"A=B": "1"}})),
        config(json!({"environ": []})),
        config(json!({"mounts": "x"})),
        config(json!({"mount_map": {"a": "/etc"}})),
        config(json!({"mount_map": {"a": "/home/work/"}})),
        config(json!({"mount_map": {"a": "/home/work/../x"}})),
        config(json!({"resources": {"cpu": "x"}})),
        config(json!({"resources": {"cpu": -1}})),
        config(json!({"resources": {"mem": "1.5"}})),
        config(json!({"resources": {"mem": "100000y"}})),
        config(json!({"resources": {"": "1"}})),
        config(json!({"resources": {"a b": "1"}})),
        config(json!({"resources": {"cpu": true}})),
        config(json!({"resources": []})),
        config(json!({"resource_opts": {"shmem": "x"}})),
        config(json!({"resource_opts": {"shmem": []}})),
        config(json!({"preopen_ports": [80]})),
        config(json!({"preopen_ports": [70_000]})),
        config(json!({"preopen_ports": [5000, 5000]})),
        config(json!({"preopen_ports": ["x"]})),
    ] {
        assert_eq!(refusal(&body).0, 400, "{body}");
    }
}

proptest! {
    #[test]
    fn what_is_granted_is_never_less_than_the_image_needs(
        cpu in prop::option::of(0_u32..10), mem in prop::option::of(0_u32..1000),
    ) {
        let body = json!({"image": "python", "config": {"resources": {"cpu": cpu, "mem": mem.map(|mem| format!("{mem}m"))}}});
        let fits = cpu.is_none_or(|cpu| cpu <= 8) && mem.is_none_or(|mem| mem == 0 || mem >= 128);
        match command(&body) {
            Ok(command) => {
                prop_assert!(fits);
                prop_assert!(image().minimum.fits_in(&command.slots));
            }
            Err(failure) => {
                prop_assert!(!fits);
                prop_assert_eq!(failure.kind().status(), 400);
            }
        }
    }
}
