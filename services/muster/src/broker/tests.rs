//! The broker on a real nats-server.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    sync::Arc,
};

use async_nats::jetstream::{self, stream};
use muster_testkit::{
    ChildProcess, DEADLINE, LastSignal, ReservedPort, TemporaryDirectory, eventually, janitor,
    programs, server_info,
};

use super::*;

/// Set in the process that is going to be killed: its data directory.
const VICTIM: &str = "MUSTER_BROKER_VICTIM";

fn options(data: &Path) -> BrokerOptions {
    BrokerOptions {
        data_directory: data.to_owned(),
        server_binary: programs::nats_server().unwrap(),
        port: None,
        configuration: String::new(),
    }
}

fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/status"))
        .is_ok_and(|status| !status.contains("State:\tZ"))
}

async fn gone(pid: u32) {
    eventually(DEADLINE, "the end of the server", async || {
        (!is_alive(pid)).then_some(())
    })
    .await
    .unwrap();
}

/// The name the server of the address gives, once it answers.
async fn name(broker: &Broker) -> String {
    eventually(DEADLINE, "the server's greeting", async || {
        server_info(broker.address()).ok()
    })
    .await
    .unwrap()
    .server_name
}

async fn stream_of(broker: &Broker) -> stream::Stream {
    let client = async_nats::connect(broker.url()).await.unwrap();
    let config = stream::Config {
        name: "S".to_owned(),
        subjects: vec!["s".to_owned()],
        ..stream::Config::default()
    };
    let context = jetstream::new(client);
    context.get_or_create_stream(config).await.unwrap()
}

#[tokio::test]
async fn it_starts_stops_and_comes_back_on_its_port() {
    let data = TemporaryDirectory::new("data with space").unwrap();
    let broker = Broker::start(options(data.path())).await.unwrap();
    stream_of(&broker).await;
    let address = broker.address();
    let pid = broker.pid().await.unwrap();
    let written = fs::read_to_string(data.join("nats/address")).unwrap();
    assert_eq!(written.trim(), address.to_string());
    let mode = |path| fs::metadata(data.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("nats"), 0o700);
    assert_eq!(mode("nats/nats-server.conf"), 0o600);
    broker.stop().await.unwrap();
    broker.stop().await.unwrap();
    assert!(!is_alive(pid));
    drop(broker);

    let broker = Broker::start(options(data.path())).await.unwrap();
    assert_eq!(broker.address(), address);
    let context = jetstream::new(async_nats::connect(broker.url()).await.unwrap());
    context.get_stream("S").await.unwrap();
}

#[tokio::test]
async fn a_killed_server_is_started_again_until_it_is_stopped() {
    let data = TemporaryDirectory::new("data").unwrap();
    let broker = Arc::new(Broker::start(options(data.path())).await.unwrap());
    stream_of(&broker).await;
    let supervised = Arc::clone(&broker);
    let supervisor = tokio::spawn(async move { supervised.supervise().await });
    for _ in 0..3 {
        let (old, pid) = (name(&broker).await, broker.pid().await.unwrap());
        let mut kill = Command::new("kill");
        assert!(
            kill.args(["-KILL", &pid.to_string()])
                .status()
                .unwrap()
                .success()
        );
        eventually(DEADLINE, "another server", async || {
            let info = server_info(broker.address()).ok()?;
            (info.server_name != old).then_some(())
        })
        .await
        .unwrap();
    }
    let context = jetstream::new(async_nats::connect(broker.url()).await.unwrap());
    context.get_stream("S").await.unwrap();
    let pid = broker.pid().await.unwrap();
    broker.stop().await.unwrap();
    supervisor.await.unwrap();
    gone(pid).await;
    assert!(server_info(broker.address()).is_err());
}

#[tokio::test]
async fn a_server_that_cannot_come_back_at_once_comes_back_later() {
    let data = TemporaryDirectory::new("data").unwrap();
    let broker = Arc::new(Broker::start(options(data.path())).await.unwrap());
    let supervised = Arc::clone(&broker);
    let supervisor = tokio::spawn(async move { supervised.supervise().await });
    // The log file's directory is away for a while: every start fails.
    let pid = broker.pid().await.unwrap();
    let (there, away) = (data.join("nats"), data.join("away"));
    fs::rename(&there, &away).unwrap();
    let mut kill = Command::new("kill");
    assert!(
        kill.args(["-KILL", &pid.to_string()])
            .status()
            .unwrap()
            .success()
    );
    eventually(DEADLINE, "a failed start", async || {
        broker.pid().await.is_none().then_some(())
    })
    .await
    .unwrap();
    fs::rename(&away, &there).unwrap();
    name(&broker).await;
    broker.stop().await.unwrap();
    supervisor.await.unwrap();
}

#[tokio::test]
async fn a_data_directory_has_one_broker() {
    let data = TemporaryDirectory::new("data").unwrap();
    let broker = Broker::start(options(data.path())).await.unwrap();
    let error = Broker::start(options(data.path())).await.unwrap_err();
    assert!(error.to_string().contains("another muster uses"), "{error}");
    server_info(broker.address()).unwrap();
}

#[tokio::test]
async fn the_callers_configuration_is_used() {
    let data = TemporaryDirectory::new("data").unwrap();
    let mut options = options(data.path());
    options.configuration = "authorization { users: [ {user: a, password: b} ] }".to_owned();
    let broker = Broker::start(options).await.unwrap();
    assert!(async_nats::connect(broker.url()).await.is_err());
    let user = async_nats::ConnectOptions::with_user_and_password("a".into(), "b".into());
    let client = user.connect(broker.url()).await.unwrap();
    assert_eq!(client.server_info().max_payload, MAX_PAYLOAD as usize);
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let data = TemporaryDirectory::new("data").unwrap();
    let mut wrong = options(data.path());
    wrong.configuration = "no_such_setting: 1".to_owned();
    let error = format!("{:#}", Broker::start(wrong).await.unwrap_err());
    assert!(error.contains("no_such_setting"), "{error}");

    let mut missing = options(data.path());
    missing.server_binary = data.join("nowhere");
    let error = format!("{:#}", Broker::start(missing).await.unwrap_err());
    assert!(error.contains("nowhere"), "{error}");

    let port = ReservedPort::new().unwrap();
    let _taken = std::net::TcpListener::bind(port.address()).unwrap();
    let mut taken = options(data.path());
    taken.port = Some(port.number());
    let error = format!("{:#}", Broker::start(taken).await.unwrap_err());
    assert!(error.contains("is taken"), "{error}");
}

#[tokio::test]
async fn an_old_server_is_refused() {
    let data = TemporaryDirectory::new("data").unwrap();
    let port = ReservedPort::new().unwrap();
    // Greets like a server of the name it is told, and nothing more.
    let program = data.join("old-nats-server");
    let text = r#"#!/usr/bin/env python3
import re, socket, sys
text = open(sys.argv[2]).read()
name = re.search('server_name: "(.*)"', text)[1]
port = int(re.search('listen: "127.0.0.1:(.*)"', text)[1])
server = socket.create_server(("127.0.0.1", port))
while True:
    client, _ = server.accept()
    client.sendall(b'INFO {"server_name":"%s","version":"2.9.10","jetstream":true}\r\n' % name.encode())
    client.close()
"#;
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut old = options(data.path());
    old.server_binary = program;
    old.port = Some(port.number());
    let error = format!("{:#}", Broker::start(old).await.unwrap_err());
    assert!(error.contains("2.9.10"), "{error}");
}

#[expect(clippy::print_stdout, reason = "the other process reads it")]
async fn be_the_victim(data: &Path) {
    let broker = Broker::start(options(data)).await.unwrap();
    println!("\npid {}", broker.pid().await.unwrap());
    broker.supervise().await;
}

/// Starts a process with a broker on `data`; returns it with the server's process id.
fn victim(data: &Path) -> (ChildProcess, u32) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "broker::tests::a_killed_muster_leaves_no_server",
            "--nocapture",
        ])
        .env(VICTIM, data)
        .stdout(Stdio::piped());
    let mut victim = ChildProcess::spawn("the victim", command, LastSignal::Kill).unwrap();
    let output = BufReader::new(victim.child().stdout.take().unwrap());
    let pid = output
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("pid ")?.parse().ok())
        .unwrap();
    // Should it survive its muster, it does not survive the test.
    janitor::kill_at_end(pid).unwrap();
    (victim, pid)
}

#[tokio::test]
async fn a_killed_muster_leaves_no_server() {
    if let Some(data) = std::env::var_os(VICTIM) {
        return be_the_victim(Path::new(&data)).await;
    }
    let data = TemporaryDirectory::new("data").unwrap();
    let (mut muster, server) = victim(data.path());
    assert!(is_alive(server));
    muster.kill_hard().unwrap();
    if child::can_end_with_parent() {
        gone(server).await;
    }
    Broker::start(options(data.path())).await.unwrap();
}

#[tokio::test]
async fn a_server_that_outlived_its_muster_is_ended() {
    let data = TemporaryDirectory::new("data").unwrap();
    let broker = Broker::start(options(data.path())).await.unwrap();
    let address = broker.address();
    broker.stop().await.unwrap();
    drop(broker);
    // As it was left behind where there is no setpriv.
    let mut command = Command::new(programs::nats_server().unwrap());
    let configuration = data
        .path()
        .canonicalize()
        .unwrap()
        .join("nats/nats-server.conf");
    command.arg("--config").arg(configuration);
    let mut orphan = ChildProcess::spawn("an orphan", command, LastSignal::Kill).unwrap();
    eventually(DEADLINE, "the orphan", async || server_info(address).ok())
        .await
        .unwrap();
    let broker = Broker::start(options(data.path())).await.unwrap();
    assert_eq!(broker.address(), address);
    assert!(!orphan.is_running());
}

/// The main thread has ended, so that the process has no arguments any more, and another one still
/// holds the port: as a server that was killed looks on a busy machine.
#[tokio::test]
async fn a_server_that_is_just_ending_is_waited_for() {
    let data = TemporaryDirectory::new("data").unwrap();
    let port = ReservedPort::new().unwrap();
    let text = r#"
import ctypes, os, socket, sys, threading, time
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
def end_when_told():
    while not os.path.exists(sys.argv[2]):
        time.sleep(0.01)
    os._exit(0)
threading.Thread(target=end_when_told).start()
exit_thread = {"x86_64": 60, "aarch64": 93}[os.uname().machine]
ctypes.CDLL(None).syscall(exit_thread, 0)
"#;
    let told = data.join("told");
    let mut command = Command::new("python3");
    command.args(["-c", text, &port.number().to_string()]);
    command.arg(&told);
    let ending = ChildProcess::spawn("an ending server", command, LastSignal::Kill).unwrap();
    let arguments = format!("/proc/{}/cmdline", ending.pid());
    eventually(DEADLINE, "the end of its main thread", async || {
        let listens = !port::is_free(port.address());
        (listens && fs::read(&arguments).unwrap().is_empty()).then_some(())
    })
    .await
    .unwrap();
    fs::create_dir(data.join("nats")).unwrap();
    let pid_file = data.join("nats/nats-server.pid");
    fs::write(pid_file, ending.pid().to_string()).unwrap();
    let mut options = options(data.path());
    options.port = Some(port.number());
    // In this order: it ends only once the broker has begun to start, and found it.
    let (started, ()) = tokio::join!(Broker::start(options), async {
        fs::write(&told, "").unwrap();
    });
    started.unwrap();
}
