//! Real programs, run to every kind of end.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    sync::Arc,
    time::{Duration, Instant},
};

use muster_contract::agent::HookResult;
use muster_platform::{Clock as _, SystemClock};
use muster_testkit::{DEADLINE, TemporaryDirectory, eventually};
use rustix::process::{Pid, Signal, kill_process};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::*;

/// A directory of hooks with one of them, `provision`.
struct Site {
    directory: TemporaryDirectory,
}

impl Site {
    fn new(script: &str) -> Self {
        let site = Self::without_hooks();
        site.write(&format!("#!/bin/sh\n{script}\n"));
        site
    }

    fn without_hooks() -> Self {
        let directory = TemporaryDirectory::new("hooks").unwrap();
        fs::create_dir(directory.join("hooks")).unwrap();
        Self { directory }
    }

    fn write(&self, text: &str) {
        let path = self.directory.join("hooks/provision");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    async fn runner(&self) -> HookRunner {
        let (hooks, state) = (self.directory.join("hooks"), self.directory.join("state"));
        HookRunner::new(Some(hooks), &state, Arc::new(SystemClock))
            .await
            .unwrap()
    }

    /// What the hook has written to the file `said`.
    fn said(&self) -> String {
        fs::read_to_string(self.directory.join("hooks/said")).unwrap_or_default()
    }

    async fn has_said(&self, what: &str) {
        let waiting = async || self.said().contains(what).then_some(());
        eventually(DEADLINE, what, waiting).await.unwrap();
    }
}

fn attempt(time: Duration) -> HookRun {
    HookRun {
        program: "provision",
        order: Uuid::from_u128(u128::from(std::process::id())),
        about: "n1.dusty".to_owned(),
        deadline: SystemClock.now().plus(time),
        environment: vec![("MUSTER_NODE", "n1.dusty".to_owned())],
        input: br#"{"attempt":1}"#.to_vec(),
    }
}

async fn run_for(site: &Site, time: Duration) -> Ending {
    let runner = site.runner().await;
    runner.run(&attempt(time), &CancellationToken::new()).await
}

async fn reason(site: &Site, time: Duration) -> String {
    match run_for(site, time).await {
        Ending::Finished(HookResult::Failed { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_hook_gets_its_order_as_text_and_as_words_and_none_of_the_agents_settings() {
    let site = Site::new("{ cat; echo; env; pwd; } > said");
    let succeeded = Ending::Finished(HookResult::Succeeded);
    assert_eq!(run_for(&site, DEADLINE).await, succeeded);
    let said = site.said();
    let order = format!("MUSTER_ORDER={}", attempt(DEADLINE).order);
    let hooks = site.directory.join("hooks");
    let hooks = hooks.to_str().unwrap();
    for line in [r#"{"attempt":1}"#, "MUSTER_NODE=n1.dusty", &order, hooks] {
        assert!(said.lines().any(|one| one == line), "{line}: {said}");
    }
    // The tests themselves run with settings, such as where nats-server is.
    assert!(!said.contains("MUSTER__") && !said.contains("MUSTER_TEST"));
    assert!(said.contains("PATH="));
}

#[tokio::test]
async fn the_last_words_of_a_hook_that_fails_are_the_reason() {
    let site = Site::new("seq 1 100000; echo no power >&2; exit 3");
    let reason = reason(&site, DEADLINE).await;
    assert!(reason.starts_with("provision failed (exit status 3): "));
    assert!(reason.ends_with("99999\n100000\nno power"), "{reason}");
    assert!(reason.len() <= 4096 && reason.len() > 3000);
}

#[tokio::test]
async fn a_hook_that_says_nothing_fails_all_the_same() {
    let site = Site::new("exit 1");
    assert_eq!(
        reason(&site, DEADLINE).await,
        "provision failed (exit status 1)"
    );
    let killed = Site::new("kill -KILL $$");
    assert_eq!(
        reason(&killed, DEADLINE).await,
        "provision was ended by signal 9"
    );
}

#[tokio::test]
async fn a_program_that_is_not_there_or_cannot_be_run_is_a_failure_with_its_name() {
    let site = Site::without_hooks();
    let path = site.directory.join("hooks/provision");
    let missing = format!("there is no program {}", path.display());
    assert_eq!(reason(&site, DEADLINE).await, missing);

    let site = Site::new("exit 0");
    let path = site.directory.join("hooks/provision");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let reason_of_mode = reason(&site, DEADLINE).await;
    assert!(
        reason_of_mode.starts_with("provision cannot be run: Permission denied"),
        "{reason_of_mode}"
    );

    let site = Site::without_hooks();
    site.write("#!/does/not/exist\n");
    let reason = reason(&site, DEADLINE).await;
    assert!(reason.starts_with("provision cannot be run: "), "{reason}");
}

#[tokio::test]
async fn at_the_deadline_a_hook_ends_with_all_that_it_started() {
    let site =
        Site::new("trap 'echo cleaning up > said; exit 1' TERM\nsleep 600 & echo started; wait");
    let started = Instant::now();
    let reason = reason(&site, Duration::from_millis(500)).await;
    assert_eq!(
        reason,
        "provision was ended: it was not done in time: started"
    );
    assert_eq!(site.said(), "cleaning up\n");
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn a_hook_that_does_not_listen_is_killed() {
    let site = Site::new("trap '' TERM\necho $$ > said\nwhile :; do sleep 0.1; done");
    let reason = reason(&site, Duration::from_millis(500)).await;
    assert_eq!(reason, "provision was ended: it was not done in time");
    let leader: u32 = site.said().trim().parse().unwrap();
    assert!(!fs::exists(format!("/proc/{leader}")).unwrap());
}

/// Runs a hook that leaves a process behind and exits so, and returns that process.
async fn left_behind(site: &Site, exit: u8) -> u32 {
    site.write(&format!(
        "#!/bin/sh\nsleep 600 >/dev/null 2>&1 & echo $! > said; exit {exit}\n"
    ));
    run_for(site, DEADLINE).await;
    site.said().trim().parse().unwrap()
}

fn runs(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z"))
}

#[tokio::test]
async fn what_a_hook_that_succeeds_leaves_running_stays_and_else_it_ends() {
    let site = Site::without_hooks();
    let failed = left_behind(&site, 1).await;
    let ended = async || (!runs(failed)).then_some(());
    eventually(DEADLINE, "its end", ended).await.unwrap();

    let site = Site::without_hooks();
    let daemon = left_behind(&site, 0).await;
    assert!(runs(daemon));
    let daemon = i32::try_from(daemon).ok().and_then(Pid::from_raw).unwrap();
    kill_process(daemon, Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_hook_need_not_read_its_order() {
    let site = Site::new("exec <&-; exit 0");
    let runner = site.runner().await;
    let mut run = attempt(DEADLINE);
    run.input = vec![b' '; 1024 * 1024];
    let ending = runner.run(&run, &CancellationToken::new()).await;
    assert_eq!(ending, Ending::Finished(HookResult::Succeeded));
}

#[tokio::test]
async fn an_order_that_comes_after_its_deadline_is_not_carried_out() {
    let site = Site::new("echo run > said");
    assert_eq!(run_for(&site, Duration::ZERO).await, Ending::TooLate);
    assert_eq!(site.said(), "");
}

#[tokio::test]
async fn what_was_carried_out_is_not_done_again_even_by_the_next_agent() {
    let site = Site::new("echo run >> said; echo no power; exit 3");
    let runner = site.runner().await;
    let (run, never) = (attempt(DEADLINE), CancellationToken::new());
    let first = runner.run(&run, &never).await;
    assert_eq!(runner.run(&run, &never).await, first);
    drop(runner);
    let next = site.runner().await;
    assert_eq!(next.run(&run, &never).await, first);
    assert_eq!(site.said(), "run\n");
}

#[tokio::test]
async fn an_agent_that_stops_ends_its_hooks_and_they_run_again_later() {
    let site = Site::new("echo run >> said; sleep 600");
    let runner = site.runner().await;
    let (run, stop) = (attempt(DEADLINE), CancellationToken::new());
    let stopping = async {
        site.has_said("run").await;
        stop.cancel();
    };
    let (ending, ()) = tokio::join!(runner.run(&run, &stop), stopping);
    assert_eq!(ending, Ending::Stopped);
    site.write("#!/bin/sh\necho again >> said\n");
    let ending = runner.run(&run, &CancellationToken::new()).await;
    assert_eq!(ending, Ending::Finished(HookResult::Succeeded));
    assert_eq!(site.said(), "run\nagain\n");
}

#[tokio::test]
async fn hooks_run_side_by_side() {
    // Each ends once the other has begun.
    let site = Site::new("touch $MUSTER_ORDER; while [ $(ls | wc -l) -lt 3 ]; do sleep 0.01; done");
    let runner = site.runner().await;
    let stop = CancellationToken::new();
    let (one, mut other) = (attempt(DEADLINE), attempt(DEADLINE));
    other.order = Uuid::from_u128(1);
    let endings = tokio::join!(runner.run(&one, &stop), runner.run(&other, &stop));
    let succeeded = Ending::Finished(HookResult::Succeeded);
    assert_eq!(endings, (succeeded.clone(), succeeded));
}

#[tokio::test]
async fn the_next_agent_ends_what_a_killed_one_left_running_and_nothing_else() {
    let site = Site::new("echo $$ > said; sleep 600");
    // As an agent that is killed leaves it: noted, running, nobody waits for it.
    let mut hook = std::process::Command::new(site.directory.join("hooks/provision"));
    let run = attempt(DEADLINE);
    let left = std::os::unix::process::CommandExt::process_group(&mut hook, 0)
        .current_dir(site.directory.join("hooks"))
        .env("MUSTER_ORDER", run.order.to_string())
        .spawn()
        .unwrap();
    let mut stranger = std::os::unix::process::CommandExt::process_group(
        &mut std::process::Command::new("sleep"),
        0,
    )
    .arg("600")
    .spawn()
    .unwrap();
    site.has_said("\n").await;
    let running = site.directory.join("state/running");
    fs::create_dir_all(&running).unwrap();
    fs::write(running.join(run.order.to_string()), left.id().to_string()).unwrap();
    let other = Uuid::from_u128(1).to_string();
    fs::write(running.join(&other), stranger.id().to_string()).unwrap();

    let mut left = left;
    let waiting = tokio::task::spawn_blocking(move || left.wait());
    let runner = site.runner().await;
    assert!(!waiting.await.unwrap().unwrap().success());
    assert!(stranger.try_wait().unwrap().is_none());
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    assert_eq!(fs::read_dir(&running).unwrap().count(), 0);
    drop(runner);
}

#[tokio::test]
async fn two_agents_cannot_share_their_notes() {
    let site = Site::without_hooks();
    let _first = site.runner().await;
    let state = site.directory.join("state");
    let second = HookRunner::new(Some(state.clone()), &state, Arc::new(SystemClock)).await;
    let error = second.err().unwrap().to_string();
    let expected = format!("another agent uses {} already", state.display());
    assert_eq!(error, expected);
}
