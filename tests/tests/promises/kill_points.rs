//! The service is killed at each of the moments between which a command's effect, its
//! acknowledgement and its events could part (design §3, rules 1 to 3).

use anyhow::{Result, ensure};
use muster_testkit::{DEADLINE, eventually};
use muster_tests::{
    System, SystemOptions,
    bookkeeping::{self, settled, waiting_commands},
    events::{EventConsumer, whole_stream},
    jobs,
    load::{Asked, Story, Told, report, start_all},
    on_every_setup,
    setup::{Mode, Setup, stopped_at},
};

/// Requests that are under way when the service dies: more than one batch.
const JOBS: i64 = 8;

/// Longer than the kill, the restart and the broker's wait for an acknowledgement together.
const COMMAND_DEADLINE: &str = "45s";

fn options(options: SystemOptions) -> SystemOptions {
    options.with("MUSTER__INGRESS__COMMAND_DEADLINE", COMMAND_DEADLINE)
}

/// Every second job is reported under a key.
fn key(job_id: i64) -> Option<String> {
    (job_id % 2 == 0).then(|| format!("key-{job_id}"))
}

/// Kills the service at the breakpoint, after `at_rest` has looked at what it left; starts it again,
/// and checks that every client gets its answer and every effect is there once.
async fn kill_at(
    system: &mut System,
    setup: Setup,
    breakpoint: &str,
    at_rest: impl AsyncFnOnce(&System, &EventConsumer) -> Result<()>,
) -> Result<()> {
    let consumer = EventConsumer::start(system).await?;
    let archive = setup
        .restart_with_breakpoint(system, &format!("{breakpoint}=return"))
        .await?;
    let client = system.alpha()?;
    let waiting = {
        let client = client.clone();
        tokio::spawn(async move { start_all(&client, 1..=JOBS, key).await })
    };
    stopped_at(system, archive, breakpoint).await?;
    at_rest(system, &consumer).await?;
    setup.kill_archives(system)?;
    setup.start_archives(system).await?;

    let mut stories = Vec::new();
    for (job_id, told) in waiting.await?? {
        let mut start = Asked {
            with_key: key(job_id).is_some(),
            told: vec![told],
        };
        match setup.mode {
            // The ingress was there all the time: its clients waited, and have their answers.
            Mode::Parts => ensure!(
                matches!(start.told[..], [Told::Done(_)]),
                "job {job_id}: {start:?}"
            ),
            // Their connections ended with the process: they ask again. With a key they get the
            // answer they missed.
            Mode::OneProcess => {}
        }
        if start.with_key || !matches!(start.told[..], [Told::Done(_)]) {
            let body = jobs::start(job_id);
            let again = report(&client, "start_job", key(job_id).as_deref(), &body).await;
            if start.with_key {
                ensure!(matches!(again, Told::Done(_)), "job {job_id}: {again:?}");
            }
            start.told.push(again);
        }
        stories.push(Story {
            job_id,
            start,
            ..Story::default()
        });
    }
    let dump = settled(system, &consumer).await?;
    ensure!(dump.rows("job").len() == usize::try_from(JOBS)?);
    bookkeeping::check(&stories, &dump, &consumer)
}

/// All commands come into the stream, and none leaves it.
async fn nothing_is_acknowledged(consumer: &EventConsumer) -> Result<()> {
    let all = u64::try_from(JOBS)?;
    eventually(DEADLINE, "all commands, unacknowledged", async || {
        let waiting = waiting_commands(consumer.jetstream()).await.ok()?;
        (waiting == all).then_some(())
    })
    .await
}

async fn before_commit_body(system: &mut System, setup: Setup) -> Result<()> {
    kill_at(system, setup, "before-commit", async |system, consumer| {
        ensure!(
            system.tables().jobs().await?.is_empty(),
            "nothing is committed"
        );
        nothing_is_acknowledged(consumer).await?;
        Ok(())
    })
    .await
}

async fn after_commit_body(system: &mut System, setup: Setup) -> Result<()> {
    kill_at(system, setup, "after-commit", async |system, consumer| {
        ensure!(!system.tables().jobs().await?.is_empty(), "it is committed");
        nothing_is_acknowledged(consumer).await?;
        ensure!(consumer.events().is_empty(), "it is not published");
        Ok(())
    })
    .await
}

async fn before_publication_body(system: &mut System, setup: Setup) -> Result<()> {
    kill_at(
        system,
        setup,
        "before-publication",
        async |system, consumer| {
            eventually(DEADLINE, "all commands to be acknowledged", async || {
                let waiting = waiting_commands(consumer.jetstream()).await.ok()?;
                let rows = system.tables().jobs().await.ok()?.len();
                (waiting == 0 && i64::try_from(rows) == Ok(JOBS)).then_some(())
            })
            .await?;
            let dump = system.tables().dump().await?;
            ensure!(!dump.is_published(), "nothing is published");
            ensure!(
                whole_stream(consumer.jetstream()).await?.is_empty(),
                "nothing is published"
            );
            Ok(())
        },
    )
    .await
}

on_every_setup!(before_commit, options, before_commit_body);
on_every_setup!(after_commit, options, after_commit_body);
on_every_setup!(
    after_acknowledgement_before_publication,
    options,
    before_publication_body
);

/// The service dies again and again, each time a little further on, with the same command at hand.
async fn over_and_over_body(system: &mut System, setup: Setup) -> Result<()> {
    const POINTS: [&str; 3] = ["before-commit", "after-commit", "after-acknowledgement"];
    let consumer = EventConsumer::start(system).await?;
    let client = system.alpha()?;
    let body = jobs::start(1);
    let mut told = Vec::new();
    for point in POINTS {
        let archive = setup
            .restart_with_breakpoint(system, &format!("{point}=return"))
            .await?;
        let asking = {
            let (client, body) = (client.clone(), body.clone());
            tokio::spawn(async move { report(&client, "start_job", Some("key"), &body).await })
        };
        stopped_at(system, archive, point).await?;
        setup.kill_archives(system)?;
        if setup.mode == Mode::OneProcess {
            told.push(asking.await?);
        }
    }
    setup.start_archives(system).await?;
    let last = report(&client, "start_job", Some("key"), &body).await;
    ensure!(matches!(last, Told::Done(_)), "{last:?}");
    told.push(last);
    let dump = settled(system, &consumer).await?;
    let start = Asked {
        with_key: true,
        told,
    };
    let story = Story {
        job_id: 1,
        start,
        ..Story::default()
    };
    bookkeeping::check(&[story], &dump, &consumer)
}

on_every_setup!(over_and_over, options, over_and_over_body);
