//! Rule 5: dead letters can be listed, replayed and thrown away.

use async_nats::HeaderMap;
use muster_contract::{
    Command, Message, Outcome, Part,
    dead_letters::{DeadLetter, DeadLetterFilter, DeadLetterId, DeadLetterPage, UnknownDeadLetter},
    headers,
    job_archive::{DiscardDeadLetter, ListDeadLetters, ReplayDeadLetter},
};
use muster_messaging::SendError;
use muster_testkit::{DEADLINE, eventually};

use crate::common::{
    Engine, World,
    ingress::{Ingress, PATIENCE, done, new_id, principal},
    messages::{Act, WriteNote},
    on_both_databases,
};

on_both_databases!(
    replayed_after_a_repair_it_takes_effect_once,
    replayed_without_a_repair_it_is_put_aside_again,
    discarded_it_is_gone,
    pages_follow_one_another,
    every_byte_comes_back,
);

async fn list(
    operator: &Ingress,
    after: i64,
    limit: u32,
    include_replayed: bool,
) -> DeadLetterPage {
    let query = ListDeadLetters(DeadLetterFilter {
        after,
        limit,
        include_replayed,
    });
    match operator.queries.ask(&query, None, PATIENCE).await.unwrap() {
        Outcome::Done(page) => page,
        Outcome::Refused(never) => match never {},
    }
}

fn ids(page: &DeadLetterPage) -> Vec<i64> {
    page.dead_letters.iter().map(|letter| letter.id).collect()
}

async fn replay(operator: &Ingress, id: i64) -> Result<DeadLetter, UnknownDeadLetter> {
    let command = ReplayDeadLetter(DeadLetterId { id });
    match operator
        .send_command(&command, new_id(), None, PATIENCE)
        .await
        .unwrap()
    {
        Outcome::Done(letter) => Ok(letter),
        Outcome::Refused(refusal) => Err(refusal),
    }
}

async fn discard(operator: &Ingress, id: i64) -> Result<DeadLetter, UnknownDeadLetter> {
    let command = DiscardDeadLetter(DeadLetterId { id });
    match operator
        .send_command(&command, new_id(), None, PATIENCE)
        .await
        .unwrap()
    {
        Outcome::Done(letter) => Ok(letter),
        Outcome::Refused(refusal) => Err(refusal),
    }
}

/// Waits until this many letters wait.
async fn see_waiting(operator: &Ingress, count: i64) -> DeadLetterPage {
    eventually(DEADLINE, "dead letters", async || {
        let page = list(operator, 0, 100, false).await;
        let all = page.waiting == count && (!page.dead_letters.is_empty() || count == 0);
        all.then_some(page)
    })
    .await
    .unwrap()
}

async fn operator(world: &World) -> Ingress {
    Ingress::start(world.client_setup(Part::Operator)).await
}

async fn replayed_after_a_repair_it_takes_effect_once(engine: Engine) {
    let world = World::new(engine).await;
    let service = world.service().await;
    let (ingress, operator) = (world.ingress().await, operator(&world).await);
    let command = WriteNote::new("note", Act::Fail);
    let id = new_id();
    let send = async || {
        ingress
            .send_command(&command, id, Some("a"), PATIENCE)
            .await
    };
    assert!(matches!(send().await, Err(SendError::DeadLettered)));
    let page = see_waiting(&operator, 1).await;
    let letter = &page.dead_letters[0];
    assert_eq!(letter.subject, WriteNote::subject());
    assert!(letter.error.contains("on purpose"), "{}", letter.error);
    assert_eq!(letter.payload, serde_json::to_string(&command).unwrap());
    assert_eq!(letter.payload_encoding, "utf-8");
    let kept = (headers::MESSAGE_ID.to_owned(), id.to_string());
    assert!(letter.headers.contains(&kept), "{:?}", letter.headers);

    world.steering.repair();
    let replayed = replay(&operator, letter.id).await.unwrap();
    assert!(replayed.replayed_at.is_some());
    // Impatience does no harm.
    replay(&operator, letter.id).await.unwrap();
    world.see_events(&["note".to_owned()]).await;
    world.see_all_settled().await;
    assert_eq!(service.names().await, ["note"]);
    assert_eq!(list(&operator, 0, 100, false).await.waiting, 0);
    assert_eq!(ids(&list(&operator, 0, 100, true).await), [letter.id]);
    // Whoever asks under the same id is given the outcome it has now.
    assert_eq!(done(send().await).name, "note");
    assert_eq!(service.names().await, ["note"]);
}

async fn replayed_without_a_repair_it_is_put_aside_again(engine: Engine) {
    let world = World::new(engine).await;
    let _service = world.service().await;
    let (ingress, operator) = (world.ingress().await, operator(&world).await);
    let outcome = ingress.send("note", Act::Fail).await;
    assert!(matches!(outcome, Err(SendError::DeadLettered)));
    let first = ids(&see_waiting(&operator, 1).await);
    replay(&operator, first[0]).await.unwrap();
    let again = eventually(DEADLINE, "another dead letter", async || {
        let waiting = ids(&list(&operator, 0, 100, false).await);
        (waiting.len() == 1 && waiting != first).then(|| waiting[0])
    })
    .await
    .unwrap();
    assert_eq!(ids(&list(&operator, 0, 100, true).await), [first[0], again]);
    world.see_all_settled().await;
}

async fn discarded_it_is_gone(engine: Engine) {
    let world = World::new(engine).await;
    let _service = world.service().await;
    let (ingress, operator) = (world.ingress().await, operator(&world).await);
    let outcome = ingress.send("note", Act::Fail).await;
    assert!(matches!(outcome, Err(SendError::DeadLettered)));
    let id = ids(&see_waiting(&operator, 1).await)[0];
    assert_eq!(discard(&operator, id).await.unwrap().id, id);
    assert!(ids(&list(&operator, 0, 100, true).await).is_empty());
    let unknown = UnknownDeadLetter { id };
    assert_eq!(discard(&operator, id).await, Err(unknown));
    assert_eq!(replay(&operator, id).await, Err(unknown));
    world.see_all_settled().await;
}

async fn pages_follow_one_another(engine: Engine) {
    let world = World::new(engine).await;
    let _service = world.service().await;
    let (ingress, operator) = (world.ingress().await, operator(&world).await);
    for number in 0..40 {
        let outcome = ingress.send(format!("note {number}"), Act::Fail).await;
        assert!(matches!(outcome, Err(SendError::DeadLettered)));
    }
    let all = ids(&see_waiting(&operator, 40).await);
    assert_eq!(all.len(), 40);
    let mut paged = Vec::new();
    loop {
        let after = paged.last().copied().unwrap_or(0);
        let page = list(&operator, after, 18, false).await;
        assert_eq!(page.waiting, 40);
        if page.dead_letters.is_empty() {
            break;
        }
        paged.extend(ids(&page));
    }
    assert_eq!(paged, all);
    // Long ones make a page shorter, not impossible.
    let long = WriteNote::new("x".repeat(3 * 1024 * 1024), Act::Fail);
    for _ in 0..4 {
        let outcome = ingress.send_command(&long, new_id(), None, PATIENCE).await;
        assert!(matches!(outcome, Err(SendError::DeadLettered)));
    }
    see_waiting(&operator, 44).await;
    let page = list(&operator, paged[39], 100, false).await;
    assert!((1..=16).contains(&page.dead_letters.len()));
}

async fn every_byte_comes_back(engine: Engine) {
    let world = World::new(engine).await;
    let _service = world.service().await;
    let operator = operator(&world).await;
    let mut map = HeaderMap::new();
    map.insert(headers::MESSAGE_ID, new_id().to_string());
    map.insert(headers::SCHEMA, WriteNote::schema());
    let principal = serde_json::to_string(&principal()).unwrap();
    map.insert(headers::PRINCIPAL, principal.as_str());
    map.append("Other", "1");
    map.append("Other", "2");
    let context = world.jetstream().await;
    let subject = WriteNote::subject();
    let body = bytes::Bytes::from_static(b"\xff\x00 no JSON");
    let publication = context.publish_with_headers(subject, map, body);
    publication.await.unwrap().await.unwrap();
    let first = see_waiting(&operator, 1).await.dead_letters.remove(0);
    assert_eq!(first.payload_encoding, "base64");
    replay(&operator, first.id).await.unwrap();
    let again = eventually(DEADLINE, "it to come back", async || {
        let mut waiting = list(&operator, first.id, 100, false).await.dead_letters;
        waiting.pop()
    })
    .await
    .unwrap();
    assert_eq!(again.payload, first.payload);
    assert_eq!(again.payload_encoding, "base64");
    let kept = |letter: &DeadLetter| {
        let mut kept: Vec<_> = letter
            .headers
            .iter()
            .filter(|(name, _)| name != headers::BROKER_MESSAGE_ID)
            .cloned()
            .collect();
        kept.sort();
        kept
    };
    assert_eq!(kept(&again), kept(&first));
}
