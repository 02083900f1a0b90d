//! Two replicas share the consumer and the tables.

use std::collections::HashMap;

use futures_util::{StreamExt as _, stream};

use crate::common::{
    Engine, World,
    handlers::Steering,
    ingress::{PATIENCE, done, new_id},
    messages::{Act, WriteNote},
    numbered, on_postgres,
    service::{Setup, TestService},
};

on_postgres!(two_replicas_do_everything_once);

async fn two_replicas_do_everything_once(engine: Engine) {
    const COMMANDS: usize = 2_000;
    const DIFFERENT: usize = 1_500;
    let world = World::new(engine).await;
    let other = Steering::new();
    let one = world.service().await;
    let two = TestService::start(Setup {
        instance: "two".to_owned(),
        steering: other.clone(),
        ..world.setup()
    })
    .await;
    let ingress = world.ingress().await;
    let names = numbered("note", DIFFERENT);
    let commands: Vec<_> = names.iter().map(|name| (new_id(), name)).collect();
    // Each of the first five hundred a second time, soon after the first.
    let all = (0..COMMANDS).map(|number| {
        let (round, place) = (number / 40, number % 40);
        let index = if place < 30 {
            round * 30 + place
        } else {
            round * 30 + place - 30
        };
        commands[index]
    });
    let outcomes: Vec<_> = stream::iter(all)
        .map(async |(id, name)| {
            let command = WriteNote::new(name, Act::Write);
            let outcome = ingress.send_command(&command, id, None, PATIENCE).await;
            (id, done(outcome))
        })
        .buffer_unordered(128)
        .collect()
        .await;
    assert_eq!(outcomes.len(), COMMANDS);
    let mut by_id = HashMap::new();
    for (id, outcome) in outcomes {
        assert_eq!(*by_id.entry(id).or_insert_with(|| outcome.clone()), outcome);
    }
    assert_eq!(by_id.len(), DIFFERENT);
    assert_eq!(one.names().await, names);
    assert!(one.dead_letters().await.is_empty());
    world.see_events(&names).await;
    world.see_all_settled().await;
    assert!(
        world.steering.runs() > 100 && other.runs() > 100,
        "both have worked"
    );
    two.stop().await;
    one.stop().await;
}
