//! Rule 2: a command sent or delivered again takes effect once, and whoever sent it gets the same outcome.

use futures_util::future::join_all;
use muster_contract::Outcome;
use muster_messaging::SendError;

use crate::common::{
    Engine, World,
    ingress::{PATIENCE, done, new_id},
    messages::{Act, WriteNote},
    numbered, on_both_databases,
};

on_both_databases!(
    a_command_sent_again_takes_effect_once,
    a_refusal_is_an_outcome_too,
    twins_in_one_batch_take_effect_once,
    a_key_used_for_another_request_is_refused,
);

async fn a_command_sent_again_takes_effect_once(engine: Engine) {
    let world = World::new(engine).await;
    let service = world.service().await;
    let ingress = world.ingress().await;
    let names = numbered("note", 8);
    let ids: Vec<_> = names.iter().map(|_| new_id()).collect();
    let send_all = async || {
        let all = names.iter().zip(&ids).map(async |(name, id)| {
            let command = WriteNote::new(name, Act::Write);
            done(ingress.send_command(&command, *id, None, PATIENCE).await)
        });
        join_all(all).await
    };
    // Three times at once, and once more later.
    let (first, second, third) = tokio::join!(send_all(), send_all(), send_all());
    let later = send_all().await;
    assert_eq!(first, second);
    assert_eq!(first, third);
    assert_eq!(first, later);
    assert_eq!(service.names().await, names);
    world.see_events(&names).await;
    world.see_all_settled().await;
    service.stop().await;
    // A process that knows nothing of it but the table.
    let service = world.service().await;
    assert_eq!(send_all().await, first);
    assert_eq!(service.names().await, names);
    assert!(service.dead_letters().await.is_empty());
}

async fn a_refusal_is_an_outcome_too(engine: Engine) {
    let world = World::new(engine).await;
    let service = world.service().await;
    let ingress = world.ingress().await;
    let command = WriteNote::new("no", Act::Refuse);
    let id = new_id();
    let mut refusals = Vec::new();
    for _ in 0..2 {
        let outcome = ingress.send_command(&command, id, None, PATIENCE).await;
        let Ok(Outcome::Refused(refusal)) = outcome else {
            panic!("{outcome:?}");
        };
        refusals.push(refusal);
    }
    assert_eq!(refusals[0], refusals[1]);
    assert!(service.names().await.is_empty());
    assert!(world.events().await.is_empty());
    world.see_all_settled().await;
}

/// Sends while the handler is held up, so that all of it waits for the next batch.
async fn twins_in_one_batch_take_effect_once(engine: Engine) {
    let world = World::new(engine).await;
    let service = world.service().await;
    let ingress = world.ingress().await;
    ingress.write("first").await;
    let holding = tokio::spawn({
        let ingress = ingress.clone();
        async move { ingress.send("held", Act::WaitAtGate).await }
    });
    world.steering.reach_gate(1).await;
    let id = new_id();
    let command = WriteNote::new("twin", Act::Write);
    let other = WriteNote::new("other", Act::Write);
    let twin = || ingress.send_command(&command, id, Some("a"), PATIENCE);
    let sending = async {
        tokio::join!(
            twin(),
            twin(),
            ingress.send_command(&other, id, Some("b"), PATIENCE),
        )
    };
    let opening = async {
        ingress.see_waiting(4).await;
        world.see_stored(4).await;
        world.steering.open_gate();
    };
    let ((one, two, three), ()) = tokio::join!(sending, opening);
    done(holding.await.unwrap());
    // Which of the two requests was first is the broker's matter; the other was refused.
    let outcomes = [one, two, three];
    let (reused, carried_out): (Vec<_>, Vec<_>) = outcomes
        .into_iter()
        .partition(|outcome| matches!(outcome, Err(SendError::KeyReused)));
    assert!(!reused.is_empty() && !carried_out.is_empty());
    let replies: Vec<_> = carried_out.into_iter().map(done).collect();
    assert!(replies.iter().all(|reply| *reply == replies[0]));
    let mut names = vec![
        "first".to_owned(),
        "held".to_owned(),
        replies[0].name.clone(),
    ];
    names.sort();
    assert_eq!(service.names().await, names);
    let batches = world.steering.batches();
    let sizes: Vec<usize> = batches.iter().map(Vec::len).collect();
    assert_eq!(
        sizes,
        [1, 1, 1],
        "twins are one command to the handler: {batches:?}"
    );
    world.see_events(&names).await;
    world.see_all_settled().await;
}

async fn a_key_used_for_another_request_is_refused(engine: Engine) {
    let world = World::new(engine).await;
    let service = world.service().await;
    let ingress = world.ingress().await;
    let id = new_id();
    let send = async |name: &str, fingerprint| {
        let command = WriteNote::new(name, Act::Write);
        ingress
            .send_command(&command, id, fingerprint, PATIENCE)
            .await
    };
    let first = done(send("first", Some("a")).await);
    for other in [Some("b"), None] {
        let refused = send("second", other).await;
        assert!(matches!(refused, Err(SendError::KeyReused)), "{refused:?}");
    }
    assert_eq!(done(send("first", Some("a")).await), first);
    assert_eq!(service.names().await, ["first"]);
    world.see_all_settled().await;
}
