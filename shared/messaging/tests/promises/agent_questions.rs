//! An agent answers what it is asked, each question once; whoever asks learns at once of one that is not there.

use std::time::{Duration, Instant};

use muster_contract::{Message as _, Outcome, Part};
use muster_messaging::{AnswerError, AskError, AskedQuestion, Questions};
use muster_testkit::{ChaosProxy, DEADLINE, eventually};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::common::{
    Engine, World,
    ingress::{AT_ONCE, ClientSetup, Ingress, PATIENCE},
    messages::{AskAgent, Forbidden, NoteWritten},
};

const AGENT: &str = "n1.dusty";

type Answered = Result<Outcome<NoteWritten, Forbidden>, AskError>;

/// Questions are no matter of databases.
async fn world() -> World {
    World::new(Engine::Sqlite).await
}

/// Of an agent that listens.
async fn questions(world: &World, ingress: &Ingress) -> (Questions, CancellationToken) {
    let stop = CancellationToken::new();
    let mut questions = world.agent(AGENT).await.questions(stop.clone());
    // It listens from the first time on that somebody wants the next question of it.
    eventually(DEADLINE, "the agent to listen", async || {
        let mut asking = ask(ingress, "whether it listens");
        tokio::select! {
            question = questions.next() => {
                answer(question.unwrap()).await;
                asking.await.unwrap().unwrap();
                Some(())
            }
            outcome = &mut asking => {
                let outcome = outcome.unwrap();
                assert!(matches!(outcome, Err(AskError::OwnerAway)), "{outcome:?}");
                None
            }
        }
    })
    .await
    .unwrap();
    (questions, stop)
}

fn ask_for(ingress: &Ingress, name: &str, deadline: Duration) -> JoinHandle<Answered> {
    let (queries, question) = (ingress.queries.clone(), AskAgent::new(name));
    tokio::spawn(async move { queries.ask_agent(AGENT, &question, deadline).await })
}

fn ask(ingress: &Ingress, name: &str) -> JoinHandle<Answered> {
    ask_for(ingress, name, PATIENCE)
}

async fn next(questions: &mut Questions) -> AskedQuestion {
    tokio::time::timeout(DEADLINE, questions.next())
        .await
        .expect("a question in time")
        .unwrap()
}

fn written(name: &str) -> NoteWritten {
    NoteWritten {
        name: name.to_owned(),
        run: 1,
    }
}

async fn answer(question: AskedQuestion) {
    let AskAgent { name } = question.decode().unwrap();
    let outcome = Outcome::Done(written(&name));
    question.answer::<AskAgent>(&outcome).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_answers_and_refuses_and_fails() {
    let world = world().await;
    let ingress = world.ingress().await;
    let (mut questions, _stop) = questions(&world, &ingress).await;

    let asking = ask(&ingress, "note");
    let question = next(&mut questions).await;
    assert_eq!(question.name(), AskAgent::NAME);
    assert_eq!(question.schema(), Some(AskAgent::schema().as_str()));
    assert_eq!(question.payload(), br#"{"name":"note"}"#);
    answer(question).await;
    let answered = asking.await.unwrap().unwrap();
    assert_eq!(answered, Outcome::Done(written("note")));

    let asking = ask(&ingress, "note");
    let refused = Outcome::Refused(Forbidden {
        name: "note".to_owned(),
        run: 2,
    });
    let question = next(&mut questions).await;
    question.answer::<AskAgent>(&refused).await.unwrap();
    assert_eq!(asking.await.unwrap().unwrap(), refused);

    let asking = ask(&ingress, "note");
    next(&mut questions).await.fail().await.unwrap();
    let failed = asking.await.unwrap();
    assert!(matches!(failed, Err(AskError::Failed(_))), "{failed:?}");

    // An answer that cannot be sent is told as well.
    let asking = ask(&ingress, "note");
    let long = Outcome::Done(written(&"x".repeat(9 * 1024 * 1024)));
    let sent = next(&mut questions).await.answer::<AskAgent>(&long).await;
    assert!(matches!(sent, Err(AnswerError::Unfit(_))), "{sent:?}");
    let failed = asking.await.unwrap();
    assert!(matches!(failed, Err(AskError::Failed(_))), "{failed:?}");

    // What came of one that is dropped nobody knows.
    let asking = ask_for(&ingress, "note", Duration::from_millis(500));
    drop(next(&mut questions).await);
    let none = asking.await.unwrap();
    assert!(matches!(none, Err(AskError::Deadline)), "{none:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_not_there_is_told_at_once() {
    let world = world().await;
    let ingress = world.ingress().await;
    let started = Instant::now();
    let outcome = ask(&ingress, "note").await.unwrap();
    assert!(matches!(outcome, Err(AskError::OwnerAway)), "{outcome:?}");
    assert!(started.elapsed() < AT_ONCE);

    // So it is when it has stopped.
    let (mut questions, stop) = questions(&world, &ingress).await;
    let asking: Vec<_> = (0..20).map(|_| ask(&ingress, "note")).collect();
    let question = next(&mut questions).await;
    stop.cancel();
    assert!(questions.next().await.is_none());
    answer(question).await;
    let mut answered = 0;
    for asking in asking {
        match asking.await.unwrap() {
            Ok(_) => answered += 1,
            // Whom it does not answer any more it tells so.
            Err(AskError::Failed(_) | AskError::OwnerAway) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(answered, 1);
    let outcome = ask(&ingress, "note").await.unwrap();
    assert!(matches!(outcome, Err(AskError::OwnerAway)), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_takes_its_time_is_not_asked_again() {
    /// Longer than a service may be silent before it is asked again.
    const LONG: Duration = Duration::from_millis(2_500);
    let world = world().await;
    let ingress = world.ingress().await;
    let (mut questions, _stop) = questions(&world, &ingress).await;
    let asking = ask(&ingress, "note");
    let question = next(&mut questions).await;
    let again = tokio::time::timeout(LONG, questions.next()).await;
    assert!(again.is_err(), "it was asked again");
    answer(question).await;
    assert!(asking.await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_not_given_more_than_it_can_have_at_hand() {
    const AT_HAND: usize = 64;
    let world = world().await;
    let ingress = world.ingress().await;
    let (mut questions, _stop) = questions(&world, &ingress).await;
    let asking: Vec<_> = (0..AT_HAND + 5).map(|_| ask(&ingress, "note")).collect();
    let mut at_hand = Vec::new();
    while at_hand.len() < AT_HAND {
        at_hand.push(next(&mut questions).await);
    }
    let more = tokio::time::timeout(Duration::from_millis(300), questions.next()).await;
    assert!(more.is_err(), "there is no room for one more");
    for question in at_hand {
        answer(question).await;
    }
    for _ in 0..5 {
        answer(next(&mut questions).await).await;
    }
    for asking in asking {
        assert!(asking.await.unwrap().is_ok());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_of_a_question_is_not_known_when_the_connection_was_lost() {
    let world = world().await;
    let proxy = ChaosProxy::start(world.nats.address()).unwrap();
    let ingress = Ingress::start(ClientSetup {
        url: format!("nats://{}", proxy.address()),
        ..world.client_setup(Part::Ingress)
    })
    .await;
    let (mut questions, _stop) = questions(&world, &ingress).await;
    let asking = ask(&ingress, "note");
    let question = next(&mut questions).await;
    proxy.drop_connections();
    let outcome = asking.await.unwrap();
    assert!(matches!(outcome, Err(AskError::BrokerAway)), "{outcome:?}");
    // The agent need not know: its answer goes nowhere.
    answer(question).await;
    let asking = ask(&ingress, "another note");
    answer(next(&mut questions).await).await;
    assert!(asking.await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limits_are_those_of_other_questions() {
    let world = world().await;
    let ingress = Ingress::start(ClientSetup {
        waiter_limit: 1,
        ..world.client_setup(Part::Ingress)
    })
    .await;
    let (mut questions, _stop) = questions(&world, &ingress).await;
    let asking = ask(&ingress, "note");
    let question = next(&mut questions).await;
    let outcome = ask(&ingress, "note").await.unwrap();
    assert!(
        matches!(outcome, Err(AskError::TooManyWaiters { limit: 1 })),
        "{outcome:?}"
    );
    answer(question).await;
    assert!(asking.await.unwrap().is_ok());
    let outcome = ask(&ingress, &"x".repeat(9 * 1024 * 1024)).await.unwrap();
    assert!(
        matches!(outcome, Err(AskError::TooLarge { .. })),
        "{outcome:?}"
    );
}
