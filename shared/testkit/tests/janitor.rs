//! A test process that is killed leaves nothing behind.
#![cfg(test)]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use muster_testkit::{
    ChildProcess, DEADLINE, LastSignal, NatsServer, PostgresServer, TemporaryDirectory, eventually,
};

/// Set in the process that is going to be killed.
const VICTIM: &str = "MUSTER_TESTKIT_VICTIM";

/// Prints `pid N` and `path P` of everything it started, then waits to be killed.
#[expect(clippy::print_stdout, reason = "the other process reads it")]
async fn be_the_victim() {
    let directory = TemporaryDirectory::new("victim's files").unwrap();
    println!("\npath {}", directory.path().display());
    let broker = NatsServer::start().await.unwrap();
    println!("pid {}", broker.pid().unwrap());
    println!(
        "path {}",
        broker.store_directory().parent().unwrap().display()
    );
    if PostgresServer::available().is_ok() {
        let database = PostgresServer::shared().await.unwrap();
        println!("pid {}", database.pid().unwrap());
    }
    println!("done");
    std::future::pending::<()>().await;
}

fn is_alive(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/status"))
        .is_ok_and(|status| !status.contains("State:\tZ"))
}

#[tokio::test]
async fn a_killed_test_process_leaves_nothing_behind() {
    if std::env::var_os(VICTIM).is_some() {
        return be_the_victim().await;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "a_killed_test_process_leaves_nothing_behind",
            "--nocapture",
        ])
        .env(VICTIM, "yes")
        .stdout(Stdio::piped());
    let mut victim = ChildProcess::spawn("the victim", command, LastSignal::Kill).unwrap();
    let output = BufReader::new(victim.child().stdout.take().unwrap());
    let lines: Vec<String> = output
        .lines()
        .map(Result::unwrap)
        .take_while(|line| line != "done")
        .collect();
    let of = |word: &str| -> Vec<String> {
        let found = lines.iter().filter_map(|line| line.strip_prefix(word));
        found.map(|rest| rest.trim().to_owned()).collect()
    };
    let (pids, paths) = (of("pid "), of("path "));
    assert!(!pids.is_empty() && paths.len() == 2, "{lines:?}");
    assert!(pids.iter().all(|pid| is_alive(pid)));
    assert!(paths.iter().all(|path| Path::new(path).is_dir()));

    victim.kill_hard().unwrap();
    eventually(
        DEADLINE,
        "the end of the servers and their files",
        async || {
            let gone = !pids.iter().any(|pid| is_alive(pid))
                && !paths.iter().any(|path| Path::new(path).exists());
            gone.then_some(())
        },
    )
    .await
    .unwrap();
}
