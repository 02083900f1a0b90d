//! All of it, on one running Muster.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use muster_telemetry::names::metric;
use muster_testkit::{eventually, programs, skip};
use muster_tests::jobs;
use serde_json::Value;
use std::time::Duration;

use crate::{
    errors,
    expressions::{Dashboard, named, without_threshold},
    prometheus::{Prometheus, accepted_by_promtool},
    saga,
    world::World,
};

/// Metrics are sent every fifteen seconds.
const SENDING: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread")]
async fn sagas_metrics_dashboards_and_alerts() -> Result<()> {
    let mut world = World::start().await?;
    let result = all(&mut world).await;
    result.with_context(|| world.output())
}

async fn all(world: &mut World) -> Result<()> {
    let session = saga::opened_over_a_restart(world).await?;
    saga::waited_for_nodes(world, &session).await?;
    saga::waited_for_a_session(world).await?;
    errors::of_a_container(world).await?;
    errors::of_a_message(world).await?;
    errors::of_a_service_that_is_away(world).await?;
    some_jobs(world).await?;
    match programs::prometheus_directory() {
        Ok(programs) => {
            accepted_by_promtool(&programs)?;
            let targets = world.targets()?;
            let prometheus = Prometheus::start(&programs, &targets).await?;
            every_expression_has_data(world, &prometheus).await?;
        }
        Err(why) => skip("metrics, dashboards and alerts in Prometheus", &why),
    }
    what_dashboards_ask_of_traces_is_there(world)?;
    every_metric_is_sent(world).await
}

/// A short load: jobs that start and stop, a list, something refused.
async fn some_jobs(world: &World) -> Result<()> {
    let client = world.system.alpha()?;
    for job in 1..=3 {
        let (status, answer) = client.start_job(&jobs::start(job)).await?;
        ensure!(status == 201, "{answer}");
    }
    let (status, answer) = client.stop_job(&jobs::stop(1)).await?;
    ensure!(status == 200, "{answer}");
    let (status, _) = client.start_job(&jobs::start(2)).await?;
    ensure!(status == 422, "a second start was answered with {status}");
    client.jobs("").await?;
    Ok(())
}

async fn every_expression_has_data(world: &World, prometheus: &Prometheus) -> Result<()> {
    let mut expressions = Vec::new();
    for dashboard in Dashboard::all()? {
        expressions.extend(dashboard.expressions());
    }
    ensure!(expressions.len() > 50, "{}", expressions.len());
    let rules = prometheus.rules().await?;
    ensure!(rules.len() >= 15, "{} alerts", rules.len());
    for rule in &rules {
        let name = rule["name"].to_string();
        let text = |key: &str| rule["annotations"][key].as_str().unwrap_or_default();
        ensure!(!text("summary").is_empty(), "{name} has no summary");
        ensure!(
            text("what_to_do").len() > 40,
            "{name} does not say what to do"
        );
        let alert = rule["query"].as_str().context("no query")?;
        expressions.push((name, without_threshold(alert)?.to_owned()));
    }
    // A rate needs two readings with the load in between.
    let load = async {
        loop {
            some_load(world).await?;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::select! {
        never = load => { let never: Result<()> = never; never },
        result = prometheus.have_data(&expressions) => result,
    }
}

/// A request that is answered from the tables, and one that is refused.
async fn some_load(world: &World) -> Result<()> {
    let client = world.system.alpha()?;
    client.jobs("").await?;
    client.start_job(&jobs::start(2)).await?;
    Ok(())
}

/// Names of spans and attributes in TraceQL are those that the parts have sent.
fn what_dashboards_ask_of_traces_is_there(world: &World) -> Result<()> {
    let spans = world.receiver.spans();
    let names: BTreeSet<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    let attributes: BTreeSet<&str> = spans
        .iter()
        .flat_map(|span| span.attributes.keys())
        .map(String::as_str)
        .collect();
    let mut asked = 0;
    for dashboard in Dashboard::all()? {
        for (place, query) in dashboard.trace_queries() {
            asked += 1;
            let (of_attributes, of_names) = named(&query);
            for attribute in of_attributes {
                ensure!(
                    attributes.contains(attribute.as_str()),
                    "{place}: no span has {attribute}: {attributes:?}"
                );
            }
            for name in of_names {
                ensure!(names.contains(name.as_str()), "{place}: no span {name}");
            }
        }
    }
    ensure!(asked >= 10, "{asked} queries");
    // What the collector keeps is chosen by one of them too.
    ensure!(attributes.contains("muster.waited"));
    Ok(())
}

async fn every_metric_is_sent(world: &World) -> Result<()> {
    let wanted: BTreeSet<String> = metric::ALL.iter().map(|name| (*name).to_owned()).collect();
    let missing = || -> Vec<String> {
        let sent = world.receiver.metric_names();
        wanted.difference(&sent).cloned().collect()
    };
    eventually(SENDING, "every metric by OTLP", async || {
        missing().is_empty().then_some(())
    })
    .await
    .with_context(|| format!("missing: {:?}", missing()))?;
    let strange: Vec<Value> = world
        .receiver
        .metric_names()
        .difference(&wanted)
        .map(|name| Value::from(name.as_str()))
        .collect();
    ensure!(strange.is_empty(), "metrics that no list has: {strange:?}");
    Ok(())
}
