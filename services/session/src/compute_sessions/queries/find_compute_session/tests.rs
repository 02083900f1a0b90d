use muster_contract::session::{ComputeSessionStatus as S, MatchComputeSessions};
use muster_storage::Database;

use super::*;
use crate::compute_sessions::{
    store::find_sessions::read_matches,
    testing::{OWNER, SECOND, creating, on_both_engines, over_or_not, reference},
};

async fn matches(database: &Database, prefix: &str) -> Vec<String> {
    let question = MatchComputeSessions {
        owner: OWNER.to_owned(),
        prefix: prefix.to_owned(),
    };
    let mut snapshot = database.snapshot().await.unwrap();
    let matches = read_matches(&mut snapshot, &question).await.unwrap();
    matches.into_iter().map(|found| found.name).collect()
}

on_both_engines! {
    async fn what_is_not_over_is_found_first_and_what_is_over_if_it_may_be(world) {
        let first = world.over(creating("x-1")).await;
        world.pass(SECOND);
        let second = world.over(creating("x-1")).await;
        assert_eq!(world.session("x-1").await.id, second.id);
        assert_eq!(world.session(&first.id.to_string().to_uppercase()).await.id, first.id);
        let third = world.running(creating("x-1"), &["a"]).await;
        assert_eq!(world.session("x-1").await.id, third.id);
        let find = async |session| find_compute_session(&world.database, &FindComputeSession { session }).await.unwrap();
        let gone = find(reference(&first.id.to_string())).await;
        assert_eq!(gone, Outcome::Refused(ComputeSessionRefusal::Unknown));
        // What is over is named as a whole.
        world.over(creating("y-1")).await;
        assert_eq!(find(over_or_not("y-")).await, Outcome::Refused(ComputeSessionRefusal::Unknown));
        let Outcome::Done(live) = find(over_or_not("x-")).await else { panic!() };
        assert_eq!((live.session.status, live.logs), (S::Running, None));
    }

    async fn sessions_are_matched_by_how_they_begin(world) {
        for name in ["x-1", "x_2", "x-3"] {
            world.running(creating(name), &["a"]).await;
            world.pass(SECOND);
        }
        world.over(creating("x-4")).await;
        assert_eq!(matches(&world.database, "x-").await, ["x-3", "x-1"]);
        // Nothing in it is a wildcard.
        assert_eq!(matches(&world.database, "x_").await, ["x_2"]);
        assert_eq!(matches(&world.database, "%").await, Vec::<String>::new());
        assert_eq!(matches(&world.database, "").await.len(), 3);
        let id = world.session("x-1").await.id.to_string();
        assert_eq!(matches(&world.database, &id).await, ["x-1"]);
        assert_eq!(matches(&world.database, "x\0").await, Vec::<String>::new());
    }
}
