//! Rule 8: questions are answered by the owner of the tables, in as many messages as it takes.

use std::time::{Duration, Instant};

use muster_contract::Part;
use muster_messaging::AskError;
use muster_testkit::ChaosProxy;

use crate::common::{
    Engine, World,
    ingress::{ANSWER_LIMIT, AT_ONCE, ClientSetup, Ingress, PATIENCE},
    messages::{Act, Answer, Ask},
    numbered, on_both_databases,
};

on_both_databases!(
    an_answer_sees_what_was_told_before,
    long_answers_come_whole,
    an_owner_that_is_away_is_waited_for,
    a_handler_that_panics_fails_alone,
    a_question_is_asked_again_after_the_connection_was_lost,
    a_broker_that_is_away_is_told_at_once,
    a_full_list_of_waiters_is_told,
    a_service_that_stops_answers_what_it_was_asked,
);

async fn an_answer_sees_what_was_told_before(engine: Engine) {
    let world = World::new(engine).await;
    let _service = world.service().await;
    let ingress = world.ingress().await;
    let names = numbered("note", 20);
    for (index, name) in names.iter().enumerate() {
        ingress.write(name).await;
        let answer = ingress.ask(&Ask::Names, PATIENCE).await.unwrap();
        assert_eq!(answer, Answer::Names(names[..=index].to_vec()));
    }
}

async fn long_answers_come_whole(engine: Engine) {
    let world = World::new(engine).await;
    let _service = world.service().await;
    let ingress = world.ingress().await;
    // Around the length of one message and of two, and some forty of them.
    let part = 512 * 1024;
    for length in [0, 1, part - 20, part, part + 20, 2 * part, 20 * 1024 * 1024] {
        let answer = ingress.ask(&Ask::Text(length), PATIENCE).await.unwrap();
        let Answer::Text(text) = answer else {
            panic!("no text");
        };
        assert_eq!(text.len(), length);
    }
    let outcome = ingress.ask(&Ask::Text(ANSWER_LIMIT), PATIENCE).await;
    let Err(AskError::TooLarge { limit }) = outcome else {
        panic!("{:?}", outcome.err());
    };
    assert_eq!(limit, ANSWER_LIMIT);
    assert!(ingress.ask(&Ask::Names, PATIENCE).await.is_ok());
}

async fn an_owner_that_is_away_is_waited_for(engine: Engine) {
    let world = World::new(engine).await;
    let ingress = world.ingress().await;
    let deadline = Duration::from_millis(600);
    let started = Instant::now();
    let outcome = ingress.ask(&Ask::Names, deadline).await;
    assert!(matches!(outcome, Err(AskError::OwnerAway)), "{outcome:?}");
    assert!(started.elapsed() + Duration::from_millis(200) >= deadline);
    assert!(started.elapsed() <= deadline + AT_ONCE);
    let asking = tokio::spawn({
        let ingress = ingress.clone();
        async move { ingress.ask(&Ask::Names, PATIENCE).await }
    });
    let _service = world.service().await;
    let answer = asking.await.unwrap().unwrap();
    assert_eq!(answer, Answer::Names(vec![]));
}

async fn a_handler_that_panics_fails_alone(engine: Engine) {
    let world = World::new(engine).await;
    let _service = world.service().await;
    let ingress = world.ingress().await;
    for _ in 0..3 {
        let outcome = ingress.ask(&Ask::Panic, PATIENCE).await;
        let Err(AskError::Failed(reason)) = outcome else {
            panic!("{outcome:?}");
        };
        assert!(
            !reason.contains("on purpose"),
            "what went wrong is not for others: {reason}"
        );
        assert!(ingress.ask(&Ask::Names, PATIENCE).await.is_ok());
    }
}

async fn a_question_is_asked_again_after_the_connection_was_lost(engine: Engine) {
    let world = World::new(engine).await;
    let _service = world.service().await;
    let proxy = ChaosProxy::start(world.nats.address()).unwrap();
    let ingress = Ingress::start(ClientSetup {
        url: format!("nats://{}", proxy.address()),
        ..world.client_setup(Part::Ingress)
    })
    .await;
    let asking = tokio::spawn({
        let ingress = ingress.clone();
        async move { ingress.ask(&Ask::NamesAtGate, PATIENCE).await }
    });
    world.steering.reach_gate(1).await;
    proxy.drop_connections();
    world.steering.reach_gate(2).await;
    world.steering.open_gate();
    assert_eq!(asking.await.unwrap().unwrap(), Answer::Names(vec![]));
}

async fn a_broker_that_is_away_is_told_at_once(engine: Engine) {
    let mut world = World::new(engine).await;
    let _service = world.service().await;
    let ingress = world.ingress().await;
    world.nats.kill_hard().unwrap();
    ingress.see_connected(false).await;
    let started = Instant::now();
    let outcome = ingress.ask(&Ask::Names, PATIENCE).await;
    assert!(matches!(outcome, Err(AskError::BrokerAway)), "{outcome:?}");
    assert!(started.elapsed() < AT_ONCE);
    world.nats.restart().await.unwrap();
    ingress.see_connected(true).await;
    assert!(ingress.ask(&Ask::Names, PATIENCE).await.is_ok());
}

async fn a_full_list_of_waiters_is_told(engine: Engine) {
    let world = World::new(engine).await;
    let _service = world.service().await;
    let ingress = Ingress::start(ClientSetup {
        waiter_limit: 1,
        ..world.client_setup(Part::Ingress)
    })
    .await;
    let asking = tokio::spawn({
        let ingress = ingress.clone();
        async move { ingress.ask(&Ask::NamesAtGate, PATIENCE).await }
    });
    world.steering.reach_gate(1).await;
    let outcome = ingress.ask(&Ask::Names, PATIENCE).await;
    assert!(
        matches!(outcome, Err(AskError::TooManyWaiters { limit: 1 })),
        "{outcome:?}"
    );
    world.steering.open_gate();
    assert!(asking.await.unwrap().is_ok());
    ingress.write("and commands have a list of their own").await;
    assert!(ingress.send("note", Act::Write).await.is_ok());
}

async fn a_service_that_stops_answers_what_it_was_asked(engine: Engine) {
    let world = World::new(engine).await;
    let service = world.service().await;
    let ingress = world.ingress().await;
    let asking = tokio::spawn({
        let ingress = ingress.clone();
        async move { ingress.ask(&Ask::NamesAtGate, PATIENCE).await }
    });
    world.steering.reach_gate(1).await;
    service.trigger();
    // Nobody takes questions any more, so that another replica gets them.
    muster_testkit::eventually(muster_testkit::DEADLINE, "no owner", async || {
        let outcome = ingress.ask(&Ask::Names, Duration::from_millis(100)).await;
        matches!(outcome, Err(AskError::OwnerAway)).then_some(())
    })
    .await
    .unwrap();
    world.steering.open_gate();
    assert_eq!(asking.await.unwrap().unwrap(), Answer::Names(vec![]));
    service.stop().await;
}
