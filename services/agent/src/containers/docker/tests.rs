//! A real engine: Docker, or podman, which speaks as Docker does. Skipped where there is none.

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};

use muster_contract::{
    Amount, ResourceSlots,
    agent::{
        ClusterPlace, CodeMode, CodeRunStatus, ContainerEnd, DockerImage, FolderMount,
        StartContainer,
    },
};
use muster_platform::{Clock as _, SystemClock, settings::ContainerBackend};
use muster_testkit::{DEADLINE, eventually, skip};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::containers::{
    DockerSetting, find_docker,
    testing::{Agent, House, order, ports, reason, text},
};

/// Where a real engine answers, with [`IMAGE`] in it (`deploy/lib/docker-engine.sh`).
const HOST_VARIABLE: &str = "MUSTER_TEST_DOCKER_HOST";

/// busybox, and the Python of the machine where there was one.
const IMAGE: &str = "muster-test:latest";

/// An order for Docker.
fn docker_order(command: &[&str], service: Option<&str>) -> StartContainer {
    let mut order = order(&["not-for-docker"], service);
    order.image.docker = Some(DockerImage {
        image: Some(IMAGE.to_owned()),
        command: Some(command.iter().map(|word| (*word).to_owned()).collect()),
    });
    order
}

fn sh(script: &str) -> StartContainer {
    docker_order(&["sh", "-c", script], None)
}

/// The engine's address, unless there is none.
fn engine() -> Option<String> {
    let host = std::env::var(HOST_VARIABLE).ok();
    if host.is_none() {
        skip(
            "containers of Docker",
            &format!("{HOST_VARIABLE} is not set"),
        );
    }
    host
}

async fn agent(house: &House, host: &str) -> Agent {
    house.agent_with(Some(host)).await
}

/// What a server in a container answers.
async fn fetch(port: u16, path: &str) -> String {
    let mut answer = String::new();
    if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await {
        let request = format!("GET {path} HTTP/1.0\r\n\r\n");
        let _ = stream.write_all(request.as_bytes()).await;
        let _ = stream.read_to_string(&mut answer).await;
    }
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_lives_with_its_ports_folders_words_and_limits() {
    let Some(host) = engine() else { return };
    let house = House::new();
    fs::create_dir_all(house.directory.join("folders/demo/data")).unwrap();
    fs::write(
        house.directory.join("folders/demo/data/index.html"),
        "from the folder",
    )
    .unwrap();
    let agent = agent(&house, &host).await;
    let script = "echo $GREETING from $BACKENDAI_CLUSTER_HOST; touch here; \
        cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null; \
        exec httpd -f -p $MUSTER_PORT_HTTP -h /home/work";
    let mut order = docker_order(&["sh", "-c", script], Some("http"));
    order.environ = BTreeMap::from([("GREETING".to_owned(), "hello".to_owned())]);
    order.bootstrap_script = Some("echo first".to_owned());
    order.folders = vec![FolderMount {
        name: "data".to_owned(),
        path: "in/data".to_owned(),
    }];
    order.slots = ResourceSlots::from_iter([
        ("cpu".to_owned(), Amount::from(1)),
        ("mem".to_owned(), Amount::from(64 << 20)),
    ]);
    let started = agent.ports(&order).await;
    let port = started[0].host_port;
    let page = fetch(port, "/in/data/").await;
    assert!(page.ends_with("from the folder"), "{page}");
    // Delivered again.
    assert_eq!(agent.ports(&order).await, started);
    let logs = agent.containers.logs(order.container).await.unwrap();
    assert!(logs.starts_with("first\nhello from main1\n"), "{logs}");
    assert!(logs.contains(&(64 << 20).to_string()), "{logs}");
    let used = agent.containers.usage().await[0].usage;
    assert!(used.mem_cur_bytes > 0 && used.net_rx_bytes > 0, "{used:?}");

    // Started anew: the same ports, the same files, and what was used counts on.
    assert_eq!(ports(agent.restart(&order).await), started);
    assert!(fetch(port, "/in/data/").await.ends_with("from the folder"));
    assert!(house.scratch(&order, "here").exists());
    let now = agent.containers.usage().await[0].usage;
    assert!(now.cpu_used >= used.cpu_used && now.net_rx_bytes >= used.net_rx_bytes);

    let ended = agent.stop(order.container, false).await;
    assert_eq!(ended.end, ContainerEnd::Stopped);
    assert!(ended.logs.starts_with("first\n"), "{}", ended.logs);
    assert!(ended.usage.unwrap().mem_max_bytes > 0);
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
    assert!(
        house
            .directory
            .join("folders/demo/data/index.html")
            .exists()
    );
    let again = agent.stop(order.container, true).await;
    assert_eq!(again.end, ContainerEnd::Stopped);
    assert!(reason(agent.restart(&order).await).contains("does not run"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_container_is_reported_and_the_next_agent_has_the_others() {
    let Some(host) = engine() else { return };
    let house = House::new();
    let mut first = agent(&house, &host).await;
    let (killed, stays, ends) = (
        sh("echo begun; exec sleep 600"),
        sh("exec sleep 600"),
        sh("while [ ! -e go ]; do sleep 0.05; done; echo gone; exit 3"),
    );
    for order in [&killed, &stays, &ends] {
        first.ports(order).await;
    }
    let engine = first.containers.docker.clone().unwrap();
    let at = Instant::now();
    let name = format!("muster-{}", killed.container);
    engine.client.kill_container(&name, None).await.unwrap();
    let ended = first.ends_by_itself().await;
    assert_eq!(
        (ended.container, ended.end),
        (killed.container, ContainerEnd::Exited { code: 137 })
    );
    assert_eq!(ended.logs, "begun\n");
    // A second where the machine has nothing else to do.
    assert!(at.elapsed() < Duration::from_secs(20));

    // An agent dies; one container ends before the next agent is there, and of another only Docker knows.
    first.kill();
    fs::write(house.scratch(&ends, "go"), "").unwrap();
    let name = format!("muster-{}", ends.container);
    eventually(DEADLINE, "its end", async || engine.exit_code(&name).await)
        .await
        .unwrap();
    let lost = sh("exec sleep 600");
    fs::create_dir_all(house.scratch(&lost, "")).unwrap();
    let mut second = agent(&house, &host).await;
    assert_eq!(second.count(), 1);
    let ended = second.ends_by_itself().await;
    assert_eq!(ended.end, ContainerEnd::Exited { code: 3 });
    assert_eq!(ended.logs, "gone\n");
    second.ports(&stays).await;
    let ended = second.stop(stays.container, true).await;
    assert_eq!(ended.end, ContainerEnd::Stopped);
    // Nothing is left of any of them.
    for order in [&killed, &stays, &ends] {
        let name = format!("muster-{}", order.container);
        let found = engine.client.inspect_container(&name, None).await;
        assert!(super::engine::is_missing(&found.unwrap_err()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn code_runs_in_a_container_of_docker() {
    let Some(host) = engine() else { return };
    let house = House::new();
    let agent = agent(&house, &host).await;
    let mut shell = sh("exec sleep 600");
    shell.image.interpreter = Some(["sh", "-c", "{code}"].map(str::to_owned).to_vec());
    agent.ports(&shell).await;
    let code = "pwd; echo two >&2; touch file; exit 3";
    let run = agent.query(shell.container, code).await;
    assert_eq!(
        (run.status, run.exit_code),
        (CodeRunStatus::Finished, Some(3))
    );
    assert_eq!(
        (text(&run, "stdout").as_str(), text(&run, "stderr").as_str()),
        ("/home/work\n", "two\n")
    );
    assert!(house.scratch(&shell, "file").exists());
    let code = "read line; echo got $line; sleep 600".to_owned();
    let ask = async |mode: CodeMode| agent.ask(shell.container, "run", mode).await.unwrap();
    assert_eq!(
        ask(CodeMode::Query { code }).await.status,
        CodeRunStatus::Continued
    );
    let run = ask(CodeMode::Input {
        text: "it".to_owned(),
    })
    .await;
    assert_eq!(text(&run, "stdout"), "got it\n");
    ask(CodeMode::Interrupt).await;
    let run = agent
        .run(shell.container, "run", CodeMode::Continue)
        .await
        .unwrap();
    assert_eq!(
        (run.status, run.exit_code),
        (CodeRunStatus::Finished, Some(130))
    );

    let run = agent
        .query(shell.container, "python3 -c 'import json, socket'")
        .await;
    if run.exit_code != Some(0) {
        skip(
            "Python in a container of Docker",
            "the test's image has none",
        );
        return;
    }
    let mut python = sh("exec sleep 600");
    python.image.interpreter = Some(["python3", "{interpreter.py}"].map(str::to_owned).to_vec());
    agent.ports(&python).await;
    let run = agent
        .query(python.container, "x = 41\nprint('h\u{e9}llo')")
        .await;
    assert_eq!(
        (run.exit_code, text(&run, "stdout").as_str()),
        (Some(0), "h\u{e9}llo\n")
    );
    let run = agent
        .query(python.container, "print(x + 1)\nraise SystemExit(3)")
        .await;
    assert_eq!(
        (run.exit_code, text(&run, "stdout").as_str()),
        (Some(3), "42\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_containers_of_a_session_find_each_other_by_name() {
    let Some(host) = engine() else { return };
    let house = House::new();
    let agent = agent(&house, &host).await;
    let place = |index: u32, hostname: &str| ClusterPlace {
        index,
        hostname: hostname.to_owned(),
        hostnames: ["main1", "sub1"].map(str::to_owned).to_vec(),
        agents: vec!["a1".to_owned(); 2],
        addresses: vec!["127.0.0.1".to_owned(); 2],
    };
    let mut main = sh("exec sleep 600");
    main.image.interpreter = Some(["sh", "-c", "{code}"].map(str::to_owned).to_vec());
    main.place = place(0, "main1");
    let mut sub = sh("hostname > who; exec httpd -f -p 8000");
    sub.session = main.session;
    sub.place = place(1, "sub1");
    agent.ports(&main).await;
    agent.ports(&sub).await;
    let found = async || {
        let code = "wget -q -O - http://sub1:8000/who";
        let said = text(&agent.query(main.container, code).await, "stdout");
        (said == "sub1\n").then_some(())
    };
    eventually(DEADLINE, "the other answers", found)
        .await
        .unwrap();
    agent.stop(main.container, true).await;
    agent.stop(sub.container, true).await;
    let engine = agent.containers.docker.clone().unwrap();
    let network = format!("muster-{}", main.session);
    let found = engine.client.inspect_network(
        &network,
        None::<bollard::query_parameters::InspectNetworkOptions>,
    );
    assert!(super::engine::is_missing(&found.await.unwrap_err()));
}

#[tokio::test(flavor = "multi_thread")]
async fn why_docker_does_not_start_a_container() {
    let Some(host) = engine() else { return };
    let house = House::new();
    let mut agent = agent(&house, &host).await;
    let missing = docker_order(&["no-such-program"], Some("http"));
    let dies = docker_order(&["sh", "-c", "echo no licence; exit 4"], Some("http"));
    let mut slow = docker_order(&["sleep", "600"], Some("web"));
    slow.deadline = SystemClock.now().plus(Duration::from_secs(3)).as_micros();
    let mut folder = sh("exec sleep 600");
    folder.folders = vec![FolderMount {
        name: "none".to_owned(),
        path: "none".to_owned(),
    }];
    let mut unknown = sh("exec sleep 600");
    unknown.image.docker = Some(DockerImage {
        image: Some("localhost:1/none/such:1".to_owned()),
        command: None,
    });
    let mut script = sh("exec sleep 600");
    script.bootstrap_script = Some("echo no disk; exit 5".to_owned());
    for (order, expected) in [
        // First, since its time runs.
        (slow, "web did not answer in time"),
        (missing, "its main process ended (exit status "),
        (dies, "its main process ended (exit status 4): no licence"),
        (folder, "project demo has no folder none here"),
        (
            unknown,
            "localhost:1/none/such:1 is not there and cannot be fetched",
        ),
        (script, "its main process ended (exit status 5): no disk"),
    ] {
        let why = reason(agent.start(&order).await);
        assert!(why.contains(expected), "{why}");
        let ended = agent.stop(order.container, false).await;
        assert_eq!((ended.end, ended.usage), (ContainerEnd::Unknown, None));
    }
    assert!(agent.ended.try_recv().is_err());
    // A batch session's command runs to its end.
    let mut batch = docker_order(&["sleep", "600"], Some("http"));
    batch.startup_command = Some("echo $BACKENDAI_SESSION_NAME; exit 7".to_owned());
    agent.ports(&batch).await;
    let ended = agent.ends_by_itself().await;
    assert_eq!(
        (ended.end, ended.logs.as_str()),
        (ContainerEnd::Exited { code: 7 }, "mine\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_is_found_where_it_answers() {
    let house = House::new();
    let directory = house.directory.join("state");
    let find = async |backend: ContainerBackend, host: &str| {
        find_docker(DockerSetting {
            backend,
            host: Some(host),
            agent: "a1",
            address: "127.0.0.1",
            directory: &directory,
        })
        .await
    };
    let nowhere = format!("unix://{}/none.sock", house.directory.path().display());
    assert!(
        find(ContainerBackend::Auto, &nowhere)
            .await
            .unwrap()
            .is_none()
    );
    assert!(find(ContainerBackend::Docker, &nowhere).await.is_err());
    let Some(host) = engine() else { return };
    assert!(find(ContainerBackend::Auto, &host).await.unwrap().is_some());
    assert!(
        find(ContainerBackend::Docker, &host)
            .await
            .unwrap()
            .is_some()
    );
    assert!(
        find(ContainerBackend::Process, &host)
            .await
            .unwrap()
            .is_none()
    );
}
