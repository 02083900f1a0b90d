//! What agents say of themselves is heard, many in one transaction, by one of the replicas; what cannot be heard is forgotten.

use std::time::{Duration, Instant};

use muster_contract::Signal as _;
use muster_messaging::AgentBroker;
use muster_testkit::{DEADLINE, eventually};

use crate::common::{
    Engine, World,
    messages::Mood,
    numbered, on_both_databases,
    service::{Setup, TestService},
    sorted_names,
};

on_both_databases!(
    what_agents_say_is_heard_in_few_transactions,
    what_cannot_be_heard_is_forgotten_and_the_rest_goes_on,
    one_that_cannot_be_heard_keeps_none_of_the_others_from_being_heard,
    they_are_heard_again_after_the_broker_was_away,
);

mod replicated {
    use super::replicas_share_what_is_said;
    crate::common::on_postgres!(replicas_share_what_is_said);
}

/// Shortest time from one transaction to the next.
const INTERVAL: Duration = Duration::from_millis(500);

fn setup(world: &World) -> Setup {
    Setup {
        hears: true,
        ..world.setup()
    }
}

async fn say(agent: &AgentBroker, name: &str) {
    let name = name.to_owned();
    agent.signal(&Mood { name }).await;
}

/// What was heard, in order.
async fn heard(service: &TestService) -> Vec<String> {
    let rows = service.fetch::<(String,)>("SELECT name FROM seen ORDER BY id");
    rows.await.into_iter().map(|(name,)| name).collect()
}

async fn see_heard(service: &TestService, count: usize) -> Vec<String> {
    eventually(DEADLINE, "the signals", async || {
        let heard = heard(service).await;
        (heard.len() >= count).then_some(heard)
    })
    .await
    .unwrap()
}

/// Says it until it is heard: the broker may be away at first.
async fn say_until_heard(agent: &AgentBroker, service: &TestService, name: &str) {
    let wanted = format!("{} is {name}", agent.agent());
    eventually(DEADLINE, "the signal", async || {
        say(agent, name).await;
        heard(service).await.contains(&wanted).then_some(())
    })
    .await
    .unwrap();
}

async fn what_agents_say_is_heard_in_few_transactions(engine: Engine) {
    let world = World::new(engine).await;
    let service = TestService::start(setup(&world)).await;
    let agents = [world.agent("n1.dusty").await, world.agent("*").await];
    let names = numbered("mood", 300);
    let started = Instant::now();
    for name in &names {
        for agent in &agents {
            say(agent, name).await;
        }
    }
    let heard = see_heard(&service, 600).await;
    let most = 2 + started.elapsed().as_millis() / INTERVAL.as_millis();
    for agent in agents {
        let agent = agent.agent();
        let own = heard.iter().filter_map(|heard| {
            let (who, name) = heard.split_once(" is ")?;
            (who == agent).then_some(name)
        });
        assert_eq!(own.collect::<Vec<_>>(), names, "{agent}");
    }
    let batches = world.steering.batches();
    assert!(batches.len() as u128 <= most, "{} of {most}", batches.len());
    // What it had to tell is told.
    let mut wanted = heard.clone();
    wanted.sort();
    eventually(DEADLINE, "the events", async || {
        (sorted_names(&world.events().await) == wanted).then_some(())
    })
    .await
    .unwrap();
    service.stop().await;
}

async fn what_cannot_be_heard_is_forgotten_and_the_rest_goes_on(engine: Engine) {
    let world = World::new(engine).await;
    let service = TestService::start(setup(&world)).await;
    let agent = world.agent("a").await;
    let client = world.nats.client().await.unwrap();
    for fault in ["poison", "panic"] {
        let before = world.steering.batches().len();
        say(&agent, fault).await;
        eventually(DEADLINE, "the fault", async || {
            (world.steering.batches().len() > before).then_some(())
        })
        .await
        .unwrap();
        for nonsense in ["", "{}", "[", "{\"name\": 7}"] {
            let subject = Mood::subject("a");
            client.publish(subject, nonsense.into()).await.unwrap();
        }
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Muster-Schema", "job-archive.test-mood/2");
        let body = r#"{"name": "from the future"}"#.into();
        let publication = client.publish_with_headers(Mood::subject("a"), headers, body);
        publication.await.unwrap();
        client.flush().await.unwrap();
        say(&agent, &format!("well after the {fault}")).await;
    }
    // What was said together with the panic, too: it alone is left out.
    let heard = see_heard(&service, 2).await;
    let wanted = ["poison", "panic"].map(|fault| format!("a is well after the {fault}"));
    assert_eq!(heard, wanted);
    say_until_heard(&agent, &service, "well").await;
    eventually(DEADLINE, "it to be healthy again", async || {
        let snapshot = serde_json::to_string(&service.health.snapshot()).unwrap();
        (!snapshot.contains("degraded") && service.health.ready()).then_some(())
    })
    .await
    .unwrap();
}

async fn one_that_cannot_be_heard_keeps_none_of_the_others_from_being_heard(engine: Engine) {
    let world = World::new(engine).await;
    let service = TestService::start(setup(&world)).await;
    let agents = [world.agent("a").await, world.agent("b").await];
    let names = numbered("mood", 100);
    for (number, name) in names.iter().enumerate() {
        say(&agents[0], name).await;
        if number % 40 == 7 {
            let fault = if number == 7 { "panic" } else { "poison" };
            say(&agents[1], fault).await;
        }
    }
    let heard = see_heard(&service, names.len()).await;
    let wanted: Vec<String> = names.iter().map(|name| format!("a is {name}")).collect();
    assert_eq!(heard, wanted);
    service.stop().await;
}

async fn they_are_heard_again_after_the_broker_was_away(engine: Engine) {
    let mut world = World::new(engine).await;
    let service = TestService::start(setup(&world)).await;
    let agent = world.agent("a").await;
    say_until_heard(&agent, &service, "well").await;
    world.nats.kill_hard().unwrap();
    say(&agent, "alone").await;
    world.nats.restart().await.unwrap();
    say_until_heard(&agent, &service, "well again").await;
    assert!(service.dead_letters().await.is_empty());
}

async fn replicas_share_what_is_said(engine: Engine) {
    let world = World::new(engine).await;
    let one = TestService::start(setup(&world)).await;
    let other = TestService::start(Setup {
        instance: "two".to_owned(),
        ..setup(&world)
    })
    .await;
    let agent = world.agent("a").await;
    let names = numbered("mood", 200);
    for name in &names {
        say(&agent, name).await;
    }
    let mut heard = see_heard(&one, names.len()).await;
    heard.sort();
    let wanted: Vec<String> = names.iter().map(|name| format!("a is {name}")).collect();
    assert_eq!(heard, wanted, "each once");
    // While one of them is gone the other hears all of it.
    one.stop().await;
    say_until_heard(&agent, &other, "well").await;
    other.stop().await;
}
