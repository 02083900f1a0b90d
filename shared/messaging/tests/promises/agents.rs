//! Orders reach their agents and reports take effect once in the services they are for, whoever dies.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use async_nats::{
    HeaderMap,
    jetstream::consumer::{self, pull},
};
use futures_util::{FutureExt as _, StreamExt as _, future::join_all};
use muster_contract::{
    Message as _, Order as _, Outcome, Part, Report as _, Service,
    dead_letters::{DeadLetterFilter, DeadLetterId},
    headers,
    job_archive::{ListDeadLetters, ReplayDeadLetter},
    subject,
    topology::{ORDER_STREAM, REPORT_STREAM, agent_consumer, command_consumer},
};
use muster_messaging::{AgentBroker, OrderAtHand, Orders, topology};
use muster_testkit::{DEADLINE, eventually};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::common::{
    Engine, World,
    ingress::{Ingress, PATIENCE, done, new_id, principal},
    messages::{Act, DidIt, DoIt, WriteNote},
    numbered, on_both_databases,
    service::{Setup, TestService},
};

on_both_databases!(
    orders_and_reports_survive_whoever_dies,
    what_comes_again_after_its_report_changes_nothing,
    a_report_that_fails_is_put_aside_and_can_be_replayed,
    a_report_speaks_for_its_agent_alone,
);

const AGENTS: [&str; 2] = ["a", "b"];

/// With consumers for the agents, and one for the reports of the test service, which the contract knows nothing of.
async fn world(engine: Engine) -> World {
    let world = World::new(engine).await;
    let operator = Ingress::start(world.client_setup(Part::Operator)).await;
    let agents = AGENTS.map(str::to_owned);
    topology::apply(&operator.broker, &world.limits, &agents)
        .await
        .unwrap();
    let config = pull::Config {
        ack_wait: Duration::from_secs(1),
        filter_subjects: vec![subject::report_of_any_agent(DidIt::NAME)],
        ..command_consumer(Service::JobArchive)
    };
    make_consumer(&world, REPORT_STREAM, config).await;
    world
}

async fn make_consumer(world: &World, stream: &str, config: pull::Config) {
    let context = world.jetstream().await;
    context
        .create_consumer_on_stream(config, stream)
        .await
        .unwrap();
}

/// Has the broker deliver the orders to the agent `a` again sooner than in production.
async fn set_acknowledge_wait(world: &World, ack_wait: Duration) {
    let config = pull::Config {
        ack_wait,
        ..agent_consumer("a")
    };
    make_consumer(world, ORDER_STREAM, config).await;
}

fn setup(world: &World) -> Setup {
    Setup {
        takes_reports: true,
        ..world.setup()
    }
}

async fn agent(world: &World) -> AgentBroker {
    world.agent("a").await
}

async fn order_all(ingress: &Ingress, names: &[String]) {
    let orders = names
        .iter()
        .map(|name| async move { done(ingress.send(name, Act::Order).await) });
    join_all(orders).await;
}

async fn next(orders: &mut Orders) -> OrderAtHand {
    tokio::time::timeout(DEADLINE, orders.next())
        .await
        .expect("an order in time")
        .unwrap()
}

/// Takes an order and reports that it was done so; gives its name.
async fn carry_out(orders: &mut Orders, how: &str) -> String {
    let order = next(orders).await;
    let name = order.decode::<DoIt>().unwrap().name;
    assert_eq!(order.schema(), DoIt::schema());
    report(order, how).await;
    name
}

async fn report(order: OrderAtHand, how: &str) {
    let DoIt { name } = order.decode().unwrap();
    let how = how.to_owned();
    let stop = CancellationToken::new();
    order.report(&DidIt { name, how }, &stop).await.unwrap();
}

async fn seen(service: &TestService) -> Vec<String> {
    let mut names: Vec<String> = service
        .fetch::<(String,)>("SELECT name FROM seen")
        .await
        .into_iter()
        .map(|(name,)| name)
        .collect();
    names.sort();
    names
}

fn reported(how: &str, names: &[String]) -> Vec<String> {
    names.iter().map(|name| format!("a {how} {name}")).collect()
}

async fn see_seen(service: &TestService, wanted: &[String]) {
    let mut last = Vec::new();
    let all = eventually(DEADLINE, "the reports", async || {
        last = seen(service).await;
        (last.len() >= wanted.len()).then_some(())
    })
    .await;
    assert!(all.is_ok(), "{last:?}");
    assert_eq!(last, wanted);
}

/// What the broker knows of a consumer.
async fn consumer(world: &World, stream: &str, name: &str) -> consumer::Info {
    let context = world.jetstream().await;
    let stream = context.get_stream(stream).await.unwrap();
    stream.consumer_info(name).await.unwrap()
}

/// Waits until every report is settled.
async fn see_all_taken(world: &World) {
    eventually(DEADLINE, "no report to be left", async || {
        let info = consumer(world, REPORT_STREAM, "job-archive").await;
        (info.num_pending == 0 && info.num_ack_pending == 0).then_some(())
    })
    .await
    .unwrap();
}

async fn orders_and_reports_survive_whoever_dies(engine: Engine) {
    let mut world = world(engine).await;
    let service = TestService::start(setup(&world)).await;
    let ingress = world.ingress().await;
    let names = numbered("note", 60);
    order_all(&ingress, &names).await;
    // Ordered is what is committed, published or not.
    service.kill();
    world.nats.kill_hard().unwrap();
    world.nats.restart().await.unwrap();
    let service = TestService::start(setup(&world)).await;

    let agent = agent(&world).await;
    let mut orders = agent.orders(CancellationToken::new());
    let mut carried_out = BTreeSet::new();
    while carried_out.len() < 20 {
        carried_out.insert(carry_out(&mut orders, "done").await);
    }
    // With the broker the request for orders goes, and what it had acknowledged comes again.
    world.nats.kill_hard().unwrap();
    world.nats.restart().await.unwrap();
    while carried_out.len() < 40 {
        carried_out.insert(carry_out(&mut orders, "done").await);
    }
    service.kill();
    while carried_out.len() < names.len() {
        carried_out.insert(carry_out(&mut orders, "done").await);
    }
    let service = TestService::start(setup(&world)).await;
    see_seen(&service, &reported("done", &names)).await;
    see_all_taken(&world).await;
    assert_eq!(seen(&service).await, reported("done", &names));
    assert!(service.dead_letters().await.is_empty());
}

async fn what_comes_again_after_its_report_changes_nothing(engine: Engine) {
    let mut world = world(engine).await;
    let service = TestService::start(setup(&world)).await;
    let ingress = world.ingress().await;
    let agent = agent(&world).await;
    let mut orders = agent.orders(CancellationToken::new());
    let names = numbered("note", 5);
    let mut ids = BTreeSet::new();
    order_all(&ingress, &names).await;
    for _ in &names {
        let order = next(&mut orders).await;
        ids.insert(order.id());
        report(order, "done").await;
    }
    see_seen(&service, &reported("done", &names)).await;
    crate::common::see_marked(
        &service,
        service.number("SELECT COUNT(*) FROM outbox").await,
    )
    .await;

    // The service cannot tell orders that were carried out from orders that the broker has lost.
    world.nats.kill_hard().unwrap();
    world.nats.restart().await.unwrap();
    let mut again = BTreeSet::new();
    while again.len() < names.len() {
        let order = next(&mut orders).await;
        again.insert(order.id());
        report(order, "done once more").await;
    }
    assert_eq!(again, ids, "the same orders");
    see_all_taken(&world).await;
    assert_eq!(seen(&service).await, reported("done", &names));
    assert!(service.dead_letters().await.is_empty());
}

async fn a_report_that_fails_is_put_aside_and_can_be_replayed(engine: Engine) {
    let world = world(engine).await;
    let service = TestService::start(setup(&world)).await;
    let ingress = world.ingress().await;
    let mut names = numbered("note", 10);
    names.push("poison".to_owned());
    order_all(&ingress, &names).await;
    let agent = agent(&world).await;
    let mut orders = agent.orders(CancellationToken::new());
    for _ in &names {
        carry_out(&mut orders, "done").await;
    }
    let healthy = reported("done", &names[..10]);
    see_seen(&service, &healthy).await;

    let operator = Ingress::start(world.client_setup(Part::Operator)).await;
    let query = ListDeadLetters(DeadLetterFilter {
        after: 0,
        limit: 10,
        include_replayed: false,
    });
    let letter = eventually(DEADLINE, "a dead letter", async || {
        let Outcome::Done(page) = operator.queries.ask(&query, None, PATIENCE).await.unwrap();
        page.dead_letters.into_iter().next()
    })
    .await
    .unwrap();
    assert_eq!(letter.subject, DidIt::subject("a"));
    assert_eq!(letter.error, "on purpose");
    assert_eq!(letter.stream, REPORT_STREAM);
    see_all_taken(&world).await;

    world.steering.repair();
    for _ in 0..2 {
        let replay = ReplayDeadLetter(DeadLetterId { id: letter.id });
        let replayed = operator
            .send_command(&replay, new_id(), None, PATIENCE)
            .await;
        assert!(matches!(replayed, Ok(Outcome::Done(_))), "{replayed:?}");
    }
    see_seen(&service, &reported("done", &names)).await;
    world.see_all_settled().await;
    let all = reported("done", &names);
    assert_eq!(seen(&service).await, all, "replayed twice it counts once");
    assert!(service.dead_letters().await.is_empty());
}

async fn a_report_speaks_for_its_agent_alone(engine: Engine) {
    let world = world(engine).await;
    let service = TestService::start(setup(&world)).await;
    let ingress = world.ingress().await;
    let client = world.nats.client().await.unwrap();
    let mut replies = client.subscribe("muster.rpl.>").await.unwrap();
    client.flush().await.unwrap();
    let context = world.jetstream().await;
    let id = Uuid::from_u128(7);
    for agent in AGENTS {
        let mut map = HeaderMap::new();
        let principal = serde_json::to_string(&principal()).unwrap();
        map.insert(headers::MESSAGE_ID, id.to_string().as_str());
        map.insert(headers::SCHEMA, DidIt::schema().as_str());
        map.insert(headers::PRINCIPAL, principal.as_str());
        map.insert(headers::REPLY_TO, "muster.rpl.ingress.a");
        let body = DidIt {
            name: "note".to_owned(),
            how: "done".to_owned(),
        };
        let body = serde_json::to_vec(&body).unwrap();
        let publication = context.publish_with_headers(DidIt::subject(agent), map, body.into());
        publication.await.unwrap().await.unwrap();
    }
    // Each under the same id, and neither in the other's way. (The handler looks that there is no principal.)
    see_seen(&service, &["a done note", "b done note"].map(str::to_owned)).await;
    see_all_taken(&world).await;
    assert!(replies.next().now_or_never().is_none(), "nobody waits");
    // Nor in the way of a command under that id.
    let command = WriteNote::new("note", Act::Write);
    let written = ingress.send_command(&command, id, None, PATIENCE).await;
    assert_eq!(done(written).name, "note");
    assert!(service.dead_letters().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_agents_order_comes_to_the_next_one() {
    let world = world(Engine::Sqlite).await;
    set_acknowledge_wait(&world, Duration::from_secs(1)).await;
    let service = TestService::start(setup(&world)).await;
    let ingress = world.ingress().await;
    let names = numbered("note", 1);
    order_all(&ingress, &names).await;
    let killed = agent(&world).await;
    let order = next(&mut killed.orders(CancellationToken::new())).await;
    let id = order.id();
    assert_eq!(order.delivered(), 1);
    drop(order);
    killed.close().await;

    let agent = agent(&world).await;
    let mut orders = agent.orders(CancellationToken::new());
    let order = next(&mut orders).await;
    assert_eq!(order.id(), id);
    assert!(order.delivered() > 1);
    report(order, "done").await;
    see_seen(&service, &reported("done", &names)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_given_back_comes_at_once_and_one_that_is_discarded_never() {
    let world = world(Engine::Sqlite).await;
    let service = TestService::start(setup(&world)).await;
    let ingress = world.ingress().await;
    let names = numbered("note", 2);
    order_all(&ingress, &names).await;
    let agent = agent(&world).await;
    let stop = CancellationToken::new();
    let mut orders = agent.orders(stop.clone());
    let started = Instant::now();
    let order = next(&mut orders).await;
    let (id, subject) = (order.id(), DoIt::subject("a"));
    order.give_back().await;
    let mut ids = BTreeSet::new();
    while !ids.contains(&id) {
        let order = next(&mut orders).await;
        ids.insert(order.id());
        order.discard("the test says so").await;
    }
    assert!(started.elapsed() < Duration::from_secs(8), "{subject}");
    while ids.len() < 2 {
        let order = next(&mut orders).await;
        ids.insert(order.id());
        order.discard("the test says so").await;
    }
    eventually(DEADLINE, "no order to be left", async || {
        let info = consumer(&world, ORDER_STREAM, "a").await;
        (info.num_pending == 0 && info.num_ack_pending == 0).then_some(())
    })
    .await
    .unwrap();
    stop.cancel();
    assert!(orders.next().await.is_none());
    assert!(seen(&service).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_agent_works_on_is_not_given_to_another() {
    const ACKNOWLEDGE_WAIT: Duration = Duration::from_secs(4);
    let world = world(Engine::Sqlite).await;
    set_acknowledge_wait(&world, ACKNOWLEDGE_WAIT).await;
    let service = TestService::start(setup(&world)).await;
    let ingress = world.ingress().await;
    let names = numbered("note", 1);
    order_all(&ingress, &names).await;
    let (agent, other) = (agent(&world).await, agent(&world).await);
    let order = next(&mut agent.orders(CancellationToken::new())).await;
    let mut others = other.orders(CancellationToken::new());
    let given = tokio::time::timeout(ACKNOWLEDGE_WAIT * 2, others.next()).await;
    assert!(given.is_err(), "it was given away while it was worked on");
    report(order, "done").await;
    see_seen(&service, &reported("done", &names)).await;
}
