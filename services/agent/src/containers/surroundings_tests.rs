//! What is around the processes of a container: its limits, names and folders.

use std::fs;

use muster_contract::agent::{ContainerEnd, FolderMount};
use muster_contract::{Amount, ResourceSlots};
use muster_testkit::skip;

use super::cgroups::Cgroups;
use super::testing::{House, order, reason, sh, text};

#[tokio::test]
async fn the_processes_of_a_container_have_no_more_memory_together_than_it_may() {
    let house = House::new();
    let mut agent = house.agent().await;
    let limits = agent.containers.cgroups.as_ref();
    if !limits.is_some_and(Cgroups::limit_memory) {
        skip("limits by control groups", "this user may make none");
        return;
    }
    let half = "x = bytearray(40 << 20); import time; time.sleep(600)";
    let script = format!("python3 -c '{half}' & python3 -c '{half}' & wait -n; exit 9");
    let mut order = order(&["bash", "-c", &script], None);
    order.slots = ResourceSlots::from_iter([
        ("cpu".to_owned(), "0.5".parse().unwrap()),
        ("mem".to_owned(), Amount::from(64 << 20)),
    ]);
    agent.ports(&order).await;
    let groups = house
        .directory
        .join(format!("state/{}/groups", order.container));
    let groups = fs::read_to_string(groups).unwrap();
    let ended = agent.ends_by_itself().await;
    assert_eq!(ended.end, ContainerEnd::Exited { code: 9 });
    // And what was made for it is gone.
    for group in groups.lines() {
        assert!(!std::path::Path::new(group).exists(), "{group}");
    }
}

#[tokio::test]
async fn names_and_folders_are_found_in_the_containers_of_a_session() {
    let house = House::new();
    let agent = house.agent().await;
    fs::create_dir_all(house.directory.join("folders/demo/data")).unwrap();
    fs::write(house.directory.join("folders/demo/data/kept"), "1").unwrap();
    let mut order = sh("sleep 600");
    order.image.interpreter = Some(["sh", "-c", "{code}"].map(str::to_owned).to_vec());
    order.folders = vec![FolderMount {
        name: "data".to_owned(),
        path: "in/data".to_owned(),
    }];
    order.place.hostnames = ["main1", "sub1"].map(str::to_owned).to_vec();
    order.place.addresses = ["127.0.0.1", "10.9.8.7"].map(str::to_owned).to_vec();
    agent.ports(&order).await;
    let run = agent
        .query(order.container, "cat in/data/kept; echo 2 > in/data/new")
        .await;
    assert_eq!(
        (run.exit_code, text(&run, "stdout").as_str()),
        (Some(0), "1")
    );
    if agent.containers.has_namespaces {
        let run = agent.query(order.container, "getent hosts sub1").await;
        assert!(text(&run, "stdout").starts_with("10.9.8.7"), "{run:?}");
        let hosts = fs::read_to_string("/etc/hosts").unwrap();
        assert!(
            !hosts.contains("sub1"),
            "the machine's own are as they were"
        );
    } else {
        skip(
            "names of a session",
            "this user may make no mount namespaces",
        );
    }
    agent.stop(order.container, true).await;
    let kept = fs::read_to_string(house.directory.join("folders/demo/data/new"));
    assert_eq!(kept.unwrap(), "2\n");
    let missing = FolderMount {
        name: "none".to_owned(),
        path: "none".to_owned(),
    };
    let mut order = sh("sleep 600");
    order.folders = vec![missing];
    let why = reason(agent.start(&order).await);
    assert_eq!(why, "project demo has no folder none here");
}
