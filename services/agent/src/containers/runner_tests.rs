//! Real processes, started and ended in every way.

use std::fs;
use std::time::{Duration, Instant};

use muster_contract::agent::{ContainerEnd, StopContainer};
use muster_platform::{Clock as _, Ids as _, RandomIds, SystemClock};
use muster_testkit::{DEADLINE, eventually};
use rustix::process::Signal;
use tokio::time::timeout;

use super::main::Main;
use super::testing::{House, SERVER, answers, order, ports, reason, sh};

#[tokio::test]
async fn a_container_has_started_when_its_port_answers_and_all_of_it_ends() {
    let (house, order) = (House::new(), order(&SERVER, Some("http")));
    let agent = house.agent().await;
    let ports = agent.ports(&order).await;
    assert_eq!(
        (ports.len(), ports[0].name.as_str(), ports[0].container_port),
        (1, "http", 8000)
    );
    assert!(answers(ports[0].host_port).await);
    // Delivered again.
    assert_eq!(agent.ports(&order).await, ports);
    assert_eq!(
        agent.containers.processes.of(order.container).await.len(),
        2
    );
    let ended = agent.stop(order.container, false).await;
    assert_eq!(ended.end, ContainerEnd::Stopped);
    assert!(ended.usage.unwrap().mem_max_bytes > 0);
    assert!(!answers(ports[0].host_port).await);
    assert!(
        agent
            .containers
            .processes
            .of(order.container)
            .await
            .is_empty()
    );
    let again = agent.stop(order.container, true).await;
    assert_eq!(again.end, ContainerEnd::Stopped);
    // And the order to start it, once more.
    assert_eq!(agent.ports(&order).await, ports);
    assert_eq!(agent.count(), 0);
    assert_eq!(agent.containers.logs(order.container).await, None);
    let gone = async || (!house.scratch(&order, "").exists()).then_some(());
    eventually(DEADLINE, "the scratch directory is gone", gone)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_container_whose_main_process_is_killed_is_over_at_once_with_all_of_it() {
    let house = House::new();
    let mut agent = house.agent().await;
    let order = sh("echo begun; setsid sleep 600 & sleep 600");
    agent.ports(&order).await;
    let logged = async || {
        let logs = agent.containers.logs(order.container).await.unwrap();
        (logs == "begun\n").then_some(())
    };
    eventually(DEADLINE, "it writes", logged).await.unwrap();
    let main = agent
        .containers
        .find(order.container)
        .unwrap()
        .main()
        .unwrap();
    let killed = Instant::now();
    let Main::Process(main) = main else {
        panic!("it is no process");
    };
    main.id().signal(Signal::KILL);
    let ended = agent.ends_by_itself().await;
    assert_eq!(ended.end, ContainerEnd::Exited { code: 137 });
    assert_eq!(ended.logs, "begun\n");
    // A second where the machine has nothing else to do.
    assert!(killed.elapsed() < Duration::from_secs(20));
    assert!(
        agent
            .containers
            .processes
            .of(order.container)
            .await
            .is_empty()
    );
    // Ordered to end all the same.
    let stopped = agent.stop(order.container, false).await;
    assert_eq!(stopped.end, ContainerEnd::Exited { code: 137 });
}

#[tokio::test]
async fn containers_go_on_without_the_agent_and_the_next_one_has_them() {
    let (house, order) = (House::new(), order(&SERVER, Some("http")));
    let first = house.agent().await;
    let ports = first.ports(&order).await;
    let main = first
        .containers
        .find(order.container)
        .unwrap()
        .main()
        .unwrap();
    first.kill();
    let mut second = house.agent().await;
    assert!(answers(ports[0].host_port).await);
    assert_eq!(second.count(), 1);
    assert_eq!(second.ports(&order).await, ports);
    let usage = second.containers.usage().await;
    assert!(usage[0].usage.mem_cur_bytes > 0);
    let Main::Process(main) = main else {
        panic!("it is no process");
    };
    main.id().signal(Signal::KILL);
    assert_eq!(
        second.ends_by_itself().await.end,
        ContainerEnd::Exited { code: 137 }
    );
    assert!(!answers(ports[0].host_port).await);
    second.kill();
    let third = house.agent().await;
    let stopped = third.stop(order.container, false).await;
    assert_eq!(stopped.end, ContainerEnd::Exited { code: 137 });
}

#[tokio::test]
async fn what_has_ended_while_no_agent_was_there_is_said_by_the_next_one() {
    let house = House::new();
    let first = house.agent().await;
    let order = sh("while [ ! -e go ]; do sleep 0.01; done; echo gone; exit 3");
    first.ports(&order).await;
    let main = first
        .containers
        .find(order.container)
        .unwrap()
        .main()
        .unwrap();
    first.kill();
    fs::write(house.scratch(&order, "go"), "").unwrap();
    timeout(DEADLINE, main.exited()).await.unwrap();
    // Killed before it could report: the one after it says so.
    let silent = house.agent().await;
    silent.kill();
    let mut last = house.agent().await;
    let ended = last.ends_by_itself().await;
    assert_eq!(ended.end, ContainerEnd::Exited { code: 3 });
    assert_eq!(ended.logs, "gone\n");
    assert!(ended.usage.is_some());
}

#[tokio::test]
async fn an_agent_that_stops_while_a_container_starts_leaves_it_to_the_next_one() {
    let house = House::new();
    let first = house.agent().await;
    let script =
        r#"[ -e ../../../go ] && exec python3 -m http.server "$MUSTER_PORT_HTTP"; sleep 600"#;
    let order = order(&["sh", "-c", script], Some("http"));
    let (containers, asked) = (first.containers.clone(), order.clone());
    let starting = tokio::spawn(async move { containers.start(&asked).await.is_none() });
    let begun = async || {
        let processes = first.containers.processes.of(order.container).await;
        (processes.len() == 3).then_some(())
    };
    eventually(DEADLINE, "it starts", begun).await.unwrap();
    first.kill();
    assert!(starting.await.unwrap());
    fs::write(house.directory.join("go"), "").unwrap();
    let second = house.agent().await;
    assert_eq!(second.count(), 0);
    let ports = second.ports(&order).await;
    assert!(answers(ports[0].host_port).await);
    second.stop(order.container, true).await;
}

#[tokio::test]
async fn a_container_that_was_ended_before_it_was_started_is_never_started() {
    let (house, order) = (House::new(), sh("sleep 600"));
    let agent = house.agent().await;
    let ended = agent.stop(order.container, false).await;
    assert_eq!((ended.end, ended.usage), (ContainerEnd::Unknown, None));
    agent.kill();
    let agent = house.agent().await;
    assert!(reason(agent.start(&order).await).contains("ended before"));
    assert!(reason(agent.restart(&order).await).contains("does not run"));
    let unknown = sh("sleep 600");
    assert!(reason(agent.restart(&unknown).await).contains("no such container"));
}

#[tokio::test]
async fn a_container_that_does_not_come_to_answer_can_be_ended() {
    let (house, order) = (House::new(), order(&["sleep", "600"], Some("http")));
    let agent = house.agent().await;
    let (containers, asked) = (agent.containers.clone(), order.clone());
    let starting = tokio::spawn(async move { containers.start(&asked).await.unwrap().0 });
    let begun = async || {
        let processes = agent.containers.processes.of(order.container).await;
        (processes.len() == 2).then_some(())
    };
    eventually(DEADLINE, "it starts", begun).await.unwrap();
    let ended = agent.stop(order.container, false).await;
    assert_eq!(ended.end, ContainerEnd::Unknown);
    assert!(reason(starting.await.unwrap()).contains("ended while it started"));
    assert!(
        agent
            .containers
            .processes
            .of(order.container)
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn why_a_container_does_not_start() {
    let house = House::new();
    let mut agent = house.agent().await;
    let missing = order(&["no-such-program"], None);
    let none = order(&[], None);
    let dies = order(&["sh", "-c", "echo no licence; exit 4"], Some("http"));
    let mut slow = order(&["sleep", "600"], Some("web"));
    slow.deadline = SystemClock.now().plus(Duration::from_secs(2)).as_micros();
    let mut late = sh("sleep 600");
    late.deadline = SystemClock.now().as_micros();
    let mut bootstrap = sh("sleep 600");
    bootstrap.bootstrap_script = Some("echo no disk >&2; exit 5".to_owned());
    for (order, expected) in [
        (missing, "there is no program no-such-program"),
        (none, "there is no program to run"),
        (dies, "its main process ended (exit status 4): no licence"),
        (slow, "web did not answer in time"),
        (late, "the order came too late"),
        (bootstrap, "its main process ended (exit status 5): no disk"),
    ] {
        let why = reason(agent.start(&order).await);
        assert_eq!(why, expected);
        assert_eq!(reason(agent.start(&order).await), expected);
        let ended = agent.stop(order.container, false).await;
        assert_eq!((ended.end, ended.usage), (ContainerEnd::Unknown, None));
        assert!(
            agent
                .containers
                .processes
                .of(order.container)
                .await
                .is_empty()
        );
    }
    assert!(agent.ended.try_recv().is_err());
}

#[tokio::test]
async fn a_batch_session_runs_its_command_to_the_end() {
    let house = House::new();
    let mut agent = house.agent().await;
    let mut batch = order(&SERVER, Some("http"));
    batch.bootstrap_script = Some("echo first".to_owned());
    batch.startup_command = Some("echo $BACKENDAI_SESSION_NAME; exit 7".to_owned());
    batch.environ.insert("LANG".to_owned(), "C".to_owned());
    agent.ports(&batch).await;
    let ended = agent.ends_by_itself().await;
    assert_eq!(ended.end, ContainerEnd::Exited { code: 7 });
    assert_eq!(ended.logs, "first\nmine\n");
}

#[tokio::test]
async fn started_anew_a_container_keeps_its_ports_its_files_and_its_accounts() {
    let house = House::new();
    let agent = house.agent().await;
    let script = r#"echo $$ >> pids; python3 -c 'sum(range(3000000))'; exec python3 -m http.server "$MUSTER_PORT_HTTP""#;
    let order = order(&["sh", "-c", script], Some("http"));
    let ports = agent.ports(&order).await;
    let used = agent.containers.usage().await[0].usage;
    assert!(used.cpu_used > 0);
    assert_eq!(self::ports(agent.restart(&order).await), ports);
    assert!(answers(ports[0].host_port).await);
    let pids = fs::read_to_string(house.scratch(&order, "pids")).unwrap();
    assert_eq!(pids.lines().count(), 2);
    let now = agent.containers.usage().await[0].usage;
    assert!(now.cpu_used > used.cpu_used && now.io_cur_scratch_size > 0);
    // Its first end was no end of the container.
    agent.kill();
    let mut agent = house.agent().await;
    assert!(agent.ended.try_recv().is_err());
    assert_eq!(self::ports(agent.restart(&order).await), ports);
    let ended = agent.stop(order.container, false).await;
    assert_eq!(ended.end, ContainerEnd::Stopped);
    assert!(ended.usage.unwrap().cpu_used > now.cpu_used);
}

#[tokio::test]
async fn processes_that_do_not_want_to_end_are_killed() {
    let house = House::new();
    let agent = house.agent().await;
    let script =
        "trap '' TERM; setsid sh -c 'while :; do sleep 1; done' & while :; do sleep 1; done";
    let (gentle, forced) = (sh(script), sh(script));
    agent.ports(&gentle).await;
    agent.ports(&forced).await;
    let began = Instant::now();
    assert_eq!(
        agent.stop(forced.container, true).await.end,
        ContainerEnd::Stopped
    );
    assert!(began.elapsed() < super::ending::END_GRACE);
    // Forced while it is ended in order.
    let (containers, container) = (agent.containers.clone(), gentle.container);
    let ending = tokio::spawn(async move {
        let order = StopContainer {
            order: RandomIds.next(),
            container,
            session: None,
            forced: false,
        };
        containers.stop(&order).await.0
    });
    tokio::task::yield_now().await;
    agent.stop(gentle.container, true).await;
    assert_eq!(ending.await.unwrap().end, ContainerEnd::Stopped);
    for order in [gentle, forced] {
        assert!(
            agent
                .containers
                .processes
                .of(order.container)
                .await
                .is_empty()
        );
    }
}
